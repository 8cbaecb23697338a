package rdf

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// line reads one statement of N-Triples or N-Quads, which stands on a line of
// its own (N-Quads 1.1 rule 1).
func (p *parser) line() error {
	line := p.tok.Pos.Line
	subject, err := p.resource("a subject (an IRI or a blank node)", true)
	if err != nil {
		return err
	}
	predicate, err := p.resource("a predicate (an IRI)", false)
	if err != nil {
		return err
	}
	object := place{at: p.tok.Pos}
	if p.tok.Kind == lex.String {
		object.term, err = p.literal()
	} else {
		object, err = p.resource("an object (an IRI, a blank node or a literal)", true)
	}
	if err != nil {
		return err
	}
	p.graph = base.Term{}
	if p.quads && !p.tok.Is(".") {
		graph, err := p.resource(`a graph (an IRI or a blank node) or "."`, true)
		if err != nil {
			return err
		}
		p.graph = graph.term
	}
	if !p.tok.Is(".") {
		return p.expected(`"." at the end of the statement`)
	}
	if p.tok.Pos.Line != line {
		return lex.Errorf(p.tok.Pos, "the statement must end on line %d, where it begins", line)
	}
	if err := p.next(); err != nil {
		return err
	}
	if p.tok.Kind != lex.EOF && p.tok.Pos.Line == line {
		return p.expected("a new line after the statement")
	}
	return p.state(subject, predicate, object)
}

// resource takes an absolute IRI, or a blank node where one may stand.
func (p *parser) resource(what string, blank bool) (place, error) {
	t := p.tok
	switch {
	case t.Kind == lex.IRIRef:
		iri, err := p.iri()
		return place{iri, t.Pos}, err
	case t.Kind == lex.Blank && blank && p.o.KeepLabels:
		return place{base.Blank(t.Text), t.Pos}, p.next()
	case t.Kind == lex.Blank && blank:
		return place{p.labels.labelled(t.Text), t.Pos}, p.next()
	}
	return place{}, p.expected(what)
}
