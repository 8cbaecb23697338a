// Package node is the one composition root: it opens the parts of a node in
// their order, connects them, and closes them in the reverse order.
//
// The life of a node is the list of steps in Open. It claims its directory, opens
// the keys that it is, and answers at its port from then on. A new one waits: until
// its owner has it found a cluster, over the socket of the directory, or until a
// cluster lets it in. A member fetches what Raft will not bring, takes its part in
// the consensus, and serves.
//
// Invariants:
//
//   - A node founds a cluster only when it was told to, and belongs to one.
//   - What it was told, and what it is a member of, is in a file before it acts on
//     that: a start goes on wherever the last one ended.
//   - A member serves what it has without a leader; only writes need one.
//   - Everything has an owner, and ends before what it stands on. What cannot go on
//     ends the node, which says why (Failed).
//
// Deliberately absent: law and protocol. Everything that a part needs is handed to
// it here; no part finds another by itself.
package node
