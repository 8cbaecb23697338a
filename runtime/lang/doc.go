// Package lang is the .picloud language: it reads declarations of resources as
// people write them into the same values that JSON and Turtle give, reads
// whole folders as one deployment, and prints live resources back.
//
// Invariants:
//   - It knows no kind, field or function by name: every word comes from the
//     model. What is well-formed but wrong in itself (bounds, missing fields) is
//     found by the decoders of the kinds, which the caller hands in.
//   - One run reports every error of every file, each with file, line, column
//     (in characters), what was expected and the nearest known word.
//   - What Print writes, Compile reads back as the same values.
//   - No input makes it panic or run without bound: files of at most 1 MiB, 32
//     levels, 1,000 files, 5,000 resources. file('…') never leaves the folder of
//     the deployment.
//
// Deliberately absent: includes, variables, expressions, loops. A deployment
// is data; whoever needs a program writes one that prints data.
package lang
