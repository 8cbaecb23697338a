// Package backup keeps the history of a cluster in one encrypted file, and reads
// it back.
//
// Invariants:
//
//   - A backup holds the cluster up to one position, whole: its event log, from
//     which all else is folded, and the master keys that open what is sealed in it.
//   - Nothing of it is readable without the passphrase (age, with scrypt), and a
//     file that was changed or cut is refused: age authenticates every piece and
//     the end, the log its digest chain up to the digest in the header.
//   - Writing and reading stream: neither holds more than one Raft entry.
//   - A check reads all, in one run or in several.
//
// Deliberately absent: data of volumes and images of datasets (the latter are
// folded again), schedules, any way to restore a backup in part, and reading
// through a pipe.
package backup
