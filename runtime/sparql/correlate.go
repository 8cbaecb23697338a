package sparql

import (
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// correlates reports whether op, run with the variables of in already bound,
// gives exactly the solutions of op alone that are compatible with them. Where
// it does, a join may be a nested loop; where it does not, because op looks at
// a variable that it does not always bind itself, op runs alone and its rows
// are hashed. The semantics of SPARQL is bottom-up (section 18.6).
func (p *planner) correlates(op algebra.Op, in algebra.Vars) bool {
	return in.Empty() || !volatile(op) && p.sameWith(op, in)
}

// volatile reports an operator that computes another value each time it runs,
// such as BIND(UUID() AS ?u): it runs once and not for each row of another.
func volatile(op algebra.Op) bool {
	if x, is := op.(*algebra.Extend); is && isVolatile(x.Expr) {
		return true
	}
	for _, in := range algebra.Inputs(op) {
		if volatile(in) {
			return true
		}
	}
	return false
}

func isVolatile(e syntax.Expr) bool {
	found := false
	syntax.Walk(e, func(e syntax.Expr) {
		if c, is := e.(syntax.Call); is {
			switch c.Op {
			case "RAND", "UUID", "STRUUID", "BNODE":
				found = true
			}
		}
	})
	return found
}

func (p *planner) sameWith(op algebra.Op, in algebra.Vars) bool {
	if in.Empty() {
		return true
	}
	switch o := op.(type) {
	case *algebra.BGP, *algebra.Path, *algebra.Table:
		return true
	case *algebra.Join:
		// The planner of joins asks again for each of its parts.
		return true
	case *algebra.Filter:
		return p.names.ExprVars(o.Expr).Intersect(in).Within(p.names.Certain(o.Input)) && p.sameWith(o.Input, in)
	case *algebra.Union:
		return p.sameWith(o.Left, in) && p.sameWith(o.Right, in)
	case *algebra.LeftJoin:
		looked := p.names.Possible(o.Right).Union(p.names.ExprVars(o.Expr)).Intersect(in)
		return looked.Within(p.names.Certain(o.Left)) && p.sameWith(o.Left, in)
	case *algebra.Minus:
		return p.names.Possible(o.Right).Intersect(in).Within(p.names.Certain(o.Left)) && p.sameWith(o.Left, in)
	case *algebra.Extend:
		return p.names.ExprVars(o.Expr).Intersect(in).Within(p.names.Certain(o.Input)) && p.sameWith(o.Input, in)
	case *algebra.Graph:
		return p.sameWith(o.Input, in)
	case *algebra.Project:
		return p.sameWith(o.Input, in.Intersect(p.names.Set(o.Vars...)))
	case *algebra.Distinct:
		return p.names.Possible(o.Input).Intersect(in).Within(p.names.Certain(o.Input)) && p.sameWith(o.Input, in)
	case *algebra.Reduced:
		return p.sameWith(o.Input, in)
	}
	return false
}
