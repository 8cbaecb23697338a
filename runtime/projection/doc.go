// Package projection folds the log into what readers see: the state at each
// position, and Views of a state and its graph that belong together.
//
// Invariants:
//
//   - A reader takes one State or one View and reads nothing else: state and
//     graph of a View are of the same position, and never change.
//   - A commit shows its state at once. The graph follows, by whoever asks for a
//     View first, else within milliseconds where tails wait for it, and within a
//     second where nobody does; so no View is older than a State that anybody was
//     shown before.
//   - Deltas of the views one after the other have no gap, whatever number of
//     commits one stands for.
//   - An event's effect on the graph is the difference between the quads of its
//     subject before and after it. All quads about a resource have it, or a
//     fragment of it, as their subject and lie in its own graph.
//   - What follows from one of the platform's graphs by the axioms is in that
//     graph's inferred graph, with the same publication. Graphs of two products do
//     not see each other.
//   - The graph can be dropped and made again from the log; the result is equal
//     (Rebuild, Verify), also when compaction dropped superseded observations: they
//     are passed over. Where the log begins a generation, the view stands there.
//   - Only Fold and Publish change the state, on one goroutine that waits for no
//     reader and no graph. Who reads a state takes no lock.
//
// Deliberately absent: what a kind's quads are (generated/quads), the log
// itself, queries, permissions.
package projection
