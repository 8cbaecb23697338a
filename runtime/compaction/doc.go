// Package compaction keeps the event log small: it compresses old segments and
// drops observations that newer ones supersede.
//
// Invariants:
//
//   - Only events of the retention class latest are dropped, each only when a newer
//     event of the same subject and type says all that it said (the overwrite law,
//     gen/DESIGN.md). A batch goes whole or not at all; one that holds anything
//     permanent, a receipt, or what this release cannot read stays.
//   - The leader says in the log up to where (LogCompacted), all nodes do it, each in
//     its own time, and it comes to the same everywhere.
//   - What is younger than the cluster's retention of observations stays.
//   - Appending, reading and catching up go on meanwhile.
//
// Deliberately absent: how segments are rewritten (eventlog), and any loss of
// permanent events.
package compaction
