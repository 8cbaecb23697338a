// Package load reads the Turtle files of an ontology into statements that know
// the file, line and column of each of their terms.
//
// It judges nothing but syntax, and reports every syntax error of every file.
// It reads through an fs.FS, so the same code serves a directory and a test.
package load
