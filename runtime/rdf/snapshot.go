package rdf

import (
	"iter"

	"github.com/picloud/picloud/gen/base"
)

// Snapshot is one immutable state of a store. All methods are safe for any
// number of goroutines and take no lock.
type Snapshot struct {
	indexes
	terms terms
	epoch uint64 // no node of the trees is of this epoch
}

// Term is the term of an id; the zero term for DefaultGraph, Any and ids that
// this snapshot does not know.
func (s *Snapshot) Term(id ID) base.Term { return s.terms.term(id) }

// Lookup finds the id of a term; the zero term is DefaultGraph. A term may have
// an id though no quad of the snapshot uses it.
func (s *Snapshot) Lookup(t base.Term) (ID, bool) { return s.terms.lookup(t) }

// Cursor walks over the quads that match a pattern, in the order that begins
// with the bound places.
func (s *Snapshot) Cursor(p IDQuad) Cursor { return s.CursorIn(orderFor(p), p) }

// CursorIn walks over the quads that match a pattern in a given order. Bound
// places at the start of the order narrow the walk, others filter it.
func (s *Snapshot) CursorIn(o Order, p IDQuad) Cursor { return s.cursor(o, p) }

// Match yields the quads that match a pattern, in the order of Cursor.
func (s *Snapshot) Match(p IDQuad) iter.Seq[IDQuad] {
	return func(yield func(IDQuad) bool) {
		for c := s.Cursor(p); c.Next(); {
			if !yield(c.Quad()) {
				return
			}
		}
	}
}

// Count is the exact number of quads that match a pattern, in O(log n).
func (s *Snapshot) Count(p IDQuad) int {
	o, p, none := s.resolve(orderFor(p), p)
	if none {
		return 0
	}
	t := s.trees[o]
	lo, hi, _ := o.bound(p)
	from, _ := t.rank(lo)
	to, last := t.rank(hi)
	if last {
		to++
	}
	return to - from
}

// Nth is the quad that Cursor would come to after i others, in O(log n); i must
// be less than Count. Estimates take samples with it.
func (s *Snapshot) Nth(p IDQuad, i int) IDQuad {
	o, p, _ := s.resolve(orderFor(p), p)
	lo, _, _ := o.bound(p)
	from, _ := s.trees[o].rank(lo)
	return o.quad(s.trees[o].nth(from + i))
}

// Has reports whether a quad is there.
func (s *Snapshot) Has(q IDQuad) bool { return s.trees[SPOG].has(SPOG.key(q)) }

// Graphs yields the ids of the graphs that have a quad, ascending.
func (s *Snapshot) Graphs() iter.Seq[ID] {
	return func(yield func(ID) bool) {
		c := s.CursorIn(GSPO, IDQuad{})
		for c.Next() {
			g := c.Quad().G
			if !yield(g) {
				return
			}
			c.Seek(IDQuad{G: g + 1})
		}
	}
}

// Len is the number of quads.
func (s *Snapshot) Len() int { return s.trees[SPOG].size }

// Terms is how many ids the snapshot knows; none is greater. Bit sets over ids
// take their size from it.
func (s *Snapshot) Terms() int { return s.terms.n }

// Bytes is about how much memory the store takes for the snapshot, while no
// other one differs from it: six places of each quad, and terms with their text.
func (s *Snapshot) Bytes() int { return s.Len()*bytesPerQuad + s.Terms()*bytesPerTerm + s.terms.text }

// What is measured of large stores, of everything but text.
const (
	bytesPerQuad = 60
	bytesPerTerm = 60
)

// Quad turns ids into terms.
func (s *Snapshot) Quad(q IDQuad) base.Quad {
	return base.Quad{S: s.Term(q.S), P: s.Term(q.P), O: s.Term(q.O), G: s.Term(q.G)}
}

// Quads yields the matching quads as terms.
func (s *Snapshot) Quads(p IDQuad) iter.Seq[base.Quad] {
	return func(yield func(base.Quad) bool) {
		for c := s.Cursor(p); c.Next(); {
			if !yield(s.Quad(c.Quad())) {
				return
			}
		}
	}
}

// Describe yields the quads of a graph whose subject is the IRI or one of its
// fragments (iri#…): the IRI's own first, then the fragments' as they came.
// That is what a GET of a resource shows and what its deletion removes.
func (s *Snapshot) Describe(iri string, graph ID) iter.Seq[IDQuad] {
	return func(yield func(IDQuad) bool) {
		id, ok := s.Lookup(base.IRI(iri))
		if !ok {
			return
		}
		of := func(subject ID) bool {
			for c := s.Cursor(IDQuad{S: subject, G: graph}); c.Next(); {
				if !yield(c.Quad()) {
					return false
				}
			}
			return true
		}
		if !of(id) {
			return
		}
		for fragment := range s.terms.fragments(id) {
			if !of(fragment) {
				return
			}
		}
	}
}
