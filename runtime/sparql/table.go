package sparql

import (
	"slices"

	"github.com/picloud/picloud/runtime/rdf"
)

// rowTable keeps rows of a fixed width, found by the first keyWidth columns.
// What it keeps is charged to the execution.
type rowTable struct {
	e               *exec
	width, keyWidth int
	ids             []rdf.ID
	// heads is a hash table of row numbers + 1, next chains rows of one bucket.
	heads []int32
	next  []int32
	size  int
	bytes int
}

// What a table costs before its first row, and a row beside its ids: its link,
// and its share of the buckets after they have grown.
const (
	emptyTable = 256
	rowCost    = 4 + 16
)

func newRowTable(e *exec, width, keyWidth int) *rowTable {
	e.charge(emptyTable)
	return &rowTable{e: e, width: width, keyWidth: keyWidth, heads: make([]int32, 16), bytes: emptyTable}
}

func (t *rowTable) row(i int) row { return t.ids[i*t.width : (i+1)*t.width] }

func (t *rowTable) key(i int) row { return t.ids[i*t.width : i*t.width+t.keyWidth] }

// hash mixes ids (FNV-1a over words, finished with a multiplication).
func hash(ids row) uint64 {
	h := uint64(14695981039346656037)
	for _, id := range ids {
		h = (h ^ uint64(id)) * 1099511628211
	}
	h ^= h >> 32
	return h * 0x9E3779B97F4A7C15
}

func (t *rowTable) bucket(key row) uint64 { return hash(key) >> 16 & uint64(len(t.heads)-1) }

// add appends a row; false means that the budget is spent.
func (t *rowTable) add(r row) bool {
	if t.size >= t.e.limits.MaxRows {
		return t.e.fail(errorf(CodeOverBudget, "the query needs a table of more than %d rows; make it more selective", t.e.limits.MaxRows))
	}
	cost := 4*t.width + rowCost
	if !t.e.charge(cost) {
		return false
	}
	t.bytes += cost
	t.ids = append(t.ids, r...)
	t.next = append(t.next, 0)
	t.size++
	if t.size > len(t.heads) {
		t.rehash(len(t.heads) * 4)
	} else {
		t.link(t.size - 1)
	}
	return true
}

func (t *rowTable) link(i int) {
	b := t.bucket(t.key(i))
	t.next[i] = t.heads[b]
	t.heads[b] = int32(i + 1)
}

func (t *rowTable) rehash(buckets int) {
	t.heads = make([]int32, buckets)
	for i := range t.size {
		if !t.e.tick() {
			return // nobody looks into it any more
		}
		t.link(i)
	}
}

// first is the number of a row with the key, -1 if there is none; after is the
// next one.
func (t *rowTable) first(key row) int { return t.find(key, int(t.heads[t.bucket(key)])) }

func (t *rowTable) after(key row, i int) int { return t.find(key, int(t.next[i])) }

func (t *rowTable) find(key row, link int) int {
	for ; link != 0; link = int(t.next[link-1]) {
		if slices.Equal(t.key(link-1), key) {
			return link - 1
		}
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
