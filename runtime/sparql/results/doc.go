// Package results writes and reads the results of SELECT and ASK: SPARQL 1.1
// Query Results JSON Format, SPARQL Query Results XML Format, and SPARQL 1.1
// Query Results CSV and TSV Formats.
//
// Invariants: rows are written as they come and none is kept; an error among
// the rows ends the writing and is returned, and what was written by then is
// not a complete document of the format. Readers are bounded by what they are
// given and answer an error for anything malformed.
//
// Deliberately absent: graphs (CONSTRUCT, DESCRIBE), which package rdf writes.
package results
