// Package live keeps the answers of queries up to date: a subscriber sees the
// rows of a query at one position of the log, then what left and what came after
// each change that touched them, each with the position that it leads to.
//
// Invariants:
//
//   - Rows, with all changes up to an event applied, are exactly the answer of
//     the query at the position of that event. A change may sum up several
//     commits; its position is that of the view it leads to.
//   - Who resumes gets exactly what is missing, or is told to begin anew. There
//     is no silent gap: the rows of a position are only believed known within
//     the span of positions for which they were.
//   - A commit costs a few look-ups for each quad that it changed, however many
//     queries wait; a query runs only if one of the quads is in its footprint and
//     in a graph that its caller may read.
//   - Queries that are equal, of callers who may read the same, are one: they run
//     once and share their rows. What a subscriber has not read yet is not kept
//     for it: it has a place in the one history, and who falls behind its end
//     begins anew.
//   - Nobody slows the fold: a source is walked on a goroutine of its own, queries
//     run on others, and commits that come meanwhile are summed up.
//
// Deliberately absent: HTTP, who may read what (Sight), whether a caller is still
// welcome (asked by whoever sends), order (rows are a multiset), and queries that
// answer otherwise on the same data (NOW, RAND, UUID, BNODE, SERVICE): refused.
package live
