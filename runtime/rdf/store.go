package rdf

import (
	"iter"
	"slices"
	"sync"

	"github.com/picloud/picloud/gen/base"
)

// ID stands for a term in the store. Ids are dense and begin at 1. The same id
// means the same term in all snapshots of one store until it compacts its
// dictionary; so use an id only with the snapshot that it came from.
type ID uint32

// Ids with a fixed meaning.
const (
	// Any matches every term in a pattern and is the id of no term.
	Any ID = 0
	// DefaultGraph is the graph of quads whose graph is the zero term.
	DefaultGraph ID = 1
)

// IDQuad is a quad of ids; as a pattern, Any matches everything.
type IDQuad struct{ S, P, O, G ID }

// garbageMin is how many unused terms are not worth a compaction.
const garbageMin = 1 << 14

// garbageTextMin is how many bytes of text of unused terms are not.
const garbageTextMin = 16 << 20

// loadMin is from how many quads on additions are tried as a load.
const loadMin = 1 << 10

// Store is a set of quads with one writer at a time and any number of readers.
// Its methods may be called from any goroutine; those that read wait for a
// change that is under way, a Snapshot never does.
type Store struct {
	mu sync.Mutex
	indexes
	editor editor
	epoch  uint64 // nodes of this epoch are in no snapshot
	dict   *dictionary
	refs   []uint32 // by id: how often quads use it
	dead   int      // terms that no quad uses
	limit  int      // of dead, before a compaction
	// The same in bytes of text: a few long literals outweigh many short terms.
	deadText, limitText int
}

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{epoch: 1, dict: newDictionary(), refs: make([]uint32, DefaultGraph+1), dead: 1, limit: garbageMin, limitText: garbageTextMin}
}

// Apply removes and then adds quads as one change, and reports how many quads
// really left and came. The cost is O(log n) a quad; many at once cost less each,
// and many additions alone are a Load.
func (s *Store) Apply(remove, add []base.Quad) (removed, added int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(remove) == 0 && len(add) >= loadMin {
		return 0, s.load(slices.Values(add))
	}
	wishes := make([]wish, 0, len(remove)+len(add))
	for _, q := range remove {
		if ids, known := s.lookup(q); known {
			wishes = append(wishes, wish{ids, true})
		}
	}
	for _, q := range add {
		wishes = append(wishes, wish{s.intern(q), false})
	}
	removed, added = s.change(wishes)
	s.tidy()
	return removed, added
}

// tidy compacts the dictionary when too much of it is in no quad.
func (s *Store) tidy() {
	if s.dead > max(s.limit, (s.dict.n-s.dead)/2) || s.deadText > max(s.limitText, (s.dict.text-s.deadText)/2) {
		s.compact()
	}
}

// Load adds many quads at once. When they outnumber a quarter of what is there
// it sorts and builds anew, which is several times faster than Apply.
func (s *Store) Load(quads iter.Seq[base.Quad]) (added int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load(quads)
}

func (s *Store) load(quads iter.Seq[base.Quad]) (added int) {
	var ids []IDQuad
	for q := range quads {
		ids = append(ids, s.intern(q))
	}
	if len(ids) < s.trees[SPOG].size/4 {
		wishes := make([]wish, len(ids))
		for i, q := range ids {
			wishes[i].quad = q
		}
		_, added = s.change(wishes)
		s.tidy()
		return added
	}
	before := s.trees[SPOG].size
	ids = slices.Grow(ids, before)
	for c := newCursor(s.trees[SPOG], SPOG, IDQuad{}); c.Next(); {
		ids = append(ids, c.Quad())
	}
	s.rebuild(ids)
	added = s.trees[SPOG].size - before
	s.tidy()
	return added
}

// LoadQuads is Load of a slice.
func (s *Store) LoadQuads(quads []base.Quad) (added int) { return s.Load(slices.Values(quads)) }

// Snapshot is the store as it is now, for ever. It costs O(1); the next change
// of each node costs a copy of it.
func (s *Store) Snapshot() *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	return &Snapshot{indexes: s.indexes, terms: s.dict.terms, epoch: s.epoch}
}

