package algebra

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// Vars is a set of variables.
type Vars map[string]struct{}

// Add puts variables into the set.
func (s Vars) Add(names ...string) {
	for _, n := range names {
		s[n] = struct{}{}
	}
}

// Has reports membership.
func (s Vars) Has(name string) bool {
	_, ok := s[name]
	return ok
}

// Union is a new set of the members of both.
func (s Vars) Union(other Vars) Vars {
	out := make(Vars, len(s)+len(other))
	for v := range s {
		out.Add(v)
	}
	for v := range other {
		out.Add(v)
	}
	return out
}

// Intersect is a new set of what both have.
func (s Vars) Intersect(other Vars) Vars {
	out := Vars{}
	for v := range s {
		if other.Has(v) {
			out.Add(v)
		}
	}
	return out
}

// Within reports whether all members are in other.
func (s Vars) Within(other Vars) bool {
	for v := range s {
		if !other.Has(v) {
			return false
		}
	}
	return true
}

func (s Vars) nodes(nodes ...syntax.Node) {
	for _, n := range nodes {
		if n.IsVar() {
			s.Add(n.Var)
		}
	}
}

// Possible are the variables that a solution of op can bind.
func Possible(op Op) Vars { return collect(op, false) }

// Certain are the variables that every solution of op binds.
func Certain(op Op) Vars { return collect(op, true) }

// collect makes a set of its own for each call, which the caller may add to:
// so a chain of operators takes time in proportion to its length.
func collect(op Op, certain bool) Vars {
	out := Vars{}
	switch o := op.(type) {
	case *BGP:
		for _, t := range o.Patterns {
			out.nodes(t.S, t.P, t.O)
		}
	case *Path:
		out.nodes(o.S, o.O)
	case *LeftJoin:
		out = collect(o.Left, certain)
		if !certain {
			out = out.merge(collect(o.Right, false))
		}
	case *Union:
		if certain {
			return collect(o.Left, true).Intersect(collect(o.Right, true))
		}
		return collect(o.Left, false).merge(collect(o.Right, false))
	case *Minus:
		return collect(o.Left, certain)
	case *Graph:
		out = collect(o.Input, certain)
		out.nodes(o.Name)
	case *Extend:
		out = collect(o.Input, certain)
		if !certain || NeverFails(o.Expr, out) {
			out.Add(o.Var)
		}
	case *Table:
		tableVars(o, certain, out)
	case *Group:
		groupVars(o, certain, out)
	case *Project:
		selected := Vars{}
		selected.Add(o.Vars...)
		return collect(o.Input, certain).Intersect(selected)
	default:
		for _, in := range Inputs(op) {
			out = out.merge(collect(in, certain))
		}
	}
	return out
}

// merge is the union, made of the larger set.
func (s Vars) merge(other Vars) Vars {
	if len(s) < len(other) {
		s, other = other, s
	}
	for v := range other {
		s.Add(v)
	}
	return s
}

// NeverFails reports an expression that has a value wherever the variables of
// certain are bound.
func NeverFails(e syntax.Expr, certain Vars) bool {
	switch e := e.(type) {
	case syntax.Const:
		return true
	case syntax.Var:
		return certain.Has(string(e))
	}
	return false
}

func tableVars(t *Table, certain bool, out Vars) {
	for i, v := range t.Vars {
		everywhere := true
		for _, row := range t.Rows {
			everywhere = everywhere && row[i].Kind != base.NoTerm
		}
		if everywhere || !certain {
			out.Add(v)
		}
	}
}

func groupVars(g *Group, certain bool, out Vars) {
	inner := Vars{}
	if certain {
		inner = collect(g.Input, true)
	}
	for _, k := range g.Keys {
		if !certain || NeverFails(k.Expr, inner) {
			out.Add(k.Var)
		}
	}
	for _, a := range g.Aggregates {
		if !certain || a.Expr.(syntax.Aggregate).Name == "COUNT" {
			out.Add(a.Var)
		}
	}
}

// ExprVars are the variables that an expression looks at, those inside EXISTS
// included.
func ExprVars(e syntax.Expr) Vars {
	out := Vars{}
	out.looked(e)
	return out
}

// looked adds the variables that an expression looks at.
func (s Vars) looked(e syntax.Expr) {
	if e == nil {
		return
	}
	syntax.Walk(e, func(e syntax.Expr) {
		switch x := e.(type) {
		case syntax.Var:
			s.Add(string(x))
		case Exists:
			mentioned(x.Input, s)
		}
	})
}

// Mentioned are all variables that op names anywhere, bound or not.
func Mentioned(op Op) Vars {
	out := Vars{}
	mentioned(op, out)
	return out
}

func mentioned(op Op, out Vars) {
	switch o := op.(type) {
	case *Filter:
		out.looked(o.Expr)
	case *LeftJoin:
		out.looked(o.Expr)
	case *Extend:
		out.Add(o.Var)
		out.looked(o.Expr)
	case *Group:
		for _, list := range [][]Binding{o.Keys, o.Aggregates} {
			for _, k := range list {
				out.Add(k.Var)
				out.looked(k.Expr)
			}
		}
	case *OrderBy:
		for _, k := range o.Keys {
			out.looked(k.Expr)
		}
	case *Graph:
		out.nodes(o.Name)
	}
	inputs := Inputs(op)
	if len(inputs) == 0 {
		for v := range collect(op, false) {
			out.Add(v)
		}
	}
	for _, in := range inputs {
		mentioned(in, out)
	}
}
