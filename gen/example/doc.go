// Package example reads the examples of kinds that the ontology comes with as
// the values that the same resources have in JSON, for documents and tests.
package example
