package rdf

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// Pos is a place in a text; line and column count from 1.
type Pos = lex.Pos

// SyntaxError is a place where a text breaks its grammar.
type SyntaxError = lex.Error

// Errors are several syntax errors of one text, in its order.
type Errors []*SyntaxError

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As and errors.Is the single errors.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, err := range e {
		out[i] = err
	}
	return out
}

// Statement is one quad of a text with the places of its terms. Formats
// without places (JSON-LD) leave them zero; RDF/XML gives the place of the element.
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
	// KeepLabels leaves the labels of all blank nodes as they are: for a text
	// in N-Triples or N-Quads that was written from the graph it is read into.
	KeepLabels bool

	MaxDepth   int // of nested [ ] and ( ), or of JSON and XML; default 256
	MaxIRI     int // bytes of one IRI; default 8 KiB
	MaxLiteral int // bytes of one literal; default 16 MiB
	MaxBytes   int // of a JSON-LD or RDF/XML text, which are read whole; default 16 MiB
	// MaxValues is how many values, names and brackets a JSON-LD text may have,
	// each of which takes up to 3 KiB while it is expanded; default 2^18.
	MaxValues int
	// MaxErrors is how many errors are collected before giving up; default 1.
	MaxErrors int
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.MaxDepth, 256}, {&o.MaxIRI, 8 << 10}, {&o.MaxLiteral, 16 << 20}, {&o.MaxBytes, 16 << 20}, {&o.MaxValues, 1 << 18}, {&o.MaxErrors, 1}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return o
}

// Parse reads a text and hands each statement to f in the order of the text. It
// stops at the first error of f, which it returns as it is. Syntax errors are
// of type *SyntaxError, or Errors if there are several; statements have then
// been handed over already and the caller must drop them. Blank nodes keep their
// labels, except that those like "genid1" get an x behind them: such labels
// are given to blank nodes without one.
func Parse(r io.Reader, format Format, o Options, f func(Statement) error) error {
	o = o.withDefaults()
	if o.Base != "" {
		if err := CheckIRI(o.Base); err != nil {
			return fmt.Errorf("base: %w", err)
		}
	}
	switch format {
	case JSONLD:
		return parseJSONLD(r, o, f)
	case RDFXML:
		return parseRDFXML(r, o, f)
	case Turtle, TriG:
		p := newParser(r, lex.Turtle, o, f)
		p.trig = format == TriG
		return p.run(p.statement)
	case NTriples, NQuads:
		p := newParser(r, lex.NTriples, o, f)
		p.quads = format == NQuads
		return p.run(p.line)
	default:
		return fmt.Errorf("cannot parse %s", format)
	}
}

