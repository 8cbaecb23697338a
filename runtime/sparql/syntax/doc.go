// Package syntax reads SPARQL 1.1 text into a syntax tree.
//
// Invariants: every error carries its place, what was expected and the line
// with a caret; the tree keeps the order and the nesting of the text, IRIs are
// resolved and prefixes expanded; everything that the grammar's notes and
// section 18.2.1 forbid (scope of BIND, reuse of blank node labels, projection
// beside GROUP BY) is refused here. Depth and size of a tree are bounded, so
// that walking it recursively is safe.
//
// Deliberately absent: meaning. The algebra is another package's affair.
package syntax
