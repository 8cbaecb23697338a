// Package reasoning infers what follows from a graph: RDFS and OWL 2 RL, forward,
// and kept right under every change.
//
// Invariants:
//
//   - After any sequence of changes the inferred quads are those of the present
//     graph, as if it had been read at once.
//   - What is inferred from a graph lies in that graph's own inferred graph.
//     Graphs do not see each other; only the axioms of the house act in all.
//   - All or nothing: a graph whose reasoning exceeds its limits shows nothing
//     inferred and says why.
//   - An axiom about a term of somebody else is not believed.
//   - Contradictions are findings. They stop nothing.
//
// Deliberately absent: persistence (what is inferred is never in the log),
// queries, validation (shacl), rules of users, blank nodes that nobody wrote.
package reasoning
