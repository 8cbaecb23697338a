// Package base holds the small vocabulary that generated code and the kernel
// share: RDF terms, names and references, positions, quantities, violations,
// problems, sealed values, and one tree of values that JSON, Turtle and the
// .picloud language are all read into.
//
// It imports the standard library only and knows no kind. It performs no
// input or output, holds no globals that change, and starts no goroutine.
package base
