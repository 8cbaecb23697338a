// Package projection folds the log into what readers see: at each position one
// View of state and graph that belong together.
//
// Invariants:
//
//   - A reader takes one View and reads nothing else: state and graph of a View
//     are of the same position, and never change.
//   - An event's effect on the graph is the difference between the quads of its
//     subject before and after it. All quads about a resource have it, or a
//     fragment of it, as their subject and lie in its own graph.
//   - What follows from one of the platform's graphs by the axioms is in that
//     graph's inferred graph, with the same publication. Graphs of two products do
//     not see each other.
//   - The graph can be dropped and made again from the log; the result is equal
//     (Rebuild, Verify), also when compaction dropped superseded observations: they
//     are passed over. Where the log begins a generation, the view stands there.
//   - Only Fold and Publish write, on one goroutine; readers take no lock.
//
// Deliberately absent: what a kind's quads are (generated/quads), the log
// itself, queries, permissions.
package projection
