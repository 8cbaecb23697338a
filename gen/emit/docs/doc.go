// Package docs emits generated/docs, one page for each kind with an index, and
// generated/README.md, the index of everything that is generated.
//
// Pages say what the ontology says: no sentence is written here that would be
// true of one kind only.
package docs
