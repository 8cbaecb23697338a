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
const garbageMin = 1 << 16

// Store is a set of quads with one writer at a time and any number of readers.
// Its methods may be called from any goroutine; those that read wait for a
// change that is under way, a Snapshot never does.
type Store struct {
	mu    sync.Mutex
	trees [orders]tree
	epoch uint64 // nodes of this epoch are in no snapshot
	dict  *dictionary
	refs  []uint32 // by id: how often quads use it
	dead  int      // terms that no quad uses
	limit int      // of dead, before a compaction
}

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{epoch: 1, dict: newDictionary(), refs: make([]uint32, DefaultGraph+1), dead: 1, limit: garbageMin}
}

// Apply removes and then adds quads as one change, and reports how many quads
// really left and came. The cost is O(log n) a quad.
func (s *Store) Apply(remove, add []base.Quad) (removed, added int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range remove {
		if s.remove(q) {
			removed++
		}
	}
	for _, q := range add {
		if s.insert(s.intern(q)) {
			added++
		}
	}
	if s.dead > max(s.limit, s.dict.n-s.dead) {
		s.compact()
	}
	return removed, added
}

// Load adds many quads at once. When they outnumber a quarter of what is there
// it sorts and builds anew, which is several times faster than Apply.
func (s *Store) Load(quads iter.Seq[base.Quad]) (added int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []IDQuad
	for q := range quads {
		ids = append(ids, s.intern(q))
	}
	if len(ids) < s.trees[SPOG].size/4 {
		for _, q := range ids {
			if s.insert(q) {
				added++
			}
		}
		return added
	}
	before := s.trees[SPOG].size
	ids = slices.Grow(ids, before)
	for c := newCursor(s.trees[SPOG], SPOG, IDQuad{}); c.Next(); {
		ids = append(ids, c.Quad())
	}
	s.rebuild(ids)
	return s.trees[SPOG].size - before
}

// LoadQuads is Load of a slice.
func (s *Store) LoadQuads(quads []base.Quad) (added int) { return s.Load(slices.Values(quads)) }

// Snapshot is the store as it is now, for ever. It costs O(1); the next change
// of each node costs a copy of it.
func (s *Store) Snapshot() *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	return &Snapshot{trees: s.trees, terms: s.dict.terms, epoch: s.epoch}
}

func (s *Store) intern(q base.Quad) IDQuad {
	ids := IDQuad{s.dict.intern(q.S), s.dict.intern(q.P), s.dict.intern(q.O), s.dict.intern(q.G)}
	if more := s.dict.n + 1 - len(s.refs); more > 0 {
		s.refs = append(s.refs, make([]uint32, more)...)
		s.dead += more
	}
	return ids
}

func (s *Store) insert(q IDQuad) bool {
	if s.trees[SPOG].has(SPOG.key(q)) {
		return false
	}
	for o := range s.trees {
		s.trees[o].insert(Order(o).key(q), s.epoch)
	}
	s.use(q)
	return true
}

func (s *Store) remove(quad base.Quad) bool {
	var q IDQuad
	for _, p := range [4]struct {
		to   *ID
		term base.Term
	}{{&q.S, quad.S}, {&q.P, quad.P}, {&q.O, quad.O}, {&q.G, quad.G}} {
		id, ok := s.dict.lookup(p.term)
		if !ok {
			return false
		}
		*p.to = id
	}
	if !s.trees[SPOG].has(SPOG.key(q)) {
		return false
	}
	for o := range s.trees {
		s.trees[o].remove(Order(o).key(q), s.epoch)
	}
	for _, id := range [4]ID{q.S, q.P, q.O, q.G} {
		if s.refs[id]--; s.refs[id] == 0 {
			s.dead++
		}
	}
	return true
}

// use counts the terms of a quad that came.
func (s *Store) use(q IDQuad) {
	for _, id := range [4]ID{q.S, q.P, q.O, q.G} {
		if s.refs[id]++; s.refs[id] == 1 {
			s.dead--
		}
	}
}

// rebuild replaces everything by a list of quads, which it sorts.
func (s *Store) rebuild(quads []IDQuad) {
	s.trees = build(quads, s.dict.n, s.epoch)
	s.refs = make([]uint32, s.dict.n+1)
	s.dead = s.dict.n
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
	s.limit = max(garbageMin, 2*s.dead)
}
