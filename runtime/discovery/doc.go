// Package discovery lets nodes find each other on a local network, by
// multicast DNS (RFC 6762) and its service discovery (RFC 6763).
//
// Every node answers for the service _picloud._tcp on each of its interfaces,
// over IPv4 and IPv6, and says its cluster, key id, role, port and version;
// every node browses for the others. While the cluster's domain ends in
// .local, ready nodes answer for that name too.
//
// Invariants:
//   - What is found is a hint. Nothing here proves who a node is; whoever
//     dials checks its key.
//   - A node of one cluster is not told of the nodes of another.
//   - Every input is bounded: bytes and records of a packet, letters of a
//     field, nodes that are remembered, reports a second.
//   - At most one multicast answer a second goes out on an interface, whatever
//     is asked; an answer to one asker goes only to a neighbour on the link.
//   - An answer on an interface carries that interface's addresses only.
//
// Deliberately absent: trust, a cache of foreign records, known-answer lists,
// probing for unique names (they are made from keys), and a way to report that
// a node has gone: absence on the air says nothing about a node.
package discovery
