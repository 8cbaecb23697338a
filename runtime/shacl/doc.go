// Package shacl validates a graph of RDF against shapes: all of SHACL Core
// (W3C Recommendation of 20 July 2017, sections 1 to 4).
//
// Parse reads shapes once and refuses those that are not well formed, each
// with its place; Validate judges a snapshot and may be called by any number of
// goroutines at once. A Report is RDF (section 3) and sentences for people.
//
// Invariants:
//   - Nothing is written, and nothing is fetched: owl:imports and
//     sh:shapesGraph are not followed, the caller says what the graphs are.
//   - Every step is counted: a validation ends within 50 ms of its context,
//     and holds no more than its Limits, whatever shapes and data are.
//   - A verdict is never guessed. Where shapes ask about a node while they
//     answer about it, which SHACL leaves undefined (section 3.4.3), Validate
//     fails and says which.
//   - Two nodes are the same when they are the same term; only the constraints
//     that SHACL says compare values do.
//
// Deliberately absent: SHACL-SPARQL and the advanced features (ignored, as
// section 1.5 demands, and listed by Shapes.Notices), inference, regular
// expressions that RE2 does not have.
package shacl
