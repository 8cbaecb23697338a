package sparql

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
	"github.com/picloud/picloud/runtime/sparql/value"
)

func (n *naive) holds(e syntax.Expr, s solution, g []base.Triple) bool {
	truth, ok := n.truth(e, s, g)
	return ok && truth
}

func (n *naive) truth(e syntax.Expr, s solution, g []base.Triple) (bool, bool) {
	v, ok := n.expr(e, s, g)
	if !ok {
		return false, false
	}
	return v.EBV()
}

func (n *naive) expr(e syntax.Expr, s solution, g []base.Triple) (value.Value, bool) {
	switch x := e.(type) {
	case syntax.Const:
		return value.Of(x.Term), true
	case syntax.Var:
		t, ok := s[string(x)]
		return value.Of(t), ok
	case algebra.Exists:
		found := len(n.eval(substitute(x.Input, s), g)) > 0
		return value.Bool(found != x.Not), true
	case syntax.Call:
		return n.call(x, s, g)
	}
	return value.Value{}, false
}

func (n *naive) call(x syntax.Call, s solution, g []base.Triple) (value.Value, bool) {
	switch x.Op {
	case "BOUND":
		_, ok := s[string(x.Args[0].(syntax.Var))]
		return value.Bool(ok), true
	case "COALESCE":
		for _, a := range x.Args {
			if v, ok := n.expr(a, s, g); ok {
				return v, true
			}
		}
		return value.Value{}, false
	case "||", "&&":
		a, okA := n.truth(x.Args[0], s, g)
		b, okB := n.truth(x.Args[1], s, g)
		decisive := x.Op == "||"
		if okA && a == decisive || okB && b == decisive {
			return value.Bool(decisive), true
		}
		return value.Bool(!decisive), okA && okB
	case "!":
		a, ok := n.truth(x.Args[0], s, g)
		return value.Bool(!a), ok
	}
	var args []value.Value
	for _, a := range x.Args {
		v, ok := n.expr(a, s, g)
		if !ok {
			return value.Value{}, false
		}
		args = append(args, v)
	}
	switch x.Op {
	case "=", "!=":
		equal, ok := value.Equal(args[0], args[1])
		return value.Bool(equal == (x.Op == "=")), ok
	case "IN", "NOT IN":
		found, failed := false, false
		for _, member := range args[1:] {
			equal, ok := value.Equal(args[0], member)
			found, failed = found || ok && equal, failed || !ok
		}
		return value.Bool(found == (x.Op == "IN")), found || !failed
	case "<", ">":
		order, nan, ok := value.Compare(args[0], args[1])
		return value.Bool(!nan && (order < 0) == (x.Op == "<") && order != 0), ok
	case "+", "*":
		return value.Arithmetic(x.Op[0], args[0], args[1])
	}
	f, ok := value.Builtin(x.Op)
	if !ok {
		panic("the naive evaluator does not know " + x.Op)
	}
	return f(args)
}

// substitute puts the values of a solution in the place of its variables
// (section 18.6).
func substitute(op algebra.Op, s solution) algebra.Op {
	node := func(n syntax.Node) syntax.Node {
		if t, ok := s[n.Var]; n.IsVar() && ok {
			return syntax.Node{Term: t}
		}
		return n
	}
	expr := func(e syntax.Expr) syntax.Expr {
		if e == nil {
			return nil
		}
		return syntax.Rewrite(e, func(e syntax.Expr) syntax.Expr {
			switch x := e.(type) {
			case syntax.Var:
				if t, ok := s[string(x)]; ok {
					return syntax.Const{Term: t}
				}
			case syntax.Call:
				if _, is := x.Args[0].(syntax.Const); x.Op == "BOUND" && is {
					return syntax.Const{Term: base.Boolean(true)}
				}
			case algebra.Exists:
				return algebra.Exists{Not: x.Not, Input: substitute(x.Input, s)}
			}
			return e
		})
	}
	switch o := op.(type) {
	case *algebra.BGP:
		out := &algebra.BGP{}
		for _, t := range o.Patterns {
			out.Patterns = append(out.Patterns, algebra.Triple{S: node(t.S), P: node(t.P), O: node(t.O)})
		}
		return out
	case *algebra.Path:
		return &algebra.Path{S: node(o.S), Path: o.Path, O: node(o.O)}
	case *algebra.Join:
		return &algebra.Join{Left: substitute(o.Left, s), Right: substitute(o.Right, s)}
	case *algebra.LeftJoin:
		return &algebra.LeftJoin{Left: substitute(o.Left, s), Right: substitute(o.Right, s), Expr: expr(o.Expr)}
	case *algebra.Filter:
		return &algebra.Filter{Expr: expr(o.Expr), Input: substitute(o.Input, s)}
	case *algebra.Union:
		return &algebra.Union{Left: substitute(o.Left, s), Right: substitute(o.Right, s)}
	case *algebra.Minus:
		return &algebra.Minus{Left: substitute(o.Left, s), Right: substitute(o.Right, s)}
	case *algebra.Graph:
		return &algebra.Graph{Name: node(o.Name), Input: substitute(o.Input, s)}
	}
	panic("EXISTS over what the generator does not make")
}
