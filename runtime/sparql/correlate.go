package sparql

import "github.com/picloud/picloud/runtime/sparql/algebra"

// correlates reports whether op, run with the variables of in already bound,
// gives exactly the solutions of op alone that are compatible with them. Where
// it does, a join may be a nested loop; where it does not, because op looks at
// a variable that it does not always bind itself, op runs alone and its rows
// are hashed. The semantics of SPARQL is bottom-up (section 18.6).
func correlates(op algebra.Op, in algebra.Vars) bool {
	if len(in) == 0 {
		return true
	}
	switch o := op.(type) {
	case *algebra.BGP, *algebra.Path, *algebra.Table:
		return true
	case *algebra.Join:
		// The planner of joins asks again for each of its parts.
		return true
	case *algebra.Filter:
		return algebra.ExprVars(o.Expr).Intersect(in).Within(algebra.Certain(o.Input)) && correlates(o.Input, in)
	case *algebra.Union:
		return correlates(o.Left, in) && correlates(o.Right, in)
	case *algebra.LeftJoin:
		looked := algebra.Possible(o.Right).Union(algebra.ExprVars(o.Expr)).Intersect(in)
		return looked.Within(algebra.Certain(o.Left)) && correlates(o.Left, in)
	case *algebra.Minus:
		return algebra.Possible(o.Right).Intersect(in).Within(algebra.Certain(o.Left)) && correlates(o.Left, in)
	case *algebra.Extend:
		return algebra.ExprVars(o.Expr).Intersect(in).Within(algebra.Certain(o.Input)) && correlates(o.Input, in)
	case *algebra.Graph:
		return correlates(o.Input, in)
	case *algebra.Project:
		selected := algebra.Vars{}
		selected.Add(o.Vars...)
		return correlates(o.Input, in.Intersect(selected))
	case *algebra.Distinct:
		return algebra.Possible(o.Input).Intersect(in).Within(algebra.Certain(o.Input)) && correlates(o.Input, in)
	case *algebra.Reduced:
		return correlates(o.Input, in)
	}
	return false
}
