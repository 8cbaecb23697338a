package rdf

import (
	"iter"

	"github.com/picloud/picloud/gen/base"
)

// Snapshot is one immutable state of a store. All methods are safe for any
// number of goroutines and take no lock.
type Snapshot struct{}

// Term is the term of an id; the zero term for DefaultGraph, Any and ids that
// this snapshot does not know.
func (s *Snapshot) Term(id ID) base.Term { return base.Term{} }

// Lookup finds the id of a term; the zero term is DefaultGraph.
func (s *Snapshot) Lookup(t base.Term) (ID, bool) { return 0, false }

// Match yields the quads that match a pattern, sorted in the order that Order reports.
func (s *Snapshot) Match(p IDQuad) iter.Seq[IDQuad] { return func(func(IDQuad) bool) {} }

// Count is the exact number of quads that match a pattern, in O(log n).
func (s *Snapshot) Count(p IDQuad) int { return 0 }

// Has reports whether a quad is there.
func (s *Snapshot) Has(q IDQuad) bool { return false }

// Graphs yields the ids of the graphs that have a quad, ascending.
func (s *Snapshot) Graphs() iter.Seq[ID] { return func(func(ID) bool) {} }

// Len is the number of quads.
func (s *Snapshot) Len() int { return 0 }

// Quad turns ids into terms.
func (s *Snapshot) Quad(q IDQuad) base.Quad {
	return base.Quad{S: s.Term(q.S), P: s.Term(q.P), O: s.Term(q.O), G: s.Term(q.G)}
}

// Quads yields the matching quads as terms.
func (s *Snapshot) Quads(p IDQuad) iter.Seq[base.Quad] {
	return func(yield func(base.Quad) bool) {
		for q := range s.Match(p) {
			if !yield(s.Quad(q)) {
				return
			}
		}
	}
}

// Terms is how many terms the snapshot's dictionary holds; every id is less
// than or equal to it. Bit sets over ids take their size from it.
func (s *Snapshot) Terms() int { return 0 }

// Describe yields the quads of a graph whose subject is the IRI or one of its
// fragments (iri#…): what a GET of the resource shows.
func (s *Snapshot) Describe(iri string, graph ID) iter.Seq[IDQuad] {
	return func(func(IDQuad) bool) {}
}

// Digest is a hash of the set of quads, independent of ids and of history: two
// stores with the same quads have the same digest. Blank nodes count by label.
func (s *Snapshot) Digest() [32]byte { return [32]byte{} }
