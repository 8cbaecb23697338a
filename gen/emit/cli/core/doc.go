// Package cli is what the command line shows and asks of each kind: columns of
// tables, flags that declare a resource, and verbs for operations.
//
// Flags follow from the description of kinds: one for each field, those of a
// nested object behind its name (--resources-cpu 500m). What they give is a
// value as it would be read from a file, so that one decoder judges both.
// Deliberately absent: talking to a cluster, and what is the same for all kinds.
package cli
