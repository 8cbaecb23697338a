// Package plan gives every thing of the model all the names that output uses:
// Go types, fields, constants and files, routes, permissions, table columns.
//
// It is the only authority on names: no emitter builds one from parts. Names
// are deterministic, unique without regard to case, and follow Go's spelling
// of initialisms (ID, URL, CPU). A plan prints as text. Deliberately absent:
// file contents, which are the emitters' affair, and facts, which are the
// model's.
package plan
