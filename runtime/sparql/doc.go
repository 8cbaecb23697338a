// Package sparql answers SPARQL 1.1 queries over snapshots of the quad store.
//
// The way of a query: syntax (text to tree) → algebra (section 18 of the
// specification, unoptimised) → planner (filters where their variables are
// bound, joins ordered by counts, nested loop or hash join) → operators over
// rows of ids → results. Terms are decoded only where an expression or the
// result needs them.
//
// Invariants:
//   - A query sees one immutable snapshot and of it only the graphs that its
//     Dataset lists. The scan checks; no query is rewritten to restrict it, and
//     no other way leads to the quads.
//   - Two ids of an execution are equal exactly when their terms are; what a
//     query computes gets ids above the snapshot's.
//   - Every loop counts its steps and looks at the clock; what operators keep is
//     charged to a budget; nesting is bounded. No query panics.
//   - A join is a nested loop only where that gives what the bottom-up semantics
//     gives (correlate.go); a naive evaluator checks it in the tests.
//
// Deliberately absent: update (syntax reads it, nothing runs it), federation (SERVICE is refused), entailment,
// text search, and any knowledge of what the graphs mean.
package sparql
