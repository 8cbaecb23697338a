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

type sortedRow struct {
	ids  row
	keys []value.Value
}

// maxTopK is the greatest limit for which keeping only the first rows is worth
// the repeated sorting.
const maxTopK = 100_000

func (n *orderNode) run(e *exec, r row, yield func(row) bool) bool {
	var rows []sortedRow
	cost := 4*len(n.slots) + 48 + 160*len(n.keys)
	topK := n.limit >= 0 && n.limit <= maxTopK
	kept := 0
	defer func() { e.release(kept * cost) }()
	ok := n.input.run(e, r, func(r row) bool {
		if len(rows) >= e.limits.MaxRows {
			return e.fail(errorf(CodeOverBudget, "ORDER BY has more than %d rows to sort; add a LIMIT or make the query more selective", e.limits.MaxRows))
		}
		if len(rows) == kept {
			if !e.charge(cost) {
				return false
			}
			kept++
		}
		rows = append(rows, n.keep(e, r))
		if topK && len(rows) >= 2*n.limit+64 {
			n.sort(rows)
			clear(rows[n.limit:])
			rows = rows[:n.limit]
		}
		return e.err == nil
	})
	if !ok {
		return false
	}
	n.sort(rows)
	for _, s := range rows {
		if !e.tick() || !merge(e, r, n.slots, s.ids, yield) {
			return false
		}
	}
	return true
}

func (n *orderNode) keep(e *exec, r row) sortedRow {
	s := sortedRow{ids: pick(make(row, len(n.slots)), r, n.slots), keys: make([]value.Value, len(n.keys))}
	for i, k := range n.keys {
		// An error sorts as unbound.
		s.keys[i], _ = k.expr.value(e, r)
	}
	return s
}

// sort is stable, so that rows that compare equal stay as they came.
func (n *orderNode) sort(rows []sortedRow) {
	slices.SortStableFunc(rows, func(a, b sortedRow) int {
		for i, k := range n.keys {
			if order := value.Order(a.keys[i], b.keys[i]); order != 0 {
				if k.desc {
					return -order
				}
				return order
			}
		}
		return 0
	})
}
