// Package lex cuts Turtle, TriG, N-Triples, N-Quads and SPARQL text into
// tokens: the terminals of the five grammars are one family, so one lexer
// serves them all.
//
// It reads a stream through a bounded window and never holds the document. It
// knows tokens, not grammar: no prefix is expanded, no IRI resolved, no keyword
// special. Every token and every error carries line and column. Input of any
// kind, invalid UTF-8 included, yields an *Error and never a panic.
package lex
