// Package peer is the wire: one TCP port that clients and members of the
// cluster share, and the connections that members open to each other.
//
// Invariants:
//
//   - TLS 1.3 and nothing else. The protocol that a connection is for is settled
//     in its handshake (ALPN): "h2" and "http/1.1" are of clients, "picloud-raft/1"
//     carries Raft's messages, "picloud-peer/1" HTTP/1.1 between members.
//   - A member is its key. Who dials by ID speaks to the holder of that key or
//     to nobody, whatever the address; who is let in as a peer showed a key that
//     is admitted, in a certificate of the cluster's authority. Dates do not count
//     between members, and sessions are not resumed, so that the list of keys
//     alone decides, at every handshake.
//   - Who is no longer admitted is cut off at once, in both directions (Drop), and
//     asked for again with each request.
//   - A connection that was dialled is one that the other side has let in.
//   - What has not proved anything holds little: connections in their handshake are
//     bounded, in all and for each address, take turns by address, and have little
//     time when others wait.
//
// Deliberately absent: who is a member (Config.Admits), where members are
// (Config.Addresses; Book keeps what was learned), what they say to each other
// (Handle), Raft, and all that clients ask.
package peer
