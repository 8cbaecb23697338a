// Package raftlog keeps Raft's log in append-only segment files: one write and
// one fdatasync for each StoreLogs.
//
// Invariants:
//
//   - Nothing that was written is written over. What DeleteRange takes away, at
//     the head or at the tail, is said by a further record; a segment is
//     removed only when it holds no entry that counts.
//   - At most one write is not yet durable, and the next begins only after its
//     sync. So damage that a later record stands behind is corruption, named
//     with file and offset; damage at the very end is a write that a crash
//     interrupted, and is cut.
//   - The indexes of the log are dense: a gap is refused.
//   - Every byte that a read hands out was checked (CRC-32C).
//   - After a failed write or sync the store refuses all further changes: what
//     the file holds is no longer known before it is opened again. A full disk
//     is no such failure: room is taken before anything is written.
//
// Deliberately absent: mmap, a cache of entries, any goroutine, and Raft's term
// and vote, which are few bytes that change in place (see consensus).
package raftlog
