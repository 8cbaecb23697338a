// Package model turns the triples of the ontology into a checked model.
//
// Every problem is collected, sorted by place and told with a suggestion; a
// model that is handed out has none. Facts only: no name of Go, of a file or
// of a route is made here, and nothing is read from disk.
package model
