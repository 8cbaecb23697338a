// Package simtest runs whole clusters in one process on virtual time: consensus,
// event log, fold and clients of 3 and 5 nodes on disks and a network that fail
// by a schedule, and judges what happened.
//
// Invariants:
//
//   - A seed makes the schedule: nodes, workload, faults and their times. It
//     also seeds the network, the disks and Raft's random timeouts.
//   - Nothing of the product is replaced but the disk, the network, the wall
//     clock, and the front door, which decides about small commands of its own.
//   - What happened is a History of plain values. A checker is a pure function
//     of it, one a file, and has a test with a history that it must refuse.
//   - A failure prints seed, schedule, what was found and the history; the seed
//     repeats it ("make sim SEED=n REPEAT=50").
//
// Deliberately absent: what a seed cannot fix. Go's choice among ready cases of
// a select and the order in which ready goroutines run differ between runs.
package simtest
