// Package lawtest proves of all kinds at once what generated code promises:
// what Decide returns, Evolve accepts; what is written reads back; equal states
// are equal bytes; a body that was read and sent back changes nothing, as JSON
// and as quads.
//
// It holds tests only, and names kinds only in worked examples.
package lawtest
