package rdf

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// statement reads a directive, triples or, in TriG, a graph (Turtle 1.1 rule 2,
// TriG 1.1 rules 2 and 3).
func (p *parser) statement() error {
	switch t := p.tok; {
	case t.Kind == lex.LangTag && (t.Text == "prefix" || t.Text == "base"):
		return p.directive(t.Text, true)
	case isWord(t, "PREFIX"), isWord(t, "BASE"):
		return p.directive(strings.ToLower(t.Text), false)
	case p.trig && isWord(t, "GRAPH"):
		return p.graphKeyword()
	case p.trig && t.Is("{"):
		return p.block(base.Term{})
	}
	subject, sort, err := p.subject()
	if err != nil {
		return err
	}
	if p.trig && sort == labelSubject && p.tok.Is("{") {
		return p.block(subject.term)
	}
	if err := p.predicates(subject, sort); err != nil {
		return err
	}
	return p.take(".", `"." at the end of the statement, or ";" or "," to continue it`)
}

func isWord(t lex.Token, word string) bool {
	return t.Kind == lex.Word && strings.EqualFold(t.Text, word)
}

// directive reads the rest of a @prefix, @base, PREFIX or BASE.
func (p *parser) directive(word string, dot bool) error {
	if err := p.next(); err != nil {
		return err
	}
	name := p.tok
	if word == "prefix" {
		if name.Kind != lex.PName || name.Text != "" {
			return p.expected(`a prefix such as "pc:"`)
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	if p.tok.Kind != lex.IRIRef {
		return p.expected("an IRI in < >")
	}
	iri, err := p.resolved(p.tok)
	if err != nil {
		return err
	}
	if word == "base" {
		p.base = split(iri)
	} else {
		p.prefixes[name.Prefix] = iri
		if p.o.Prefixes != nil {
			p.o.Prefixes[name.Prefix] = iri
		}
	}
	if err := p.next(); err != nil {
		return err
	}
	if !dot {
		return nil
	}
	return p.take(".", `"." after @`+word)
}

// graphKeyword reads GRAPH label { … }.
func (p *parser) graphKeyword() error {
	if err := p.next(); err != nil {
		return err
	}
	label, sort, err := p.subject()
	if err != nil {
		return err
	}
	if sort != labelSubject {
		return lex.Errorf(label.at, "the name of a graph is an IRI or a blank node")
	}
	return p.block(label.term)
}

// block reads { triples . triples … } as the content of a graph.
func (p *parser) block(graph base.Term) error {
	if !p.tok.Is("{") {
		return p.expected(`"{" before the triples of the graph`)
	}
	if err := p.next(); err != nil {
		return err
	}
	p.graph, p.inBlock = graph, true
	defer func() { p.graph, p.inBlock = base.Term{}, false }()
	for !p.tok.Is("}") {
		if p.tok.Kind == lex.EOF {
			return p.expected(`"}" at the end of the graph`)
		}
		if err := p.note(p.blockTriples()); err != nil {
			return err
		}
	}
	return p.next()
}

func (p *parser) blockTriples() error {
	subject, sort, err := p.subject()
	if err != nil {
		return err
	}
	if err := p.predicates(subject, sort); err != nil || p.tok.Is("}") {
		return err
	}
	return p.take(".", `"." between triples or "}" after the last`)
}

// subjectSort tells subjects apart by what may follow them.
type subjectSort uint8

const (
	labelSubject     subjectSort = iota // IRI or blank node: may name a graph
	listSubject                         // ( … )
	describedSubject                    // [ … ]: may stand alone
)

func (p *parser) subject() (place, subjectSort, error) {
	at := p.tok.Pos
	switch t := p.tok; {
	case t.Is("["):
		node := place{p.labels.fresh(), at}
		if err := p.next(); err != nil {
			return node, 0, err
		}
		if p.tok.Is("]") {
			return node, labelSubject, p.next()
		}
		return node, describedSubject, p.description(node)
	case t.Is("("):
		head, err := p.list(nil)
		return head, listSubject, err
	case t.Kind == lex.Blank:
		return place{p.labels.labelled(t.Text), at}, labelSubject, p.next()
	case t.Kind == lex.IRIRef || t.Kind == lex.PName:
		iri, err := p.iri()
		return place{iri, at}, labelSubject, err
	}
	return place{}, 0, p.expected("a subject (an IRI, a blank node, [ or () or a directive")
}

// iri takes an IRI or a prefixed name.
func (p *parser) iri() (base.Term, error) {
	t := p.tok
	var iri string
	var err error
	if t.Kind == lex.IRIRef {
		iri, err = p.resolved(t)
	} else {
		namespace, ok := p.prefixes[t.Prefix]
		if !ok {
			return base.Term{}, lex.Errorf(t.Pos, "the prefix %s: is not declared; add @prefix %s: <…> . above", t.Prefix, t.Prefix)
		}
		iri, err = p.bounded(t, namespace+t.Text)
	}
	if err != nil {
		return base.Term{}, err
	}
	return base.IRI(iri), p.next()
}

// predicates reads predicateObjectList, which after [ … ] may be missing.
func (p *parser) predicates(subject place, sort subjectSort) error {
	if sort == describedSubject && (p.tok.Is(".") || p.tok.Is("}")) {
		return nil
	}
	for {
		predicate, err := p.verb()
		if err != nil {
			return err
		}
		for {
			if err := p.object(subject, predicate); err != nil {
				return err
			}
			if !p.tok.Is(",") {
				break
			}
			if err := p.next(); err != nil {
				return err
			}
		}
		if !p.tok.Is(";") {
			return nil
		}
		for p.tok.Is(";") {
			if err := p.next(); err != nil {
				return err
			}
		}
		if p.tok.Is(".") || p.tok.Is("]") || p.tok.Is("}") {
			return nil // the caller knows which of them may stand here
		}
	}
}

func (p *parser) verb() (place, error) {
	at := p.tok.Pos
	switch {
	case p.tok.Kind == lex.Word && p.tok.Text == "a":
		return place{base.IRI(base.RDFType), at}, p.next()
	case p.tok.Kind == lex.IRIRef || p.tok.Kind == lex.PName:
		iri, err := p.iri()
		return place{iri, at}, err
	}
	return place{}, p.expected(`a predicate (an IRI or "a")`)
}

// object reads an object and states it; what is nested in it comes after it.
func (p *parser) object(subject, predicate place) error {
	switch {
	case p.tok.Is("["):
		node := place{p.labels.fresh(), p.tok.Pos}
		if err := p.state(subject, predicate, node); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
		if p.tok.Is("]") {
			return p.next()
		}
		return p.description(node)
	case p.tok.Is("("):
		_, err := p.list(func(head place) error { return p.state(subject, predicate, head) })
		return err
	}
	object, err := p.term()
	if err != nil {
		return err
	}
	return p.state(subject, predicate, object)
}

// term takes an object that is not nested.
func (p *parser) term() (place, error) {
	t := p.tok
	switch t.Kind {
	case lex.IRIRef, lex.PName:
		iri, err := p.iri()
		return place{iri, t.Pos}, err
	case lex.Blank:
		return place{p.labels.labelled(t.Text), t.Pos}, p.next()
	case lex.String:
		literal, err := p.literal()
		return place{literal, t.Pos}, err
	case lex.Integer:
		return place{base.Typed(t.Text, base.XSDInteger), t.Pos}, p.next()
	case lex.Decimal:
		return place{base.Typed(t.Text, base.XSDDecimal), t.Pos}, p.next()
	case lex.Double:
		return place{base.Typed(t.Text, base.XSDDouble), t.Pos}, p.next()
	case lex.Word:
		if t.Text == "true" || t.Text == "false" {
			return place{base.Typed(t.Text, base.XSDBoolean), t.Pos}, p.next()
		}
	}
	return place{}, p.expected("an object (an IRI, a blank node, a literal, [ or ()")
}

// literal takes a string with its language tag or datatype.
func (p *parser) literal() (base.Term, error) {
	value := p.tok.Text
	if err := p.next(); err != nil {
		return base.Term{}, err
	}
	if p.tok.Kind == lex.LangTag {
		return base.LangString(value, p.tok.Text), p.next()
	}
	if !p.tok.Is("^^") {
		return base.String(value), nil
	}
	if err := p.next(); err != nil {
		return base.Term{}, err
	}
	if p.tok.Kind != lex.IRIRef && (p.tok.Kind != lex.PName || p.lines) {
		return base.Term{}, p.expected("the IRI of a datatype after ^^")
	}
	at := p.tok.Pos
	datatype, err := p.iri()
	if err == nil && datatype.Value == base.RDFLangStr {
		err = lex.Errorf(at, "a literal of rdf:langString needs a language tag instead, such as \"…\"@en")
	}
	return base.Typed(value, datatype.Value), err
}

// enter counts a nesting.
func (p *parser) enter() error {
	if p.depth++; p.depth > p.o.MaxDepth {
		return lex.Errorf(p.tok.Pos, "nested deeper than %d levels; refused", p.o.MaxDepth)
	}
	return nil
}

// description reads the properties of a [ … ] that is not empty.
func (p *parser) description(node place) error {
	if err := p.enter(); err != nil {
		return err
	}
	if err := p.predicates(node, labelSubject); err != nil {
		return err
	}
	p.depth--
	return p.take("]", `"]", or ";" or "," to continue`)
}

// list reads ( … ). link states what the list is the object of, before its
// cells; nil if it is a subject.
func (p *parser) list(link func(head place) error) (place, error) {
	at := p.tok.Pos
	if err := p.enter(); err != nil {
		return place{}, err
	}
	if err := p.next(); err != nil {
		return place{}, err
	}
	head := place{base.IRI(base.RDFNil), at}
	if !p.tok.Is(")") {
		head = place{p.labels.fresh(), at}
	}
	if link != nil {
		if err := link(head); err != nil {
			return head, err
		}
	}
	for cell := head; !p.tok.Is(")"); {
		if p.tok.Kind == lex.EOF {
			return head, p.expected(`")" at the end of the list that begins at ` + at.String())
		}
		item := p.tok.Pos
		if err := p.object(cell, place{base.IRI(base.RDFFirst), item}); err != nil {
			return head, err
		}
		rest := place{base.IRI(base.RDFNil), p.tok.Pos}
		if !p.tok.Is(")") {
			rest = place{p.labels.fresh(), p.tok.Pos}
		}
		if err := p.state(cell, place{base.IRI(base.RDFRest), item}, rest); err != nil {
			return head, err
		}
		cell = rest
	}
	p.depth--
	return head, p.next()
}
