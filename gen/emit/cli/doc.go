// Package cli emits generated/cli: what the command line shows and asks of each
// kind.
//
// Flags and verbs follow from the description of kinds (generated/schema), so
// they are ordinary Go in the folder core, tested there and copied as it is;
// the columns of tables are chosen by the plan and emitted.
package cli
