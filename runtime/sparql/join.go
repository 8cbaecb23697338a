package sparql

import (
	"math"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// part is an operand of a join of any number of operands.
type part struct {
	op algebra.Op
	// triple is set for one pattern of a BGP, which then stands in op alone.
	triple *algebra.Triple
	// possible and certain are its variables.
	possible, certain algebra.Vars
	// total is how many rows it is expected to give alone.
	total float64
}

// join orders the operands of a join greedily: always the one with the fewest
// expected rows for the variables that are bound by then, those that share a
// variable first. Filters stand as soon as their variables are bound.
func (p *planner) join(op algebra.Op, c place, filters []syntax.Expr) node {
	parts, filters := p.flatten(op, nil, filters)
	parts, filters = p.constants(parts, filters)
	for i := range parts {
		parts[i].total = p.rows(parts[i].op, c)
	}
	var n node
	sure, certain := algebra.Vars{}, algebra.Vars{}
	start := c
	for len(parts) > 0 && p.e.tick() {
		at, rows := p.cheapest(parts, c)
		next := parts[at]
		parts = append(parts[:at:at], parts[at+1:]...)
		var inside []syntax.Expr
		if next.triple == nil {
			inside, filters = split(filters, func(f syntax.Expr) bool { return algebra.ExprVars(f).Within(next.certain) })
		}
		n = p.attach(n, next, c, start, certain, inside, rows)
		certain = certain.Union(next.certain)
		sure = sure.Union(next.possible)
		c = c.with(next.possible)
		var ready []syntax.Expr
		ready, filters = split(filters, func(f syntax.Expr) bool { return algebra.ExprVars(f).Within(certain) })
		n = p.filter(n, ready, c, sure)
	}
	if n == nil {
		n = unitNode{}
	}
	return p.filter(n, filters, c, sure)
}

// attach joins a part to what has been planned so far (nil at the start).
func (p *planner) attach(left node, next part, c, start place, certain algebra.Vars, inside []syntax.Expr, rows float64) node {
	if correlates(next.op, minus(c.bound, c.outer)) {
		right := p.part(next, c, inside, rows)
		if left == nil {
			return right
		}
		return &joinNode{left, right}
	}
	if left == nil {
		left = unitNode{}
	}
	op := next.op
	for _, f := range inside {
		op = &algebra.Filter{Expr: f, Input: op}
	}
	return p.trace(&algebra.Join{}, rows, &hashJoinNode{left: left, right: p.hashSide(op, start, certain)})
}

// part plans one operand as the right side of a nested loop.
func (p *planner) part(next part, c place, inside []syntax.Expr, rows float64) node {
	switch o := next.op.(type) {
	case *algebra.BGP:
		t := next.triple
		scan := &scanNode{s: p.ref(t.S, c.scope), p: p.ref(t.P, c.scope), o: p.ref(t.O, c.scope), graph: c.graph}
		return p.trace(next.op, rows, scan)
	case *algebra.Path:
		n := &pathNode{s: p.ref(o.S, c.scope), o: p.ref(o.O, c.scope), graph: c.graph, step: p.step(o.Path), zero: hasZero(o.Path)}
		return p.filtered(p.boundGraph(p.trace(next.op, rows, n), c), next.op, c, inside)
	}
	return p.plan(next.op, c, inside)
}

// boundGraph makes sure that a path, which cannot tell the graph that it was
// found in, runs in one graph at a time.
func (p *planner) boundGraph(n node, c place) node {
	if c.graph.named && c.graph.slot >= 0 {
		return &graphNode{name: c.graph, input: n}
	}
	return n
}

// flatten takes joins apart. A filter of an operand joins those of the whole if
// it sees the same there.
func (p *planner) flatten(op algebra.Op, parts []part, filters []syntax.Expr) ([]part, []syntax.Expr) {
	switch o := op.(type) {
	case *algebra.Join:
		parts, filters = p.flatten(o.Left, parts, filters)
		return p.flatten(o.Right, parts, filters)
	case *algebra.BGP:
		for i := range o.Patterns {
			single := &algebra.BGP{Patterns: o.Patterns[i : i+1]}
			vars := algebra.Possible(single)
			parts = append(parts, part{op: single, triple: &o.Patterns[i], possible: vars, certain: vars})
		}
		return parts, filters
	case *algebra.Filter:
		if algebra.ExprVars(o.Expr).Within(algebra.Certain(o.Input)) {
			return p.flatten(o.Input, parts, append(conjuncts(o.Expr), filters...))
		}
	}
	return append(parts, part{op: op, possible: algebra.Possible(op), certain: algebra.Certain(op)}), filters
}

// constants turns "?v = <iri>" for a variable that the join always binds into
// a table of one row, from which the join then starts.
func (p *planner) constants(parts []part, filters []syntax.Expr) ([]part, []syntax.Expr) {
	if len(parts) == 0 {
		return parts, filters
	}
	var rest []syntax.Expr
	for _, f := range filters {
		v, iri, ok := isIRI(f)
		if !ok || !anyCertain(parts, v) {
			rest = append(rest, f)
			continue
		}
		op := &algebra.Table{Vars: []string{v}, Rows: [][]base.Term{{iri}}}
		vars := algebra.Vars{v: {}}
		parts = append(parts, part{op: op, possible: vars, certain: vars})
	}
	return parts, rest
}

func anyCertain(parts []part, v string) bool {
	for _, x := range parts {
		if x.certain.Has(v) {
			return true
		}
	}
	return false
}

// isIRI recognises "?v = <iri>" and sameTerm(?v, <iri>).
func isIRI(f syntax.Expr) (v string, iri base.Term, ok bool) {
	c, is := f.(syntax.Call)
	if !is || c.Op != "=" && c.Op != "SAMETERM" {
		return "", base.Term{}, false
	}
	for i := range 2 {
		name, isVar := c.Args[i].(syntax.Var)
		value, isConst := c.Args[1-i].(syntax.Const)
		if isVar && isConst && value.Term.Kind == base.IRITerm {
			return string(name), value.Term, true
		}
	}
	return "", base.Term{}, false
}

// cheapest picks the next operand.
func (p *planner) cheapest(parts []part, c place) (at int, rows float64) {
	best := math.Inf(1)
	connected := false
	for i := range parts {
		linked := len(parts[i].possible) == 0
		for v := range parts[i].possible {
			linked = linked || c.bound.Has(v)
		}
		if connected && !linked {
			continue
		}
		cost := p.shrink(&parts[i], c)
		if linked && !connected && len(c.bound) > 0 || cost < best {
			at, best = i, cost
			connected = linked && len(c.bound) > 0
		}
		if !p.e.tick() {
			break
		}
	}
	return at, best
}
