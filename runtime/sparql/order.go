package sparql

import (
	"slices"

	"github.com/picloud/picloud/runtime/sparql/value"
)

// sortKey is a condition of ORDER BY.
type sortKey struct {
	expr *expr
	desc bool
}

// orderNode sorts its rows. With a limit it keeps no more than twice that many.
type orderNode struct {
	input node
	keys  []sortKey
	slots []int
	// limit is how many rows will be asked for, -1 if all.
	limit int
}

// sortedRow is a kept row with its keys and the memory that it was charged.
type sortedRow struct {
	ids  row
	keys []value.Value
	size int
}

// maxTopK is the greatest limit for which keeping only the first rows is worth
// the repeated sorting.
const maxTopK = 100_000

func (n *orderNode) inputs() []node { return []node{n.input} }

func (n *orderNode) run(e *exec, r row, yield func(row) bool) bool {
	s := &sorter{orderNode: n, e: e, scratch: make([]value.Value, len(n.keys)), topK: n.limit >= 0 && n.limit <= maxTopK}
	defer func() { s.cut(0) }()
	if !n.input.run(e, r, s.add) {
		return false
	}
	s.sort()
	for _, kept := range s.rows {
		if !e.tick() || !merge(e, r, n.slots, kept.ids, yield) {
			return false
		}
	}
	return true
}

// sorter collects the rows of one run.
type sorter struct {
	*orderNode
	e       *exec
	rows    []sortedRow
	scratch []value.Value
	topK    bool
	// last are the keys that a row must come before to be among the first,
	// once there are as many as will be asked for.
	last []value.Value
}

func (s *sorter) add(r row) bool {
	if s.late(r) {
		return s.e.err == nil
	}
	if len(s.rows) >= s.e.limits.MaxRows {
		return s.e.fail(errorf(CodeOverBudget, "ORDER BY has more than %d rows to sort; add a LIMIT or make the query more selective", s.e.limits.MaxRows))
	}
	size := s.size()
	if !s.e.charge(size) {
		return false
	}
	s.rows = append(s.rows, sortedRow{pick(make(row, len(s.slots)), r, s.slots), slices.Clone(s.scratch), size})
	if s.topK && len(s.rows) >= 2*s.limit+64 {
		s.sort()
		s.cut(s.limit)
		if s.limit > 0 {
			s.last = s.rows[s.limit-1].keys
		}
	}
	return s.e.err == nil
}

// late computes the keys of a row, as far as needed to see that it does not come
// before the last that is kept.
func (s *sorter) late(r row) bool {
	level := s.last != nil
	for i, k := range s.keys {
		// An error sorts as unbound.
		s.scratch[i], _ = k.expr.value(s.e, r)
		if !level {
			continue
		}
		order := value.Order(s.scratch[i], s.last[i])
		if order != 0 && order < 0 == k.desc {
			return true
		}
		level = order == 0
	}
	return level
}

// size is the memory of the row whose keys are in scratch. The text of a plain
// variable lies in the snapshot, computed text is the row's own.
func (s *sorter) size() int {
	size := 4*len(s.slots) + 80 + 160*len(s.keys)
	for i, k := range s.keys {
		size += s.scratch[i].Bytes()
		if k.expr.slot >= 0 {
			size -= len(s.scratch[i].Text())
		}
	}
	return size
}

// cut drops the rows from n on.
func (s *sorter) cut(n int) {
	for _, dropped := range s.rows[n:] {
		s.e.release(dropped.size)
	}
	clear(s.rows[n:])
	s.rows = s.rows[:n]
}

// compare orders by the keys.
func (n *orderNode) compare(a, b []value.Value) int {
	for i, k := range n.keys {
		if order := value.Order(a[i], b[i]); order != 0 {
			if k.desc {
				return -order
			}
			return order
		}
	}
	return 0
}

// sort is stable, so that rows that compare equal stay as they came. Once the
// execution must end, all rows are alike and the sorting is soon over.
func (s *sorter) sort() {
	slices.SortStableFunc(s.rows, func(a, b sortedRow) int {
		steps := 1 + len(a.keys)>>3
		for i := range a.keys {
			steps += min(len(a.keys[i].Text()), len(b.keys[i].Text())) >> 8
		}
		if !s.e.work(steps) {
			return 0
		}
		return s.compare(a.keys, b.keys)
	})
}
