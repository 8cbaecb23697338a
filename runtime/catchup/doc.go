// Package catchup brings the event log of a node up to those of other members,
// outside Raft.
//
// Invariants:
//
//   - One way for all cases: the bytes of the log after a position, segment
//     headers and frames as in the files. A new node, one that was away for a
//     day and one that heals read the same thing.
//   - Nothing is taken that was not checked: checksum, order and digest chain from
//     the own head on. A peer with another history is refused, and both digests
//     are named.
//   - What was taken is kept: a pull goes on where the last one ended, with any
//     peer. A Raft entry is taken whole or not at all.
//   - Neither side holds more than one Raft entry in memory, and the serving side
//     never waits for a reader that stopped reading.
//
// Deliberately absent: any knowledge of Raft, of what events say, and of who may
// ask: the port admits members only. No state of a pull is kept anywhere but in
// the log itself.
package catchup
