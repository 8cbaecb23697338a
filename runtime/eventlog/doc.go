// Package eventlog keeps the one durable history of a cluster: batches of
// events in append-only segment files, each with a checksum and a place in a
// digest chain.
//
// Invariants:
//
//   - The first event is at position 1; a batch of n events occupies n
//     consecutive positions; a position is never used twice.
//   - The log knows no kind and no encoding: payloads are opaque bytes.
//   - The batches that one Raft entry brought are appended together or not at
//     all, also across a crash, so "the log holds index i" is always true or
//     false of the whole entry.
//   - A segment holds only what the cluster agreed on, in an order and at a
//     size that all nodes agree on; nothing in it is particular to one node.
//   - A sealed segment never changes, but may get another form as a whole:
//     compressed, or without payloads that newer events supersede. Positions, time,
//     Raft index and the digest chain stay, and it is read as before.
//   - What was once synced and is no longer readable is corruption, named with
//     file, offset and position. Only what was never synced is cut, and the cut
//     is reported: Raft's log still has it.
//   - No lock is held while a reader's consumer works, and a reader holds no
//     file open between two reads.
//
// Deliberately absent: what may be dropped (see Compaction), any knowledge of Raft
// beyond the index stored with each batch, and any goroutine: whoever owns the log
// decides when to sync, archive and compact it.
package eventlog