// ParseAll reads a whole text into memory.
func ParseAll(r io.Reader, format Format, o Options) ([]base.Quad, error) {
	var quads []base.Quad
	err := Parse(r, format, o, func(s Statement) error {
		quads = append(quads, s.Quad)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return quads, nil
}

// maxExpansion is how many times longer than the text its IRIs may be in sum:
// one long prefix and many short names would otherwise fill the memory.
const maxExpansion = 256

// parser is the state that the four text formats share: a token of look-ahead,
// and what has been declared.
type parser struct {
	lex  *lex.Lexer
	tok  lex.Token // the next token, not yet taken
	o    Options
	emit func(Statement) error

	lines       bool // N-Triples or N-Quads
	trig, quads bool // the one of two formats that has graphs
	base        iriParts
	prefixes    map[string]string
	inBlock     bool      // of TriG
	graph       base.Term // of the block or line that is being read
	labels      labeller
	depth       int
	expanded    int64 // bytes of IRIs so far
	stopped     error // ends the parse, whatever its type
	errs        Errors
}

func newParser(r io.Reader, d lex.Dialect, o Options, f func(Statement) error) *parser {
	p := &parser{
		lex:   lex.New(r, d, lex.Limits{IRI: o.MaxIRI, Literal: o.MaxLiteral}),
		lines: d == lex.NTriples, o: o, emit: f, prefixes: map[string]string{}, labels: labeller{prefix: o.BlankPrefix},
	}
	if o.Base != "" && !p.lines {
		p.base = split(o.Base)
	}
	return p
}

// run reads statements to the end of the text.
func (p *parser) run(statement func() error) error {
	if err := p.note(p.next()); err != nil {
		return err
	}
	for p.tok.Kind != lex.EOF {
		if err := p.note(statement()); err != nil {
			return err
		}
	}
	switch len(p.errs) {
	case 0:
		return nil
	case 1:
		return p.errs[0]
	}
	return p.errs
}

// note collects a syntax error and moves to the next statement. What it
// returns ends the parse.
func (p *parser) note(err error) error {
	for err != nil {
		var syntax *SyntaxError
		if p.stopped != nil || !errors.As(err, &syntax) {
			return err
		}
		p.errs = append(p.errs, syntax)
		if len(p.errs) >= p.o.MaxErrors {
			p.stopped = p.errs
			if len(p.errs) == 1 {
				p.stopped = syntax
			}
			return p.stopped
		}
		p.depth = 0
		err = p.resume()
	}
	return nil
}

// resume passes over the rest of a statement that has an error: to behind its
// dot or to the end of its graph, in the line formats to the next line. Further
// errors on the way are its consequences and not told.
func (p *parser) resume() error {
	line := p.tok.Pos.Line
	for p.tok.Kind != lex.EOF {
		if p.lines && p.tok.Pos.Line != line || p.inBlock && p.tok.Is("}") {
			return nil
		}
		end := !p.lines && (p.tok.Is(".") || p.tok.Is("}"))
		if err := p.nextOrSkip(); err != nil || end {
			return err
		}
	}
	return nil
}

// nextOrSkip is next, but passes over what is no token.
func (p *parser) nextOrSkip() error {
	err := p.next()
	var syntax *SyntaxError
	for errors.As(err, &syntax) {
		p.lex.SkipLine()
		err = p.next()
	}
	return err
}

// next takes the look-ahead token and reads another.
func (p *parser) next() error {
	t, err := p.lex.Next()
	if err != nil {
		t = lex.Token{Kind: lex.Punct, Pos: p.tok.End} // nothing that the grammar knows
	}
	p.tok = t
	return err
}

// expected is the error that something else stands at the look-ahead token.
func (p *parser) expected(what string) error {
	return lex.Errorf(p.tok.Pos, "expected %s, found %s", what, p.tok)
}

// take passes a punctuation token that must be there.
func (p *parser) take(punct, what string) error {
	if !p.tok.Is(punct) {
		return p.expected(what)
	}
	return p.next()
}

// state hands a statement over.
func (p *parser) state(s, pr, o place) error {
	p.stopped = p.emit(Statement{
		Quad:    base.Quad{S: s.term, P: pr.term, O: o.term, G: p.graph},
		Subject: s.at, Predicate: pr.at, Object: o.at,
	})
	return p.stopped
}

// place is a term where it stands in the text.
type place struct {
	term base.Term
	at   Pos
}

// resolved is the absolute IRI of the IRIRef token.
func (p *parser) resolved(t lex.Token) (string, error) {
	if schemeEnd(t.Text) > 0 {
		return p.bounded(t, t.Text)
	}
	if p.base.scheme == "" {
		return "", lex.Errorf(t.Pos, "%s is relative and there is no base IRI; write the IRI in full", t)
	}
	return p.bounded(t, p.base.resolve(split(t.Text)))
}

// bounded refuses an IRI that is too long, alone or with all before it.
func (p *parser) bounded(t lex.Token, iri string) (string, error) {
	if len(iri) > p.o.MaxIRI {
		return "", lex.Errorf(t.Pos, "an IRI longer than %d bytes is refused", p.o.MaxIRI)
	}
	p.expanded += int64(len(iri))
	if p.expanded > maxExpansion*int64(t.Offset)+1<<20 {
		return "", lex.Errorf(t.Pos, "the IRIs of this text are more than %d times longer than the text; refused", maxExpansion)
	}
	return iri, nil
}
