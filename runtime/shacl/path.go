package shacl

import (
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// operator is the kind of a property path (section 2.3.1).
type operator uint8

const (
	predicate operator = iota
	inverse
	sequence
	alternative
	zeroOrMore
	oneOrMore
	zeroOrOne
)

// path is a property path over terms.
type path struct {
	op   operator
	term int // of a predicate: its place among the terms of the shapes
	iri  string
	sub  []*path
}

// walk finds the ends of all ways from some nodes along a path: each once, in
// the order of their ids. It works on sets, so that the number of ways to a
// node costs nothing. The ends lie on the run's stack, for the caller to drop.
func (r *run) walk(p *path, from []rdf.ID, backward bool) []rdf.ID {
	mark := len(r.stack)
	switch p.op {
	case predicate:
		r.step(r.ids[p.term], from, backward)
	case inverse:
		return r.walk(p.sub[0], from, !backward)
	case sequence:
		at := from
		for i := range p.sub {
			if backward {
				i = len(p.sub) - 1 - i
			}
			at = r.walk(p.sub[i], at, backward)
		}
		r.stack = r.stack[:mark+copy(r.stack[mark:], at)]
	case alternative:
		for _, sub := range p.sub {
			r.walk(sub, from, backward)
		}
	case zeroOrOne:
		r.push(from...)
		r.walk(p.sub[0], from, backward)
	case zeroOrMore, oneOrMore:
		r.repeat(p, from, backward)
	}
	return r.ordered(mark)
}

// maxSorted is how many ids are sorted without a look at the clock.
const maxSorted = 1 << 16

// ordered puts what was pushed since a mark in order, each once.
func (r *run) ordered(mark int) []rdf.ID {
	ends := r.stack[mark:]
	switch {
	case slices.IsSorted(ends):
	case len(ends) <= maxSorted:
		slices.Sort(ends)
	default:
		set := roaring.New()
		for _, id := range ends {
			if !r.tick() {
				break
			}
			set.Add(uint32(id))
		}
		ends = ends[:0]
		for it := set.Iterator(); it.HasNext(); {
			ends = append(ends, rdf.ID(it.Next()))
		}
	}
	ends = slices.Compact(ends)
	r.stack = r.stack[:mark+len(ends)]
	return ends
}

// step pushes what one predicate leads to.
func (r *run) step(id rdf.ID, from []rdf.ID, backward bool) {
	for _, node := range from {
		pattern := rdf.IDQuad{S: node, P: id}
		if backward {
			pattern = rdf.IDQuad{O: node, P: id}
		}
		r.each(pattern, func(q rdf.IDQuad) bool {
			if backward {
				r.push(q.S)
			} else {
				r.push(q.O)
			}
			return true
		})
	}
}

// repeat pushes what many steps lead to, each node once, one distance after
// another.
func (r *run) repeat(p *path, from []rdf.ID, backward bool) {
	seen := roaring.New()
	if p.op == zeroOrMore {
		for _, id := range from {
			seen.Add(uint32(id))
		}
	}
	mark := len(r.stack)
	edge := from
	for len(edge) > 0 && r.err == nil {
		ends := r.walk(p.sub[0], edge, backward)
		fresh := ends[:0]
		for _, id := range ends {
			if seen.CheckedAdd(uint32(id)) {
				fresh = append(fresh, id)
			}
		}
		r.stack = r.stack[:mark+copy(r.stack[mark:], fresh)]
		edge = r.stack[mark:]
		r.holds(int(seen.GetCardinality()))
	}
	r.stack = r.stack[:mark]
	for it := seen.Iterator(); it.HasNext(); {
		r.push(rdf.ID(it.Next()))
	}
}

// String is the path as SPARQL writes it.
func (p *path) String() string { return p.text(func(iri string) string { return "<" + iri + ">" }) }

func (p *path) text(short func(string) string) string {
	var subs []string
	for _, sub := range p.sub {
		text := sub.text(short)
		if len(sub.sub) > 1 || p.op != sequence && p.op != alternative && sub.op != predicate {
			text = "(" + text + ")"
		}
		subs = append(subs, text)
	}
	switch p.op {
	case predicate:
		return short(p.iri)
	case inverse:
		return "^" + subs[0]
	case alternative:
		return strings.Join(subs, "|")
	case zeroOrMore:
		return subs[0] + "*"
	case oneOrMore:
		return subs[0] + "+"
	case zeroOrOne:
		return subs[0] + "?"
	}
	return strings.Join(subs, "/")
}

// pathWords are the properties of the paths that are not lists.
var pathWords = map[string]operator{
	"inversePath": inverse, "alternativePath": alternative, "zeroOrMorePath": zeroOrMore, "oneOrMorePath": oneOrMore, "zeroOrOnePath": zeroOrOne,
}

// quads writes a path as section 2.3.1 does, with blank nodes by fresh.
func (p *path) quads(fresh func() base.Term, emit func(s base.Term, p string, o base.Term)) base.Term {
	if p.op == predicate {
		return base.IRI(p.iri)
	}
	var inner base.Term
	if p.op == sequence || p.op == alternative {
		var members []base.Term
		for _, sub := range p.sub {
			members = append(members, sub.quads(fresh, emit))
		}
		inner = list(members, fresh, emit)
		if p.op == sequence {
			return inner
		}
	} else {
		inner = p.sub[0].quads(fresh, emit)
	}
	node := fresh()
	for word, op := range pathWords {
		if op == p.op {
			emit(node, sh+word, inner)
		}
	}
	return node
}

func list(members []base.Term, fresh func() base.Term, emit func(s base.Term, p string, o base.Term)) base.Term {
	rest := base.IRI(base.RDFNil)
	for _, m := range slices.Backward(members) {
		cell := fresh()
		emit(cell, base.RDFFirst, m)
		emit(cell, base.RDFRest, rest)
		rest = cell
	}
	return rest
}
