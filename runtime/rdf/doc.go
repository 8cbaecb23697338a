// Package rdf is the graph of the platform: RDF terms as dictionary ids, a quad
// store with immutable snapshots, and parsers and serialisers for Turtle, TriG,
// N-Triples, N-Quads, JSON-LD and (reading only) RDF/XML.
//
// Invariants:
//   - One writer at a time; a Snapshot never changes and is read by any number
//     of goroutines without a lock, however long they take.
//   - A literal keeps its lexical form: "01" and "1" are two terms. Comparing
//     values is the query engine's affair.
//   - What a serialiser writes, the parser of that format reads back as the
//     same quads; blank nodes up to their labels.
//   - Every statement and every syntax error carries its place; JSON-LD alone
//     knows places only in errors of its JSON.
//   - No input makes a parser panic, and none is read without limit; so it is
//     with images of snapshots, which spare a start the fold of the log.
//
// Deliberately absent: inference, validation, durable writing (the graph is a
// fold of the log, an image may always be thrown away), fetching of anything over a network, RDF-star.
package rdf
