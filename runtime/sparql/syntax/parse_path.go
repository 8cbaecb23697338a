package syntax

import (
	"strconv"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// path reads Path (production 88): alternatives of sequences.
func (p *parser) path() Path {
	p.enter()
	defer p.leave()
	left := p.pathSequence()
	for p.accept("|") {
		p.count()
		left = PathAlternative{Left: left, Right: p.pathSequence()}
	}
	return left
}

func (p *parser) pathSequence() Path {
	left := p.pathElement()
	for p.accept("/") {
		p.count()
		p.named("/" + strconv.Itoa(p.nodes)) // the node between two steps, which is a variable of the algebra
		left = PathSequence{Left: left, Right: p.pathElement()}
	}
	return left
}

// pathElement reads PathEltOrInverse.
func (p *parser) pathElement() Path {
	if p.accept("^") {
		return PathInverse{Path: p.pathRepeat()}
	}
	return p.pathRepeat()
}

func (p *parser) pathRepeat() Path {
	path := p.pathPrimary()
	switch {
	case p.accept("*"):
		return PathRepeat{Path: path, Many: true}
	case p.accept("+"):
		return PathRepeat{Path: path, Min: 1, Many: true}
	case p.accept("?"):
		return PathRepeat{Path: path}
	}
	return path
}

func (p *parser) pathPrimary() Path {
	switch t := *p.peek(); {
	case isA(&t):
		p.next()
		return PathIRI{IRI: base.IRI(base.RDFType)}
	case p.isIRI():
		return PathIRI{IRI: p.iri()}
	case t.Is("("):
		p.next()
		path := p.path()
		p.expect(")")
		return path
	case t.Is("!"):
		p.next()
		return p.negatedSet()
	case t.Kind == lex.EOF && p.err != nil:
		return PathIRI{}
	}
	p.expected("a predicate or a property path")
	return PathIRI{}
}

// negatedSet reads PathNegatedPropertySet (production 95).
func (p *parser) negatedSet() Path {
	set := PathNegated{}
	if !p.accept("(") {
		p.negatedOne(&set)
		return set
	}
	if p.accept(")") {
		return set
	}
	for p.err == nil {
		p.negatedOne(&set)
		if !p.accept("|") {
			break
		}
	}
	p.expect(")")
	return set
}

func (p *parser) negatedOne(set *PathNegated) {
	p.count()
	inverse := p.accept("^")
	var iri base.Term
	switch {
	case isA(p.peek()):
		p.next()
		iri = base.IRI(base.RDFType)
	case p.isIRI():
		iri = p.iri()
	default:
		p.expected("a predicate, or ^ and a predicate")
	}
	if inverse {
		set.Inverse = append(set.Inverse, iri)
	} else {
		set.Forward = append(set.Forward, iri)
	}
}
