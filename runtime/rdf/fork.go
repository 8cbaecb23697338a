package rdf

import (
	"slices"

	"github.com/picloud/picloud/gen/base"
)

// Fork is a successor of a snapshot that its maker alone knows: an update is
// computed on it before anybody decides that it happens. Making one costs
// microseconds however large the snapshot is; a change copies the nodes on its
// way. Ids of the snapshot mean the same terms in the fork, new terms get ids
// above. A fork counts no uses and never compacts: it lives for one update. It
// is used by one goroutine; its snapshots by any number.
type Fork struct {
	indexes
	editor editor
	epoch  uint64
	dict   *dictionary
}

// Fork begins a fork of the snapshot.
func (s *Snapshot) Fork() *Fork {
	return &Fork{indexes: s.indexes, epoch: s.epoch, dict: s.terms.fork()}
}

// fork makes a dictionary that knows these terms and gives ids above them. What
// the views share is never written: new entries go to a block and a table of
// its own, and fragments are not chained, since the chains run through shared
// entries. Most updates name few new terms or none, so the block is made with
// the first.
func (t *terms) fork() *dictionary {
	below := *t
	blocks := t.n/chunkSize + 1
	d := &dictionary{terms: terms{chunks: t.chunks[:blocks:blocks], types: slices.Clone(t.types), table: make([]uint32, 64), seed: t.seed, n: t.n, below: &below},
		typeIDs: make(map[termType]uint32, len(t.types)), forked: true, borrowed: true}
	for i, s := range d.types {
		d.typeIDs[s] = uint32(i)
	}
	return d
}

// own puts a block of the fork's own in the place of the last one.
func (d *dictionary) own() {
	d.borrowed = false
	d.chunks = slices.Clone(d.chunks)
	last := new([chunkSize]entry)
	for i := range d.n%chunkSize + 1 {
		e := &d.chunks[len(d.chunks)-1][i]
		last[i].value, last[i].hash, last[i].typ = e.value, e.hash, e.typ
	}
	d.chunks[len(d.chunks)-1] = last
}

// Intern finds or gives the id of a term; that of the zero term is DefaultGraph.
func (f *Fork) Intern(t base.Term) ID { return f.dict.intern(t) }

// Lookup finds the id of a term.
func (f *Fork) Lookup(t base.Term) (ID, bool) { return f.dict.lookup(t) }

// Term is the term of an id.
func (f *Fork) Term(id ID) base.Term { return f.dict.term(id) }

// Has reports whether a quad is there.
func (f *Fork) Has(q IDQuad) bool { return f.trees[SPOG].has(SPOG.key(q)) }

// Insert adds a quad and reports whether it was new.
func (f *Fork) Insert(q IDQuad) bool {
	if f.Has(q) {
		return false
	}
	f.apply(&f.editor, f.epoch, []wish{{quad: q}})
	return true
}

// Remove takes a quad out and reports whether it was there.
func (f *Fork) Remove(q IDQuad) bool {
	if !f.Has(q) {
		return false
	}
	f.apply(&f.editor, f.epoch, []wish{{quad: q, gone: true}})
	return true
}

// Snapshot is the fork as it is now, for ever.
func (f *Fork) Snapshot() *Snapshot {
	f.epoch++
	return &Snapshot{indexes: f.indexes, terms: f.dict.terms, epoch: f.epoch}
}
