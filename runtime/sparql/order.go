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

// orderNode sorts its rows, in runs that are merged at the end. With a limit it
// keeps no more than twice that many.
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
	s := &sorter{orderNode: n, e: e, scratch: make([]value.Value, len(n.keys)), most: runRows}
	if n.limit >= 0 && n.limit <= maxTopK {
		s.topK, s.most = true, 2*n.limit+64
	}
	defer s.free()
	if !n.input.run(e, r, s.add) {
		return false
	}
	s.finish()
	return s.merged(func(kept *sortedRow) bool { return e.tick() && merge(e, r, n.slots, kept.ids, yield) })
}

// runRows is how many rows are sorted at once. What is sorted already is only
// merged, so that nothing large is moved or sorted in one go.
const runRows = 8 << 10

// sorter collects the rows of one run of the operator.
type sorter struct {
	*orderNode
	e *exec
	// runs are sorted; rows are those of the next, of which there may be most.
	runs    [][]sortedRow
	rows    []sortedRow
	most    int
	kept    int // in all runs
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
	if s.kept+len(s.rows) >= s.e.limits.MaxRows {
		return s.e.fail(errorf(CodeOverBudget, "ORDER BY has more than %d rows to sort; add a LIMIT or make the query more selective", s.e.limits.MaxRows))
	}
	size := s.size()
	if !s.e.charge(size) {
		return false
	}
	s.rows = append(s.rows, sortedRow{pick(make(row, len(s.slots)), r, s.slots), slices.Clone(s.scratch), size})
	if len(s.rows) < s.most {
		return s.e.err == nil
	}
	if !s.topK {
		s.finish()
		return s.e.err == nil
	}
	s.sort()
	s.cut(s.limit)
	if s.limit > 0 {
		s.last = s.rows[s.limit-1].keys
	}
	return s.e.err == nil
}

// finish makes a run of the rows.
func (s *sorter) finish() {
	if len(s.rows) == 0 {
		return
	}
	s.sort()
	s.runs = append(s.runs, s.rows)
	s.kept += len(s.rows)
	s.rows = nil
}

// merged visits the rows of all runs in order; of equal ones those of the
// earlier run are first, as they came. The runs are a heap by their next row.
func (s *sorter) merged(visit func(*sortedRow) bool) bool {
	heads := make([]head, len(s.runs))
	for i := range heads {
		heads[i] = head{i, s.runs[i]}
	}
	for i := len(heads)/2 - 1; i >= 0; i-- {
		s.sink(heads, i)
	}
	for len(heads) > 0 {
		if !visit(&heads[0].rows[0]) {
			return false
		}
		if heads[0].rows = heads[0].rows[1:]; len(heads[0].rows) == 0 {
			heads[0] = heads[len(heads)-1]
			heads = heads[:len(heads)-1]
		}
		s.sink(heads, 0)
	}
	return s.e.err == nil
}

// head is what is left of a run.
type head struct {
	run  int
	rows []sortedRow
}

// sink puts a head to its place in the heap below i.
func (s *sorter) sink(heads []head, i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heads); child++ {
			a, b := &heads[child], &heads[least]
			if order := s.order(&a.rows[0], &b.rows[0]); order < 0 || order == 0 && a.run < b.run {
				least = child
			}
		}
		if least == i {
			return
		}
		heads[i], heads[least] = heads[least], heads[i]
		i = least
	}
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

// free gives the memory of all rows back.
func (s *sorter) free() {
	for _, s.rows = range append(s.runs, s.rows) {
		s.cut(0)
	}
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

// sort is stable, so that rows that compare equal stay as they came.
func (s *sorter) sort() {
	slices.SortStableFunc(s.rows, func(a, b sortedRow) int { return s.order(&a, &b) })
}

// order compares two rows. Once the execution must end, all rows are alike and
// the sorting is soon over.
func (s *sorter) order(a, b *sortedRow) int {
	steps := 1 + len(a.keys)>>3
	for i := range a.keys {
		steps += min(len(a.keys[i].Text()), len(b.keys[i].Text())) >> 8
	}
	if !s.e.work(steps) {
		return 0
	}
	return s.compare(a.keys, b.keys)
}
