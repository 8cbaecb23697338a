// Package faulty is a disk in memory that does to those who use it what disks
// do: for tests of everything that says it loses nothing.
//
// Invariants:
//
//   - After a power cut (Cut, CutAt, then After) any part of what was not synced
//     is gone: writes in no order, sector by sector, sectors in part, names of
//     files too. What was synced is there. A killed process (Kill) loses nothing.
//   - An operation that fails may have been done, in part or whole.
//   - Whoever holds a file of a disk whose power is gone changes nothing any
//     more; reads still answer, as nobody is left to hear them.
//   - The disk never sleeps while it holds a lock, so that stalls work on
//     virtual time.
//   - One source of randomness, given by the caller, decides everything.
//
// Deliberately absent: a disk that lies about a sync that succeeded, because
// nothing can be promised on it, and permissions.
package faulty
