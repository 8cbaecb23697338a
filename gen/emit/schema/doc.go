// Package schema emits generated/schema: the description of all kinds as data,
// and as the documents that other tools read: JSON Schema, a JSON-LD context,
// the served ontology and its document shapes.
//
// One constraint is said here in three languages (Go literals, JSON Schema,
// SHACL); each is made from the same field of the plan, and none says more
// than the ontology does.
package schema
