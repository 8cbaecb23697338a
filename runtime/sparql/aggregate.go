package sparql

import (
	"strings"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// aggregate is a set function of a group (section 18.5.1).
type aggregate struct {
	slot      int
	name      string
	distinct  bool
	arg       *expr // nil for COUNT(*)
	separator string
}

// accumulator is the state of one aggregate in one group. An expression that
// fails on a row makes SUM and AVG fail; COUNT, MIN, MAX, SAMPLE and
// GROUP_CONCAT pass over the row.
type accumulator struct {
	count  int
	failed bool
	best   value.Value // the sum, the least, the greatest or the sample
	bestID rdf.ID
	seen   *rowTable
	text   *strings.Builder
	// charged is the memory of best and text.
	charged int
}

// stateCost is what an accumulator costs before it has seen a row.
const stateCost = 256

// keep charges what has become of the accumulator's value.
func (acc *accumulator) keep(e *exec, bytes int) {
	e.charge(bytes - acc.charged)
	acc.charged = bytes
}

// free gives the memory of an accumulator back.
func (acc *accumulator) free(e *exec) {
	if acc.seen != nil {
		acc.seen.free()
	}
	e.release(acc.charged)
	*acc = accumulator{}
}

func (a *aggregate) start(e *exec, rowWidth int) accumulator {
	acc := accumulator{best: value.Int(0)}
	if a.distinct {
		width := 1
		if a.arg == nil {
			width = rowWidth
		}
		acc.seen = newRowTable(e, width, width)
	}
	if a.name == "GROUP_CONCAT" {
		acc.text = &strings.Builder{}
	}
	return acc
}

func (a *aggregate) add(e *exec, acc *accumulator, r row, all []int) {
	if a.arg == nil {
		a.addRow(acc, r, all)
		return
	}
	if !a.distinct && a.name != "COUNT" && a.name != "SAMPLE" {
		if v, ok := a.arg.value(e, r); ok {
			a.addValue(e, acc, v)
		} else {
			acc.failed = true
		}
		return
	}
	id := a.arg.id(e, r)
	if id == 0 {
		acc.failed = true
		return
	}
	if a.distinct {
		if _, fresh := acc.seen.insert(row{id}); !fresh {
			return
		}
	}
	switch a.name {
	case "COUNT":
		acc.count++
	case "SAMPLE":
		if acc.bestID == 0 {
			acc.bestID = id
		}
	default:
		a.addValue(e, acc, e.value(id))
	}
}

func (a *aggregate) addRow(acc *accumulator, r row, all []int) {
	if a.distinct {
		if _, fresh := acc.seen.insert(pick(make(row, len(all)), r, all)); !fresh {
			return
		}
	}
	acc.count++
}

func (a *aggregate) addValue(e *exec, acc *accumulator, v value.Value) {
	acc.count++
	switch a.name {
	case "SUM", "AVG":
		sum, ok := value.Arithmetic('+', acc.best, v)
		if !ok {
			acc.failed = true
			return
		}
		acc.best = sum
		acc.keep(e, sum.Bytes())
	case "MIN":
		if acc.count == 1 || value.Order(v, acc.best) < 0 {
			acc.best = v
			acc.keep(e, v.Bytes())
		}
	case "MAX":
		if acc.count == 1 || value.Order(v, acc.best) > 0 {
			acc.best = v
			acc.keep(e, v.Bytes())
		}
	case "GROUP_CONCAT":
		a.concat(e, acc, v)
	}
}

func (a *aggregate) concat(e *exec, acc *accumulator, v value.Value) {
	if v.Kind == value.Blank {
		acc.count--
		return
	}
	text := v.Term().Value
	size := acc.text.Len() + len(text) + len(a.separator)
	if size > value.MaxString {
		e.fail(errorf(CodeOverBudget, "GROUP_CONCAT makes a text of more than %s; group by more, or ask for the rows", bytesText(value.MaxString)))
		return
	}
	// The builder doubles its place.
	if acc.keep(e, 2*size); !e.work(len(text) >> 8) {
		return
	}
	if acc.count > 1 {
		acc.text.WriteString(a.separator)
	}
	acc.text.WriteString(text)
}

// result is the id of the aggregate's value, 0 for an error.
func (a *aggregate) result(e *exec, acc *accumulator) rdf.ID {
	defer acc.free(e)
	switch a.name {
	case "COUNT":
		return e.intern(value.Int(int64(acc.count)).Term())
	case "SAMPLE":
		return acc.bestID
	case "GROUP_CONCAT":
		return e.intern(value.Str(acc.text.String()).Term())
	case "MIN", "MAX":
		if acc.count == 0 {
			return 0
		}
		return e.intern(acc.best.Term())
	}
	if acc.failed {
		return 0
	}
	if a.name == "AVG" && acc.count > 0 {
		mean, ok := value.Arithmetic('/', acc.best, value.Int(int64(acc.count)))
		if !ok {
			return 0
		}
		return e.intern(mean.Term())
	}
	return e.intern(acc.best.Term())
}
