package syntax

import (
	"strconv"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// triplesBlock reads triples with the same subject, separated by dots, up to
// something that cannot begin a triple. Paths are for patterns only.
func (p *parser) triplesBlock(paths bool) []Triple {
	var out []Triple
	for p.err == nil && p.startsNode() {
		bracketed := p.peek().Is("[") && !p.peekAt(1).Is("]") || p.peek().Is("(") && !p.peekAt(1).Is(")")
		subject := p.node(&out, paths)
		// A blank node property list or a collection is a sentence by itself.
		if !bracketed || p.startsVerb(paths) {
			p.propertyList(subject, &out, paths)
		}
		if p.accept(".") {
			continue
		}
		if p.startsNode() { // what follows would otherwise be taken for a pattern of its own
			p.expected(`"." before the next triple, or ";" or "," to go on with this one`)
		}
		break
	}
	return out
}

// startsNode reports whether a subject or object begins here.
func (p *parser) startsNode() bool {
	t := p.peek()
	switch t.Kind {
	case lex.Var, lex.IRIRef, lex.PName, lex.Blank, lex.String, lex.Integer, lex.Decimal, lex.Double:
		return true
	case lex.Word:
		return p.isWord("true", "false")
	}
	return t.Is("[") || t.Is("(")
}

func (p *parser) startsVerb(paths bool) bool {
	t := p.peek()
	return t.Kind == lex.Var || p.isIRI() || isA(t) || paths && (t.Is("^") || t.Is("!") || t.Is("("))
}

// isA reports the keyword a, the only one that minds its case.
func isA(t *lex.Token) bool { return t.Kind == lex.Word && t.Text == "a" }

// propertyList reads PropertyListPathNotEmpty (production 77).
func (p *parser) propertyList(subject Node, out *[]Triple, paths bool) {
	for first := true; p.err == nil; first = false {
		if !p.startsVerb(paths) {
			if first {
				p.expected("a predicate")
			}
			return
		}
		pos := p.peek().Pos
		verb, path := p.verb(paths)
		for {
			object := p.node(out, paths)
			p.count()
			*out = append(*out, Triple{S: subject, P: verb, O: object, Path: path, Pos: pos})
			if !p.accept(",") {
				break
			}
		}
		if !p.accept(";") {
			return
		}
		for p.accept(";") {
		}
	}
}

func (p *parser) verb(paths bool) (Node, Path) {
	switch {
	case p.isVar():
		return Node{Var: p.variable()}, nil
	case !paths && isA(p.peek()):
		p.next()
		return Node{Term: base.IRI(base.RDFType)}, nil
	case !paths:
		return Node{Term: p.iri()}, nil
	}
	path := p.path()
	if simple, is := path.(PathIRI); is {
		return Node{Term: simple.IRI}, nil
	}
	return Node{}, path
}

// node reads a subject or object; the triples of a blank node property list or
// a collection go to out.
func (p *parser) node(out *[]Triple, paths bool) Node {
	p.enter()
	defer p.leave()
	t := *p.peek()
	switch {
	case t.Kind == lex.Var:
		return Node{Var: p.variable()}
	case p.isIRI():
		return Node{Term: p.iri()}
	case t.Kind == lex.Blank:
		p.next()
		return p.labelled(t)
	case t.Is("["):
		p.next()
		blank := p.fresh()
		if !p.accept("]") {
			p.propertyList(blank, out, paths)
			p.expect("]")
		}
		return blank
	case t.Is("("):
		p.next()
		return p.collection(out, paths)
	}
	if literal, ok := p.literal(); ok {
		return Node{Term: literal}
	}
	p.expected("a variable, an IRI, a literal or a blank node")
	return Node{}
}

// collection reads the rest of ( … ) as the RDF list that it stands for.
func (p *parser) collection(out *[]Triple, paths bool) Node {
	end := Node{Term: base.IRI(base.RDFNil)}
	first := Node{Term: base.IRI(base.RDFFirst)}
	rest := Node{Term: base.IRI(base.RDFRest)}
	if p.accept(")") {
		return end
	}
	head := p.fresh()
	for cell := head; p.err == nil; {
		pos := p.peek().Pos
		item := p.node(out, paths)
		p.count()
		*out = append(*out, Triple{S: cell, P: first, O: item, Pos: pos})
		next := end
		if !p.accept(")") {
			next = p.fresh()
		}
		*out = append(*out, Triple{S: cell, P: rest, O: next, Pos: pos})
		if next == end {
			break
		}
		cell = next
	}
	return head
}

// labelled is a blank node with a label, which belongs to one basic graph
// pattern or one INSERT DATA only (section 19.6). A template may use the labels
// of the pattern: its blank nodes are others.
func (p *parser) labelled(t lex.Token) Node {
	if p.template && !p.inData {
		return Node{Term: base.Blank(t.Text)}
	}
	key := t.Text
	if p.inData {
		key = "data " + key // no label has a space
	}
	if in, seen := p.labels[key]; seen && in != p.pattern {
		what := "graph patterns; use a variable"
		if p.inData {
			what = "operations; use another label"
		}
		p.failAt(t.Pos, "", "the blank node label _:%s is used in two %s", t.Text, what)
	}
	if p.labels == nil {
		p.labels = map[string]int{}
	}
	p.labels[key] = p.pattern
	if p.template {
		return Node{Term: base.Blank(t.Text)}
	}
	p.named("_:" + t.Text)
	return Node{Var: "_:" + t.Text}
}

// fresh is a blank node without a label; no label can contain "[".
func (p *parser) fresh() Node {
	p.anonymous++
	label := "[" + strconv.Itoa(p.anonymous)
	if p.template {
		return Node{Term: base.Blank(label)}
	}
	p.named("_:" + label)
	return Node{Var: "_:" + label}
}
