// Package command is the front door: every change, whoever asks for it, is
// authenticated, authorised, validated, sealed, decided and proposed here, and
// what a caller may read is asked here too.
//
// Invariants:
//
//   - Decisions are made one after the other, on an overlay of the folded state
//     and of everything in flight. A decision reads no clock but the log's and
//     changes nothing but its own copy of the overlay.
//   - A request is answered when its events are folded and published on this
//     node. One that wrote nothing is answered when what it was decided on is
//     folded and the leader is still the leader.
//   - Checks of one command run on its caller's goroutine, before it waits for
//     its decision.
//   - Rules of the slices judge what a request amounts to, however it came about:
//     deleted, pruned, or ended with something else.
//   - What is not allowed explicitly is refused.
//   - "Stale" of the fence never leaves: the request is decided again.
//   - No clear value of a sensitive field gets further than Prepare.
//
// Deliberately absent: kinds by name, HTTP (messages name its switches, and
// those of the command line), and every way around Decide.
package command
