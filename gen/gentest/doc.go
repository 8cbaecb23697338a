// Package gentest gives tests ontologies to generate from: the shipped one in
// memory, the shipped one with a kind more, one of any size, and a copy of the
// whole repository for tests that compile what was generated.
//
// Only tests import it.
package gentest
