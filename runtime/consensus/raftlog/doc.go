// Package raftlog is Raft's memory on a disk.FS: its log in append-only segment
// files, one write and one fdatasync for each StoreLogs (Store); term and vote in
// a file of two slots (Stable); the newest snapshots, a small file each
// (Snapshots).
//
// Invariants of the log:
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
// Term and vote are durable when they are answered for, and a snapshot is there
// whole or not at all.
//
// Deliberately absent: mmap, a cache of entries, and any goroutine.
package raftlog
