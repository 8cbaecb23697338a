package sparql

import (
	"math"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// part is an operand of a join of any number of operands.
type part struct {
	op algebra.Op
	// triple is set for one pattern of a BGP, which then stands in op alone.
	triple *algebra.Triple
	// numbers are the variables of the triple's places, or noVariable.
	numbers [3]int
	// possible and certain are its variables.
	possible, certain algebra.Vars
	// total is how many rows it is expected to give alone, once counted.
	total   float64
	counted bool
}

// noVariable is the number of a place with a term.
const noVariable = -1

// join orders the operands of a join greedily: always the one with the fewest
// expected rows for the variables that are bound by then, those that share a
// variable first. Filters stand as soon as their variables are bound.
func (p *planner) join(op algebra.Op, c place, filters []syntax.Expr) node {
	parts, filters := p.flatten(op, nil, filters)
	parts, filters = p.constants(parts, filters)
	parts = p.intersections(parts, c)
	j := &joining{planner: p, start: c, card: 1}
	for len(parts) > 0 && p.e.tick() {
		at, rows := j.cheapest(parts, c)
		next := parts[at]
		parts = append(parts[:at:at], parts[at+1:]...)
		var inside []syntax.Expr
		if next.triple == nil {
			inside, filters = split(filters, func(f syntax.Expr) bool { return p.names.ExprVars(f).Within(next.certain) })
		}
		j.attach(next, c, inside, rows)
		c.bound = c.bound.Union(next.possible)
		c.limit = -1
		var ready []syntax.Expr
		ready, filters = split(filters, func(f syntax.Expr) bool { return p.names.ExprVars(f).Within(j.certain) })
		j.filter(ready, c)
	}
	if j.node == nil {
		j.node = unitNode{}
	}
	j.filter(filters, c)
	p.card = j.card
	return j.node
}

// joining is a join that is being planned: what has been joined so far.
type joining struct {
	*planner
	node node // nil at the start
	// start is where the whole join stands.
	start         place
	sure, certain algebra.Vars
	// card is how many rows each run gives.
	card float64
}

// filter applies filters to what has been joined.
func (j *joining) filter(filters []syntax.Expr, c place) {
	j.planner.card = j.card
	c.runs = j.start.runs
	j.node = j.planner.filter(j.node, filters, c, j.sure, j.certain)
	j.card = j.planner.card
}

// attach joins a part to what has been joined; for each row of that it will
// give so many rows.
func (j *joining) attach(next part, c place, inside []syntax.Expr, rows float64) {
	before := j.card
	j.card *= rows
	key := j.certain.Intersect(next.certain)
	loop := j.correlates(next.op, c.bound.Minus(c.outer))
	if loop && (j.node == nil || !j.kept(next.op, key, j.start, before)) {
		c.runs = j.start.runs * before
		right := j.part(next, c, inside, j.card*j.start.runs)
		if j.node == nil {
			j.node = right
		} else {
			j.node = &joinNode{j.node, right}
		}
	} else {
		op := next.op
		for _, f := range inside {
			op = &algebra.Filter{Expr: f, Input: op}
		}
		if j.node == nil {
			j.node = unitNode{}
		}
		j.node = j.trace(&algebra.Join{}, j.card*j.start.runs, &hashJoinNode{left: j.node, right: j.hashSide(op, j.start, j.certain)})
	}
	j.sure, j.certain = j.sure.Union(next.possible), j.certain.Union(next.certain)
}

// part plans one operand as the right side of a nested loop.
func (p *planner) part(next part, c place, inside []syntax.Expr, rows float64) node {
	switch o := next.op.(type) {
	case *algebra.BGP:
		if next.triple == nil && len(o.Patterns) > 1 {
			for v := range next.possible.Minus(c.bound).All() {
				return p.filtered(p.trace(next.op, rows, p.intersect(o, p.names.Name(v), c)), next.op, c, inside)
			}
			return p.plan(next.op, c, inside)
		}
		t := next.triple
		scan := newScan(p.ref(t.S, c.scope), p.ref(t.P, c.scope), p.ref(t.O, c.scope), c.graph)
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
			x := part{op: &algebra.BGP{Patterns: o.Patterns[i : i+1]}, triple: &o.Patterns[i]}
			for place, n := range places(o.Patterns[i]) {
				x.numbers[place] = noVariable
				if n.IsVar() {
					x.numbers[place] = p.names.Number(n.Var)
					x.possible = x.possible.With(x.numbers[place])
				}
			}
			x.certain = x.possible
			parts = append(parts, x)
		}
		return parts, filters
	case *algebra.Filter:
		if p.names.ExprVars(o.Expr).Within(p.names.Certain(o.Input)) {
			return p.flatten(o.Input, parts, append(conjuncts(o.Expr), filters...))
		}
	}
	return append(parts, part{op: op, possible: p.names.Possible(op), certain: p.names.Certain(op)}), filters
}

