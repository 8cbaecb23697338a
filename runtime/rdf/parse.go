package rdf

import (
	"io"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// Pos is a place in a text; line and column count from 1.
type Pos = lex.Pos

// SyntaxError is a place where a text breaks its grammar.
type SyntaxError = lex.Error

// Statement is one quad of a text with the places of its terms. Formats
// without places (JSON-LD, RDF/XML) leave them zero.
type Statement struct {
	Quad                       base.Quad
	Subject, Predicate, Object Pos
}

// Options of Parse. The zero value is strict, bounded and ready to use.
type Options struct {
	// Base is the absolute IRI that relative references are resolved against
	// until the text says otherwise. Without one a relative reference is an error.
	Base string
	// Prefixes, if not nil, receives the prefixes that the text declares
	// (name without colon → IRI), the last declaration winning.
	Prefixes map[string]string
	// BlankPrefix is put before the label of each blank node, so that two
	// texts can be kept apart in one graph.
	BlankPrefix string

	MaxDepth   int // of nested [ ] and ( ), or of JSON; default 256
	MaxIRI     int // bytes of one IRI; default 64 KiB
	MaxLiteral int // bytes of one literal; default 16 MiB
	MaxBytes   int // of a JSON-LD or RDF/XML text, which are read whole; default 64 MiB
	// MaxErrors is how many errors are collected before giving up; default 1.
	MaxErrors int
}

// Parse reads a text and hands each statement to f in the order of the text. It
// stops at the first error of f, which it returns as it is. Syntax errors are
// of type *SyntaxError, or Errors if there are several; statements have then
// been handed over already and the caller must drop them.
func Parse(r io.Reader, format Format, o Options, f func(Statement) error) error {
	return nil
}

// ParseAll reads a whole text into memory.
func ParseAll(r io.Reader, format Format, o Options) ([]base.Quad, error) {
	var quads []base.Quad
	err := Parse(r, format, o, func(s Statement) error {
		quads = append(quads, s.Quad)
		return nil
	})
	return quads, err
}
