package algebra

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// Names gives the variables of a query their numbers, and finds the variables of
// its operators; what it has found it keeps. The zero Names is ready for use. It
// belongs to one goroutine.
type Names struct {
	list              []string
	index             map[string]int // once there are many
	possible, certain map[Op]Vars
}

// fewNames is up to how many names are looked through.
const fewNames = 8

// Number is the number of a variable.
func (n *Names) Number(name string) int {
	if n.index == nil {
		for i, known := range n.list {
			if known == name {
				return i
			}
		}
	} else if i, ok := n.index[name]; ok {
		return i
	}
	i := len(n.list)
	n.list = append(n.list, name)
	switch {
	case n.index != nil:
		n.index[name] = i
	case i >= fewNames:
		n.index = make(map[string]int, 4*fewNames)
		for i, known := range n.list {
			n.index[known] = i
		}
	}
	return i
}

// Name is the variable with a number.
func (n *Names) Name(number int) string { return n.list[number] }

// Set is the set of some variables.
func (n *Names) Set(names ...string) (s Vars) {
	for _, name := range names {
		s = s.With(n.Number(name))
	}
	return s
}

// Has reports that a set has a variable.
func (n *Names) Has(s Vars, name string) bool { return s.Has(n.Number(name)) }

// nodes adds those of some nodes that are variables.
func (n *Names) nodes(s Vars, nodes ...syntax.Node) Vars {
	for _, node := range nodes {
		if node.IsVar() {
			s = s.With(n.Number(node.Var))
		}
	}
	return s
}

// Possible are the variables that a solution of op can bind.
func (n *Names) Possible(op Op) Vars { return n.kept(&n.possible, op, false) }

// Certain are the variables that every solution of op binds.
func (n *Names) Certain(op Op) Vars { return n.kept(&n.certain, op, true) }

// kept are the variables of an operator, collected once unless that is soon done.
func (n *Names) kept(sets *map[Op]Vars, op Op, certain bool) Vars {
	switch o := op.(type) {
	case *BGP:
		if len(o.Patterns) < fewNames {
			return n.collect(op, certain)
		}
	case *Path:
		return n.collect(op, certain)
	}
	s, known := (*sets)[op]
	if !known {
		s = n.collect(op, certain)
		if *sets == nil {
			*sets = map[Op]Vars{}
		}
		(*sets)[op] = s
	}
	return s
}

func (n *Names) collect(op Op, certain bool) (out Vars) {
	of := n.Possible
	if certain {
		of = n.Certain
	}
	switch o := op.(type) {
	case *BGP:
		for i := range o.Patterns {
			out = n.nodes(out, o.Patterns[i].S, o.Patterns[i].P, o.Patterns[i].O)
		}
	case *Path:
		out = n.nodes(out, o.S, o.O)
	case *LeftJoin:
		if out = of(o.Left); !certain {
			out = out.Union(of(o.Right))
		}
	case *Union:
		if certain {
			return of(o.Left).Intersect(of(o.Right))
		}
		return of(o.Left).Union(of(o.Right))
	case *Minus:
		return of(o.Left)
	case *Graph:
		return n.nodes(of(o.Input), o.Name)
	case *Extend:
		if out = of(o.Input); !certain || n.NeverFails(o.Expr, out) {
			out = out.With(n.Number(o.Var))
		}
	case *Table:
		return n.table(o, certain)
	case *Group:
		return n.group(o, certain)
	case *Project:
		return of(o.Input).Intersect(n.Set(o.Vars...))
	default:
		for _, in := range Inputs(op) {
			out = out.Union(of(in))
		}
	}
	return out
}

// NeverFails reports an expression that has a value wherever the variables of
// certain are bound.
func (n *Names) NeverFails(e syntax.Expr, certain Vars) bool {
	switch e := e.(type) {
	case syntax.Const:
		return true
	case syntax.Var:
		return n.Has(certain, string(e))
	}
	return false
}

func (n *Names) table(t *Table, certain bool) (out Vars) {
	for i, v := range t.Vars {
		everywhere := true
		for _, row := range t.Rows {
			everywhere = everywhere && row[i].Kind != base.NoTerm
		}
		if everywhere || !certain {
			out = out.With(n.Number(v))
		}
	}
	return out
}

func (n *Names) group(g *Group, certain bool) (out Vars) {
	var inner Vars
	if certain {
		inner = n.Certain(g.Input)
	}
	for _, k := range g.Keys {
		if !certain || n.NeverFails(k.Expr, inner) {
			out = out.With(n.Number(k.Var))
		}
	}
	for _, a := range g.Aggregates {
		if !certain || a.Expr.(syntax.Aggregate).Name == "COUNT" {
			out = out.With(n.Number(a.Var))
		}
	}
	return out
}

// ExprVars are the variables that an expression looks at, those inside EXISTS
// included.
func (n *Names) ExprVars(e syntax.Expr) Vars { return n.looked(Vars{}, e) }

// looked adds the variables that an expression looks at.
func (n *Names) looked(s Vars, e syntax.Expr) Vars {
	if e == nil {
		return s
	}
	syntax.Walk(e, func(e syntax.Expr) {
		switch x := e.(type) {
		case syntax.Var:
			s = s.With(n.Number(string(x)))
		case Exists:
			s = n.mentioned(s, x.Input)
		}
	})
	return s
}

// Mentioned are all variables that op names anywhere, bound or not.
func (n *Names) Mentioned(op Op) Vars { return n.mentioned(Vars{}, op) }

func (n *Names) mentioned(s Vars, op Op) Vars {
	switch o := op.(type) {
	case *Filter:
		s = n.looked(s, o.Expr)
	case *LeftJoin:
		s = n.looked(s, o.Expr)
	case *Extend:
		s = n.looked(s.With(n.Number(o.Var)), o.Expr)
	case *Group:
		for _, list := range [][]Binding{o.Keys, o.Aggregates} {
			for _, k := range list {
				s = n.looked(s.With(n.Number(k.Var)), k.Expr)
			}
		}
	case *OrderBy:
		for _, k := range o.Keys {
			s = n.looked(s, k.Expr)
		}
	case *Graph:
		s = n.nodes(s, o.Name)
	}
	inputs := Inputs(op)
	if len(inputs) == 0 {
		return s.Union(n.Possible(op))
	}
	for _, in := range inputs {
		s = n.mentioned(s, in)
	}
	return s
}
