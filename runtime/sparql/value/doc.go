// Package value gives RDF terms the values that SPARQL 1.1 computes with:
// XML Schema numerics, strings, booleans and dateTimes, the operators of
// section 17.3 and the functions of section 17.4 that need no query state.
//
// Invariants: an error of evaluation is the second result false, never a Go
// error and never a panic; integers and decimals are exact; a literal that was
// read keeps its lexical form; nothing here reads a clock or a random source,
// both come in by Env; results are bounded in size, so that no expression can
// grow a value without limit.
package value
