// Package disk is as much of a file system as those need who keep what must not
// be lost: the event log, Raft's store, the checkpoint of the state.
//
// Invariants:
//
//   - Whoever keeps something writes through FS and nothing else, so that one
//     faulty disk (package faulty) can be put under all of them at once.
//   - Nothing is durable before a Sync of its file, nor a name before a SyncDir
//     of its directory; what says durable in its name or comment does both.
//   - A Lock may be held while the disk works; a sync.Mutex may not.
//
// Deliberately absent: permissions beyond those at creation, links, times,
// mmap, and locks between processes (see eventlog/datadir).
package disk
