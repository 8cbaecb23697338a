package rdf

import (
	"cmp"
	"hash/maphash"
	"iter"
	"strings"
	"sync/atomic"

	"github.com/picloud/picloud/gen/base"
)

const (
	chunkSize = 1 << 10  // terms in one block of the dictionary
	arenaMax  = 64 << 10 // bytes of text in one block
)

// entry is a term of the dictionary. Only head and link change after it is
// published. They chain the fragments (value#…) of a document's IRI in the order
// of their ids, so that a reader can stop at the last one it knows.
type entry struct {
	value string
	hash  uint32
	typ   uint32 // index into types
	head  uint32 // of a document, atomic: its first fragment, or 0
	link  uint32 // of a fragment, atomic: the next one, or 0; of a document: its last fragment, for the writer
}

// termType is what terms of one kind, datatype and language share.
type termType struct {
	kind           base.TermKind
	datatype, lang string
}

func (t termType) compare(u termType) int {
	return cmp.Or(cmp.Compare(t.kind, u.kind), strings.Compare(t.datatype, u.datatype), strings.Compare(t.lang, u.lang))
}

// terms is a view of the dictionary that never changes: the first n terms. All
// views share the blocks and the hash table; the writer only adds behind n, so
// readers need no lock. In the table, slots of later terms are passed over.
type terms struct {
	chunks []*[chunkSize]entry
	types  []termType
	table  []uint32 // open addressing, read and written atomically; 0 is free
	seed   maphash.Seed
	n      int    // ids 1…n are known
	text   int    // bytes of their values
	below  *terms // of a fork: the terms that it began with, which its table has not
}

// entry finds the entry of an id from 1 to n.
func (t *terms) entry(id ID) *entry { return &t.chunks[id/chunkSize][id%chunkSize] }

// term is the term of an id; the zero term of an unknown one.
func (t *terms) term(id ID) base.Term {
	if id == Any || int(id) > t.n {
		return base.Term{}
	}
	e := t.entry(id)
	s := &t.types[e.typ]
	return base.Term{Kind: s.kind, Value: e.value, Datatype: s.datatype, Lang: s.lang}
}

func (t *terms) hash(term base.Term) uint32 {
	h := maphash.String(t.seed, term.Value)
	if term.Kind == base.LiteralTerm {
		h ^= 31 * maphash.String(t.seed, term.Datatype)
		if term.Lang != "" {
			h ^= 37 * maphash.String(t.seed, term.Lang)
		}
	}
	return uint32(h ^ h>>32)
}

// lookup finds a term among the first n.
func (t *terms) lookup(term base.Term) (ID, bool) {
	if term.Kind == base.NoTerm {
		return DefaultGraph, true
	}
	return t.find(term, t.hash(term))
}

func (t *terms) find(term base.Term, hash uint32) (ID, bool) {
	if t.below != nil {
		if id, ok := t.below.find(term, hash); ok {
			return id, true
		}
	}
	mask := uint32(len(t.table) - 1)
	for slot := hash & mask; ; slot = (slot + 1) & mask {
		id := atomic.LoadUint32(&t.table[slot])
		if id == 0 {
			return Any, false
		}
		if int(id) > t.n {
			continue
		}
		e := t.entry(ID(id))
		if e.hash != hash || e.value != term.Value {
			continue
		}
		s := &t.types[e.typ]
		if s.kind == term.Kind && s.datatype == term.Datatype && s.lang == term.Lang {
			return ID(id), true
		}
	}
}

// fragments yields the ids of the IRIs that are fragments of a document's IRI.
func (t *terms) fragments(document ID) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		id := atomic.LoadUint32(&t.entry(document).head)
		for id != 0 && int(id) <= t.n && yield(ID(id)) {
			id = atomic.LoadUint32(&t.entry(ID(id)).link)
		}
	}
}

// dictionary is the writer's side: it gives ids to terms and never takes one back.
type dictionary struct {
	terms
	typeIDs map[termType]uint32
	arena   strings.Builder
	bytes   int // of text, so far
	// Of a fork: it is one, and its last block is still that of the views.
	forked, borrowed bool
}

