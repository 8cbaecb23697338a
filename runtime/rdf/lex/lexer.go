package lex

import "io"

// Dialect chooses which terminals are known.
type Dialect uint8

// The dialects. Turtle serves TriG too, NTriples serves N-Quads too.
const (
	Turtle Dialect = iota
	NTriples
	SPARQL
)

// Limits of what one token may be, in bytes. Zero means the default.
type Limits struct {
	IRI     int // default 64 KiB
	Literal int // default 16 MiB
}

// Lexer cuts a stream into tokens.
type Lexer struct{}

// New makes a lexer of a stream.
func New(r io.Reader, d Dialect, limits Limits) *Lexer { return &Lexer{} }

// Next is the next token. At the end it answers EOF tokens for ever. After an
// error the lexer stands behind the offending characters and can go on.
func (l *Lexer) Next() (Token, error) { return Token{}, nil }

// SkipLine moves behind the next line end, to go on after an error.
func (l *Lexer) SkipLine() {}
