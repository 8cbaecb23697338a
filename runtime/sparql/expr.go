package sparql

import (
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// evaluator computes an expression over a row; false is an error of evaluation
// (section 17.2), an unbound variable included.
type evaluator func(e *exec, r row) (value.Value, bool)

// expr is a compiled expression. A plain variable has a slot, so that its id is
// passed on without decoding.
type expr struct {
	slot int // -1 if it is not a plain variable
	eval evaluator
	// steps is how many operands it computes at most, EXISTS apart.
	steps int
	// exists are the patterns of EXISTS in it.
	exists []node
}

// patterns adds those of EXISTS to the inputs of an operator.
func (x *expr) patterns(inputs ...node) []node {
	if x == nil {
		return inputs
	}
	return append(inputs, x.exists...)
}

// value computes the expression.
func (x *expr) value(e *exec, r row) (value.Value, bool) {
	e.work(1 + x.steps>>3)
	return x.eval(e, r)
}

// id computes the expression as a term; 0 is an error.
func (x *expr) id(e *exec, r row) rdf.ID {
	if x.slot >= 0 {
		return r[x.slot]
	}
	v, ok := x.value(e, r)
	if !ok {
		return 0
	}
	return e.intern(v.Term())
}

// holds reports whether the effective boolean value is true.
func (x *expr) holds(e *exec, r row) bool {
	v, ok := x.value(e, r)
	if !ok {
		return false
	}
	truth, ok := v.EBV()
	return ok && truth
}

// truth is the effective boolean value with its error.
func (f evaluator) truth(e *exec, r row) (value, ok bool) {
	v, ok := f(e, r)
	if !ok {
		return false, false
	}
	return v.EBV()
}

// variable evaluates a slot.
func variable(slot int) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		id := r[slot]
		if id == 0 {
			return value.Value{}, false
		}
		return e.value(id), true
	}
}

func literal(v value.Value) evaluator {
	return func(*exec, row) (value.Value, bool) { return v, true }
}

// or is the three-valued || of section 17.2: true with an error is true.
func or(a, b evaluator) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		x, okX := a.truth(e, r)
		if okX && x {
			return value.Bool(true), true
		}
		y, okY := b.truth(e, r)
		if okY && y {
			return value.Bool(true), true
		}
		return value.Bool(false), okX && okY
	}
}

// and is the three-valued &&: false with an error is false.
func and(a, b evaluator) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		x, okX := a.truth(e, r)
		if okX && !x {
			return value.Bool(false), true
		}
		y, okY := b.truth(e, r)
		if okY && !y {
			return value.Bool(false), true
		}
		return value.Bool(true), okX && okY
	}
}

func not(a evaluator) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		x, ok := a.truth(e, r)
		return value.Bool(!x), ok
	}
}

// equality is "=" or "!=".
func equality(a, b evaluator, negate bool) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		x, y, ok := both(e, r, a, b)
		if !ok {
			return value.Value{}, false
		}
		equal, ok := value.Equal(x, y)
		return value.Bool(equal != negate), ok
	}
}

// isTerm compares a variable with an IRI, which is a comparison of ids.
func isTerm(slot int, id rdf.ID, negate bool) evaluator {
	return func(_ *exec, r row) (value.Value, bool) {
		return value.Bool((r[slot] == id) != negate), r[slot] != 0
	}
}

// comparison is one of the four orders.
func comparison(a, b evaluator, holds func(order int) bool) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		x, y, ok := both(e, r, a, b)
		if !ok {
			return value.Value{}, false
		}
		order, incomparable, ok := value.Compare(x, y)
		return value.Bool(!incomparable && holds(order)), ok
	}
}

// in is IN: true if some member is equal, else an error if some comparison was
// one (section 17.4.1.9).
func in(a evaluator, members []evaluator, negate bool) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		x, ok := a(e, r)
		if !ok {
			return value.Value{}, false
		}
		held := e.hold(x)
		defer e.release(held)
		failed := false
		for _, m := range members {
			y, ok := m(e, r)
			equal := false
			if ok {
				equal, ok = value.Equal(x, y)
			}
			if ok && equal {
				return value.Bool(!negate), true
			}
			failed = failed || !ok
		}
		return value.Bool(negate), !failed
	}
}

func arithmetic(op byte, a, b evaluator) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		x, y, ok := both(e, r, a, b)
		if !ok {
			return value.Value{}, false
		}
		return value.Arithmetic(op, x, y)
	}
}

// both computes two operands.
func both(e *exec, r row, a, b evaluator) (x, y value.Value, ok bool) {
	if x, ok = a(e, r); !ok {
		return x, y, false
	}
	held := e.hold(x)
	y, ok = b(e, r)
	e.release(held)
	return x, y, ok && e.work(min(x.Bytes(), y.Bytes())>>8)
}

// largeValue is from how many bytes on a value counts while it is computed with.
const largeValue = 4 << 10

// hold charges a value that waits for the others that an expression needs. Give
// the answer to release.
func (e *exec) hold(v value.Value) (charged int) {
	n := v.Bytes()
	if n < largeValue {
		return 0
	}
	e.work(n >> 8)
	e.charge(n)
	return n
}

// call applies a function to values; an error of an argument is an error.
func call(f value.Function, args []evaluator) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		var buffer [3]value.Value
		values, held := buffer[:0], 0
		for _, a := range args {
			v, ok := a(e, r)
			if !ok {
				e.release(held)
				return value.Value{}, false
			}
			held += e.hold(v)
			values = append(values, v)
		}
		v, ok := f(values)
		e.release(held)
		return v, ok && e.work(v.Bytes()>>8)
	}
}

// exists runs a pattern with the row's bindings until its first solution.
func exists(pattern node, negate bool) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		found, mark := false, e.local.size
		pattern.run(e, r, func(row) bool {
			found = true
			return false
		})
		e.forget(mark) // no row of the pattern is kept
		return value.Bool(found != negate), e.err == nil
	}
}