func (s *Store) intern(q base.Quad) IDQuad {
	ids := IDQuad{s.dict.intern(q.S), s.dict.intern(q.P), s.dict.intern(q.O), s.dict.intern(q.G)}
	for id := len(s.refs); id <= s.dict.n; id++ {
		s.refs = append(s.refs, 0)
		s.count(ID(id), 1)
	}
	return ids
}

// lookup is the ids of a quad, if all its terms have one.
func (s *Store) lookup(q base.Quad) (ids IDQuad, known bool) {
	for _, p := range [4]struct {
		to   *ID
		term *base.Term
	}{{&ids.S, &q.S}, {&ids.P, &q.P}, {&ids.O, &q.O}, {&ids.G, &q.G}} {
		if *p.to, known = s.dict.lookup(*p.term); !known {
			return ids, false
		}
	}
	return ids, true
}

// change carries wishes out, removals of a quad before additions of it.
func (s *Store) change(wishes []wish) (removed, added int) {
	slices.SortFunc(wishes, func(a, b wish) int {
		c := compareSPOG(a.quad, b.quad)
		if c == 0 && a.gone != b.gone {
			c = 1
			if a.gone {
				c = -1
			}
		}
		return c
	})
	effects := wishes[:0]
	for i := 0; i < len(wishes); {
		first := wishes[i]
		was := s.trees[SPOG].has(SPOG.key(first.quad))
		is := was
		for ; i < len(wishes) && wishes[i].quad == first.quad; i++ {
			if wishes[i].gone && is {
				removed++
			} else if !wishes[i].gone && !is {
				added++
			}
			is = !wishes[i].gone
		}
		if is != was {
			effects = append(effects, wish{first.quad, was})
		}
	}
	s.carryOut(effects)
	return removed, added
}

// carryOut changes the indexes and counts the uses of terms.
func (s *Store) carryOut(effects []wish) {
	s.apply(&s.editor, s.epoch, effects)
	for _, w := range effects {
		if !w.gone {
			s.use(w.quad)
			continue
		}
		for _, id := range [4]ID{w.quad.S, w.quad.P, w.quad.O, w.quad.G} {
			if s.refs[id]--; s.refs[id] == 0 {
				s.count(id, 1)
			}
		}
	}
}

// use counts the terms of a quad that came.
func (s *Store) use(q IDQuad) {
	for _, id := range [4]ID{q.S, q.P, q.O, q.G} {
		if s.refs[id]++; s.refs[id] == 1 {
			s.count(id, -1)
		}
	}
}

// count notes that a term is in no quad any more, or with -1 that it is in one.
func (s *Store) count(id ID, dead int) {
	s.dead += dead
	s.deadText += dead * len(s.dict.entry(id).value)
}

// rebuild replaces everything by a list of quads, which it sorts.
func (s *Store) rebuild(quads []IDQuad) {
	s.indexes = build(quads, s.dict.n, s.epoch)
	s.refs = make([]uint32, s.dict.n+1)
	s.dead, s.deadText = s.dict.n, s.dict.text
	for c := newCursor(s.trees[SPOG], SPOG, IDQuad{}); c.Next(); {
		s.use(c.Quad())
	}
}

// compact gives the store a new dictionary of only the terms in use. A graph
// that lives for years would otherwise keep every time stamp it ever had.
// Snapshots keep the old dictionary as long as they live.
func (s *Store) compact() {
	old := s.dict
	s.dict = newDictionary()
	to := make([]ID, old.n+1)
	to[DefaultGraph] = DefaultGraph
	for id := DefaultGraph + 1; int(id) <= old.n; id++ {
		if s.refs[id] > 0 {
			to[id] = s.dict.intern(old.term(id))
		}
	}
	quads := make([]IDQuad, 0, s.trees[SPOG].size)
	for c := newCursor(s.trees[SPOG], SPOG, IDQuad{}); c.Next(); {
		q := c.Quad()
		quads = append(quads, IDQuad{to[q.S], to[q.P], to[q.O], to[q.G]})
	}
	s.rebuild(quads)
	s.limit, s.limitText = max(garbageMin, 2*s.dead), max(garbageTextMin, 2*s.deadText)
}