// constants turns "?v = <iri>" and its like for a variable that the join always
// binds into a table, from which the join may then start.
func (p *planner) constants(parts []part, filters []syntax.Expr) ([]part, []syntax.Expr) {
	if len(parts) == 0 {
		return parts, filters
	}
	var rest []syntax.Expr
	for _, f := range filters {
		v, terms := oneOf(f)
		if terms == nil || !anyCertain(parts, p.names.Number(v)) {
			rest = append(rest, f)
			continue
		}
		op := &algebra.Table{Vars: []string{v}}
		for i, t := range terms {
			if !slices.Contains(terms[:i], t) {
				op.Rows = append(op.Rows, []base.Term{t})
			}
		}
		vars := p.names.Set(v)
		parts = append(parts, part{op: op, possible: vars, certain: vars})
	}
	return parts, rest
}

func anyCertain(parts []part, v int) bool {
	for _, x := range parts {
		if x.certain.Has(v) {
			return true
		}
	}
	return false
}

// maxOneOf is up to how many terms of IN become a table.
const maxOneOf = 1000

// oneOf recognises a condition that holds exactly where a variable is one of
// some terms: sameTerm(?v, term), and ?v = term and ?v IN (terms) for IRIs and
// plain strings, to which nothing else is equal. terms is nil for others.
func oneOf(f syntax.Expr) (v string, terms []base.Term) {
	c, is := f.(syntax.Call)
	if !is || c.Op != "=" && c.Op != "SAMETERM" && c.Op != "IN" || len(c.Args) < 2 || len(c.Args) > maxOneOf {
		return "", nil
	}
	args := c.Args
	if _, swapped := args[1].(syntax.Var); swapped && len(args) == 2 && c.Op != "IN" {
		args = []syntax.Expr{args[1], args[0]}
	}
	name, is := args[0].(syntax.Var)
	if !is {
		return "", nil
	}
	for _, a := range args[1:] {
		value, is := a.(syntax.Const)
		t := value.Term
		if !is || c.Op != "SAMETERM" && t.Kind != base.IRITerm && (t.Kind != base.LiteralTerm || t.Datatype != base.XSDString) {
			return "", nil
		}
		terms = append(terms, t)
	}
	return string(name), terms
}

// cheapest picks the next operand and how many rows it gives for each row of
// what has been joined.
func (j *joining) cheapest(parts []part, c place) (at int, rows float64) {
	for i := range parts {
		if !parts[i].counted && j.e.tick() {
			parts[i].total, parts[i].counted = j.rows(parts[i].op, j.start), true
		}
	}
	best := math.Inf(1)
	connected := false
	for i := range parts {
		linked := parts[i].possible.Empty() || parts[i].possible.Meets(c.bound)
		if connected && !linked {
			continue
		}
		cost := j.perRow(&parts[i], c, j.card*j.start.runs)
		if linked && !connected && !c.bound.Empty() || cost < best {
			at, best = i, cost
			connected = linked && !c.bound.Empty()
		}
		if !j.e.tick() {
			break
		}
	}
	return at, best
}
