// Package algebra translates syntax trees to the algebra of SPARQL 1.1,
// section 18, and prints it.
//
// Invariants: the translation follows section 18.2 step by step and optimises
// nothing, so that a naive evaluation of its result defines what a query means;
// operators are values that are never changed after they are built. Names of
// variables that a query did not write begin with "_:" (blank nodes) or "."
// (sequence steps, aggregates).
//
// Deliberately absent: graphs, terms' values, and the order of evaluation.
package algebra
