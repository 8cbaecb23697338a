package sparql

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// expression compiles an expression that stands at c and sees the variables
// visible; these are what EXISTS inside it substitutes.
func (p *planner) expression(x syntax.Expr, c place, visible algebra.Vars) *expr {
	c.outer = visible
	if v, is := x.(syntax.Var); is {
		slot := c.scope.slot(string(v))
		return &expr{slot: slot, eval: variable(slot)}
	}
	before := len(p.exists)
	out := &expr{slot: -1, eval: p.evaluator(x, c)}
	out.exists = append(out.exists, p.exists[before:]...)
	p.exists = p.exists[:before]
	syntax.Walk(x, func(syntax.Expr) { out.steps++ })
	return out
}

func (p *planner) evaluator(x syntax.Expr, c place) evaluator {
	switch x := x.(type) {
	case syntax.Var:
		return variable(c.scope.slot(string(x)))
	case syntax.Const:
		return literal(value.Of(x.Term))
	case algebra.Exists:
		pattern := p.traced("Exists", -1, p.existsPattern(x, c))
		p.exists = append(p.exists, pattern)
		return exists(pattern, x.Not)
	case syntax.Function:
		cast, ok := value.Cast(x.IRI)
		if !ok || len(x.Args) != 1 {
			p.e.fail(errorf(CodeUnsupported, "there is no function <%s> of %d arguments; the functions with an IRI are the casts xsd:string, boolean, integer and its kin, decimal, float, double, dateTime", x.IRI, len(x.Args)))
			return failing
		}
		return call(cast, p.evaluators(x.Args, c))
	case syntax.Call:
		return p.folded(x, p.call(x, c))
	}
	return failing
}

// folded computes a call of constants once, unless each call gives another
// value.
func (p *planner) folded(x syntax.Call, f evaluator) evaluator {
	for _, a := range x.Args {
		if _, is := a.(syntax.Const); !is {
			return f
		}
	}
	if isVolatile(x) {
		return f
	}
	if v, ok := f(p.e, nil); ok {
		return literal(v)
	}
	return failing
}

// failing is an expression that has no value.
func failing(*exec, row) (value.Value, bool) { return value.Value{}, false }

func (p *planner) evaluators(args []syntax.Expr, c place) []evaluator {
	out := make([]evaluator, len(args))
	for i, a := range args {
		out[i] = p.evaluator(a, c)
	}
	return out
}

func (p *planner) call(x syntax.Call, c place) evaluator {
	switch x.Op {
	case "=", "!=":
		if fast := p.isTerm(x, c); fast != nil {
			return fast
		}
	case "BOUND":
		slot := c.scope.slot(string(x.Args[0].(syntax.Var)))
		return func(_ *exec, r row) (value.Value, bool) { return value.Bool(r[slot] != 0), true }
	}
	args := p.evaluators(x.Args, c)
	switch x.Op {
	case "||":
		return or(args[0], args[1])
	case "&&":
		return and(args[0], args[1])
	case "!":
		return not(args[0])
	case "=", "!=":
		return equality(args[0], args[1], x.Op == "!=")
	case "<":
		return comparison(args[0], args[1], func(o int) bool { return o < 0 })
	case ">":
		return comparison(args[0], args[1], func(o int) bool { return o > 0 })
	case "<=":
		return comparison(args[0], args[1], func(o int) bool { return o <= 0 })
	case ">=":
		return comparison(args[0], args[1], func(o int) bool { return o >= 0 })
	case "IN", "NOT IN":
		return in(args[0], args[1:], x.Op == "NOT IN")
	case "+", "-", "*", "/":
		return arithmetic(x.Op[0], args[0], args[1])
	case "u-":
		return call(func(a []value.Value) (value.Value, bool) { return value.Negate(a[0]) }, args)
	case "u+":
		return call(func(a []value.Value) (value.Value, bool) { return a[0], a[0].IsNumeric() }, args)
	case "IF":
		return choice(args)
	case "COALESCE":
		return coalesce(args)
	case "REGEX", "REPLACE":
		slot := -1
		if v, is := x.Args[0].(syntax.Var); is {
			slot = c.scope.slot(string(v))
		}
		return regex(x, args, slot)
	}
	if f := stateful(x.Op, args); f != nil {
		return f
	}
	if f, ok := value.Builtin(x.Op); ok {
		return call(f, args)
	}
	p.e.fail(errorf(CodeUnsupported, "there is no function %s", x.Op))
	return failing
}

// isTerm recognises the comparison of a variable with an IRI.
func (p *planner) isTerm(x syntax.Call, c place) evaluator {
	v, isVar := x.Args[0].(syntax.Var)
	k, isConst := x.Args[1].(syntax.Const)
	if !isVar || !isConst {
		v, isVar = x.Args[1].(syntax.Var)
		k, isConst = x.Args[0].(syntax.Const)
	}
	if !isVar || !isConst || k.Term.Kind != base.IRITerm {
		return nil
	}
	return isTerm(c.scope.slot(string(v)), p.e.intern(k.Term), x.Op == "!=")
}

func choice(args []evaluator) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		truth, ok := args[0].truth(e, r)
		switch {
		case !ok:
			return value.Value{}, false
		case truth:
			return args[1](e, r)
		}
		return args[2](e, r)
	}
}

func coalesce(args []evaluator) evaluator {
	return func(e *exec, r row) (value.Value, bool) {
		for _, a := range args {
			if v, ok := a(e, r); ok {
				return v, true
			}
		}
		return value.Value{}, false
	}
}

// stateful are the functions that look at the execution.
func stateful(name string, args []evaluator) evaluator {
	switch name {
	case "NOW":
		return func(e *exec, _ row) (value.Value, bool) { return e.now, true }
	case "RAND":
		return func(*exec, row) (value.Value, bool) { return value.Float64(mathrand.Float64()), true }
	case "UUID":
		return func(*exec, row) (value.Value, bool) { return value.Of(base.IRI("urn:uuid:" + uuid())), true }
	case "STRUUID":
		return func(*exec, row) (value.Value, bool) { return value.Str(uuid()), true }
	case "BNODE":
		if len(args) == 0 {
			return func(e *exec, _ row) (value.Value, bool) { return e.blank(), true }
		}
		return func(e *exec, r row) (value.Value, bool) {
			v, ok := args[0](e, r)
			if !ok || v.Kind != value.String {
				return value.Value{}, false
			}
			return e.blankFor(v.Text()), e.err == nil
		}
	}
	return nil
}

// uuid is a random UUID (RFC 9562, version 4).
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0F | 0x40
	b[8] = b[8]&0x3F | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
