// Package reconcile brings what is in line with what is declared: it watches
// the folded state for keys that moved, calls a port for each, and tries again
// until the port is content.
//
// Invariants:
//
//   - Level-triggered: a port is told which key, never what happened. Whatever
//     was missed, skipped or happened twice, the next look shows the present.
//   - A key is never worked on twice at once; a key that moves meanwhile is
//     worked on once more.
//   - A port that fails is tried again later, and later each time, up to a
//     bound; no key holds up another.
//   - Nothing here changes state. What a port found goes through the front door
//     like every other change.
//   - Every goroutine ends with Close.
//
// Deliberately absent: kinds by name, desired state of its own, the log.
package reconcile