func newDictionary() *dictionary {
	d := &dictionary{typeIDs: map[termType]uint32{}}
	d.seed = maphash.MakeSeed()
	d.table = make([]uint32, 64)
	d.chunks = []*[chunkSize]entry{new([chunkSize]entry)}
	d.typeIDs[termType{}] = 0
	d.types = []termType{{}}
	d.n = int(DefaultGraph) // its entry is the zero term
	return d
}

// intern finds or gives the id of a term.
func (d *dictionary) intern(term base.Term) ID {
	if term.Kind == base.NoTerm {
		return DefaultGraph
	}
	hash := d.hash(term)
	if id, ok := d.find(term, hash); ok {
		return id
	}
	var document ID
	if hash := strings.IndexByte(term.Value, '#'); hash >= 0 && term.Kind == base.IRITerm && !d.forked {
		document = d.intern(base.IRI(term.Value[:hash]))
	}
	id := d.add(term, hash)
	if document != 0 {
		d.chain(document, id)
	}
	return id
}

// chain puts a new fragment behind the others of its document.
func (d *dictionary) chain(document, fragment ID) {
	doc := d.entry(document)
	if doc.head == 0 {
		atomic.StoreUint32(&doc.head, uint32(fragment))
	} else {
		atomic.StoreUint32(&d.entry(ID(doc.link)).link, uint32(fragment))
	}
	doc.link = uint32(fragment)
}

func (d *dictionary) add(term base.Term, hash uint32) ID {
	if d.borrowed {
		d.own()
	}
	d.n++
	d.text += len(term.Value)
	id := ID(d.n)
	if int(id/chunkSize) == len(d.chunks) {
		d.chunks = append(d.chunks, new([chunkSize]entry))
	}
	e := d.entry(id)
	e.value, e.hash, e.typ = d.keep(term.Value), hash, d.typeOf(term)
	if 4*(d.n-d.first()) > 3*len(d.table) {
		d.rehash()
	} else {
		enter(d.table, hash, id)
	}
	return id
}

func (d *dictionary) typeOf(term base.Term) uint32 {
	s := termType{term.Kind, term.Datatype, term.Lang}
	id, ok := d.typeIDs[s]
	if !ok {
		s.datatype, s.lang = strings.Clone(s.datatype), strings.Clone(s.lang)
		id = uint32(len(d.types))
		d.types = append(d.types, s)
		d.typeIDs[s] = id
	}
	return id
}

// keep copies a string into the arena, so that a term never holds on to the
// text it was read from. Blocks are filled in place: strings.Builder promises
// that what it gave out stays as it is.
func (d *dictionary) keep(s string) string {
	if len(s) > arenaMax/8 {
		return strings.Clone(s)
	}
	if d.arena.Cap()-d.arena.Len() < len(s) {
		d.arena = strings.Builder{}
		d.arena.Grow(max(len(s), min(arenaMax, max(1<<10, d.bytes/2))))
	}
	start := d.arena.Len()
	d.arena.WriteString(s)
	d.bytes += len(s)
	return d.arena.String()[start:]
}

// rehash moves to a table of twice the size; older views keep theirs.
func (d *dictionary) rehash() {
	table := make([]uint32, 2*len(d.table))
	for id := d.first() + 1; id <= d.n; id++ {
		enter(table, d.entry(ID(id)).hash, ID(id))
	}
	d.table = table
}

// first is the id below those of the table.
func (d *dictionary) first() int {
	if d.below != nil {
		return d.below.n
	}
	return int(DefaultGraph)
}

func enter(table []uint32, hash uint32, id ID) {
	mask := uint32(len(table) - 1)
	slot := hash & mask
	for atomic.LoadUint32(&table[slot]) != 0 {
		slot = (slot + 1) & mask
	}
	atomic.StoreUint32(&table[slot], uint32(id))
}
