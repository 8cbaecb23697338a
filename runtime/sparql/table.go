package sparql

import (
	"fmt"

	"github.com/picloud/picloud/runtime/rdf"
)

// rowTable keeps rows of a fixed width, found by the first keyWidth columns.
// What it keeps is charged to the execution. It grows in pieces: rows by the
// page, and its buckets, once there are many, by the segment.
type rowTable struct {
	e               *exec
	width, keyWidth int
	// rows have a link in front: the number + 1 of the next row of the bucket.
	rows paged[rdf.ID]
	// segments are hash tables of row numbers + 1, one for each value of the
	// highest bits of a hash; one until there are manyRows.
	segments []segment
	high     int // how far a hash is shifted to give its segment
	size     int
	bytes    int
}

// segment is a part of the buckets, and how many rows are in them.
type segment struct {
	heads []uint32
	rows  int
}

// What a table costs before its first row, and a row beside its ids: its link,
// and its share of the buckets after they have grown.
const (
	emptyTable = 256
	rowCost    = 4 + 16
)

// From manyRows on a table has manySegments.
const (
	manyRows     = 1 << 16
	manySegments = 1 << 8
)

func newRowTable(e *exec, width, keyWidth int) *rowTable {
	e.charge(emptyTable)
	return &rowTable{e: e, width: width, keyWidth: keyWidth, rows: newPaged[rdf.ID](width + 1), bytes: emptyTable,
		segments: []segment{{heads: make([]uint32, 16)}}, high: 64}
}

func (t *rowTable) row(i int) row { return t.rows.at(i)[1:] }

// hash mixes ids (FNV-1a over words, finished with a multiplication).
func hash(ids row) uint64 {
	h := uint64(14695981039346656037)
	for _, id := range ids {
		h = (h ^ uint64(id)) * 1099511628211
	}
	h ^= h >> 32
	return h * 0x9E3779B97F4A7C15
}

// bucket is the place of the first link of those with a key.
func (t *rowTable) bucket(key row) (*segment, *uint32) {
	h := hash(key)
	s := &t.segments[h>>t.high]
	return s, &s.heads[h>>16&uint64(len(s.heads)-1)]
}

// add appends a row; false means that the budget is spent.
func (t *rowTable) add(r row) bool {
	if t.size >= t.e.limits.MaxRows {
		return t.e.fail(t.e.limits.overBudget(fmt.Sprintf("a table of more than %d rows", t.e.limits.MaxRows)))
	}
	cost := 4*t.width + rowCost
	if !t.e.charge(cost) {
		return false
	}
	t.bytes += cost
	place := t.rows.extend()
	copy(place[1:], r)
	t.size++
	if t.size == manyRows {
		t.divide()
		return t.e.err == nil
	}
	s := t.link(t.size-1, place)
	if s.rows > len(s.heads) {
		t.rehash(s)
	}
	return true
}

// link puts a row into its bucket.
func (t *rowTable) link(i int, place row) *segment {
	s, head := t.bucket(place[1 : 1+t.keyWidth])
	place[0] = rdf.ID(*head)
	*head = uint32(i + 1)
	s.rows++
	return s
}

// rehash gives the rows of a segment four times as many buckets.
func (t *rowTable) rehash(s *segment) {
	old := s.heads
	s.heads, s.rows = make([]uint32, 4*len(old)), 0
	for _, link := range old {
		for link != 0 {
			if !t.e.tick() {
				return // nobody looks into it any more
			}
			place := t.rows.at(int(link - 1))
			next := uint32(place[0])
			t.link(int(link-1), place)
			link = next
		}
	}
}

// divide makes many segments of the first.
func (t *rowTable) divide() {
	t.segments, t.high = make([]segment, manySegments), 64-8
	for i := range t.segments {
		t.segments[i].heads = make([]uint32, 4*manyRows/manySegments)
	}
	for i := range t.size {
		if !t.e.tick() {
			return // nobody looks into it any more
		}
		t.link(i, t.rows.at(i))
	}
}

// first is the number of a row with the key, -1 if there is none; after is the
// next one.
func (t *rowTable) first(key row) int {
	_, head := t.bucket(key)
	return t.find(key, *head)
}

func (t *rowTable) after(key row, i int) int { return t.find(key, uint32(t.rows.at(i)[0])) }

// find follows the links from one row to the next.
func (t *rowTable) find(key row, link uint32) int {
	pages, width, shift, mask := t.rows.pages, t.width+1, t.rows.shift&63, t.rows.mask
next:
	for link != 0 {
		i := int(link - 1)
		page, from := pages[i>>shift], i&mask*width
		for column, id := range key {
			if page[from+1+column] != id {
				link = uint32(page[from])
				continue next
			}
		}
		return i
	}
	return -1
}

// insert adds a row whose key is not there yet and reports whether it was new.
func (t *rowTable) insert(r row) (at int, fresh bool) {
	if i := t.first(r[:t.keyWidth]); i >= 0 {
		return i, false
	}
	if !t.add(r) {
		return -1, false
	}
	return t.size - 1, true
}

// free gives the memory back.
func (t *rowTable) free() { t.e.release(t.bytes) }

// pick copies slots of r into out.
func pick(out, r row, slots []int) row {
	for i, s := range slots {
		out[i] = r[s]
	}
	return out[:len(slots)]
}

// distinctNode lets each combination of its slots through once.
type distinctNode struct {
	input node
	slots []int
}

func (n *distinctNode) inputs() []node { return []node{n.input} }

func (n *distinctNode) run(e *exec, r row, yield func(row) bool) bool {
	seen := newRowTable(e, len(n.slots), len(n.slots))
	defer seen.free()
	key := make(row, len(n.slots))
	return n.input.run(e, r, func(r row) bool {
		if _, fresh := seen.insert(pick(key, r, n.slots)); !fresh {
			return e.err == nil
		}
		return yield(r)
	})
}

// sliceNode skips offset rows and then lets limit rows through (-1: all).
type sliceNode struct {
	input         node
	offset, limit int
}

func (n *sliceNode) inputs() []node { return []node{n.input} }

func (n *sliceNode) run(e *exec, r row, yield func(row) bool) bool {
	if n.limit == 0 {
		return true
	}
	seen, stopped := 0, false
	n.input.run(e, r, func(r row) bool {
		seen++
		if seen <= n.offset {
			return true
		}
		if !yield(r) {
			stopped = true
			return false
		}
		return n.limit < 0 || seen-n.offset < n.limit
	})
	return !stopped && e.err == nil
}
