// Package sparql evaluates SPARQL 1.1 queries and updates over snapshots of the quad store.
//
// The way of a query: syntax (text to tree) → algebra (section 18 of the
// specification, unoptimised) → planner (filters where their variables are
// bound, joins ordered by counts and samples, loops or hash tables by cost) →
// operators over rows of ids → results. Terms are decoded only where an expression or the
// result needs them.
//
// Invariants:
//   - A query sees one immutable snapshot and of it only the graphs that its
//     Dataset lists. The scan checks; no query is rewritten to restrict it, and
//     no other way leads to the quads.
//   - Two ids of an execution are equal exactly when their terms are; what a
//     query computes gets ids above the snapshot's.
//   - Every loop counts its steps (e.tick, or e.work where a step is long) and
//     ends when told false; what an operator keeps is charged before it is
//     allocated (e.charge) and given back when it is done (e.release); nesting is
//     bounded. No query panics. A test runs every operator with a small budget
//     and looks at the heap, and fails for an operator that it has no query for.
//   - A join is a nested loop only where that gives what the bottom-up semantics
//     gives (correlate.go); a naive evaluator checks it in the tests.
//   - An update is evaluated like a query: on a snapshot, and nothing is written.
//     What comes out is the net change, which somebody else decides and applies.
//
// Deliberately absent: a way to write, federation (SERVICE is refused), fetching
// (LOAD asks a function that the caller gives, and is refused without),
// entailment, text search, and any knowledge of what the graphs mean.
package sparql
