// Package state is the fold of the log into the resources that live now: a
// persistent ordered map from address to resource, an index of who refers to
// whom, and the receipts of idempotency keys.
//
// Invariants:
//
//   - A State never changes once it is made; any number of goroutines read it
//     without a lock. A Builder is the only thing that moves forward, one event
//     at a time, and it belongs to one goroutine.
//   - The same events give the same state, byte for byte (Digest), on every
//     node and in every run: no clock, no map order, no float decides.
//   - An event that cannot be folded sets its subject aside (phase unfoldable)
//     and never stops the fold.
//   - A checkpoint is a copy that may be lost at any time: it is taken whole,
//     or not at all, and the log makes the same state again.
//
// Deliberately absent: any kind by name, permissions, rules, the graph, and
// every way to change a resource other than an event.
package state
