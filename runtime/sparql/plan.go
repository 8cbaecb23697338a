package sparql

import (
	"math"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// scope gives the variables of one SELECT their slots. A sub-query has a scope
// of its own, which shares with the outer one the slots of what it selects: so
// its other variables are other variables.
type scope struct {
	p *planner
	// slots are those of the variables by their numbers, each + 1.
	slots []int
}

func (s *scope) slot(name string) int {
	return s.numbered(s.p.names.Number(name))
}

// numbered is the slot of the variable with a number.
func (s *scope) numbered(n int) int {
	if n >= len(s.slots) || s.slots[n] == 0 {
		s.give(n, s.p.width)
		s.p.width++
	}
	return s.slots[n] - 1
}

func (s *scope) give(n, slot int) {
	if n >= len(s.slots) {
		s.slots = append(s.slots, make([]int, n+1-len(s.slots))...)
	}
	s.slots[n] = slot + 1
}

func (s *scope) all(vars algebra.Vars) []int {
	var out []int
	for v := range vars.All() {
		out = append(out, s.numbered(v))
	}
	return out
}

// planner turns algebra into operators for one execution.
type planner struct {
	e     *exec
	width int
	depth int
	// clock times the operators, if they are to be explained.
	clock stopwatch
	// exists are the patterns of EXISTS in the expression that is being compiled.
	exists []node
	// card is how many rows each run of the operator planned last is expected to give.
	card float64
	// sampled are distinct counts that have been taken.
	sampled map[sampleKey]float64
	// names numbers the variables.
	names algebra.Names
}

// place is where in a query an operator stands.
type place struct {
	scope *scope
	graph graphRef
	// bound are the variables that rows may have when the operator gets them,
	// from the left side of a nested loop; outer those that EXISTS substitutes.
	bound, outer algebra.Vars
	// limit is how many rows will be asked for, -1 if that is not known.
	limit int
	// streams tells that no operator above keeps rows.
	streams bool
	// runs is how often the operator is expected to run, and first how many rows
	// will be enough, as far as is known, before it is stopped; 0 is all.
	runs, first float64
}

// with is the place behind an operator that binds more.
func (c place) with(more algebra.Vars) place {
	c.bound = c.bound.Union(more)
	c.limit = -1
	return c
}

// plan builds the operator for op with filters applied to its solutions. It
// may assume that correlates(op, place.bound) holds, or that nothing is bound.
func (p *planner) plan(op algebra.Op, c place, filters []syntax.Expr) node {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > p.e.limits.MaxDepth {
		p.e.fail(errorf(CodeOverBudget, "the query nests more than %d operators", p.e.limits.MaxDepth))
	}
	if !p.e.tick() {
		return emptyNode{}
	}
	switch o := op.(type) {
	case *algebra.Filter:
		c.limit = -1
		return p.plan(o.Input, c, append(conjuncts(o.Expr), filters...))
	case *algebra.BGP, *algebra.Join, *algebra.Path:
		return p.join(op, c, filters)
	case *algebra.Union:
		c.limit = -1
		left := p.plan(o.Left, c, filters)
		card := p.card
		right := p.plan(o.Right, c, filters)
		p.card += card
		return p.trace(op, p.card*c.runs, &unionNode{branches: []node{left, right}})
	case *algebra.LeftJoin:
		certain := p.names.Certain(o.Left)
		inner, outer := split(filters, func(f syntax.Expr) bool { return p.names.ExprVars(f).Within(certain) })
		return p.filtered(p.leftJoin(o, c, inner), op, c, outer)
	case *algebra.Minus:
		return p.minus(o, c, filters)
	case *algebra.Extend:
		return p.extend(o, c, filters)
	case *algebra.Graph:
		return p.graph(o, c, filters)
	}
	return p.filtered(p.trace(op, -1, p.single(op, c)), op, c, filters)
}

// single plans the operators that no filter is pushed through.
func (p *planner) single(op algebra.Op, c place) node {
	deeper := c
	deeper.limit, deeper.streams, deeper.first = -1, false, 0
	switch o := op.(type) {
	case *algebra.Table:
		p.card = float64(len(o.Rows))
		return p.table(o, c)
	case *algebra.Group:
		if n := p.counting(o, deeper); n != nil {
			p.card = 1
			return n
		}
		return p.group(o, deeper)
	case *algebra.OrderBy:
		n := &orderNode{input: p.plan(o.Input, deeper, nil), limit: c.limit, slots: c.scope.all(p.names.Possible(o.Input))}
		visible := c.outer.Union(p.names.Possible(o.Input))
		for _, k := range o.Keys {
			n.keys = append(n.keys, sortKey{p.expression(k.Expr, c, visible), k.Desc})
		}
		return n
	case *algebra.Project:
		c.scope = c.scope.inner(o.Vars)
		return p.plan(o.Input, c, nil)
	case *algebra.Distinct:
		if n := p.distinctValues(o, deeper); n != nil {
			p.card = 1
			return n
		}
		deeper.first = c.first
		return &distinctNode{input: p.plan(o.Input, deeper, nil), slots: c.scope.all(p.names.Possible(o.Input))}
	case *algebra.Reduced:
		return p.plan(o.Input, c, nil)
	case *algebra.Slice:
		if o.Limit >= 0 && o.Limit <= maxTopK && o.Offset <= maxTopK {
			deeper.limit = o.Offset + o.Limit
		}
		deeper.streams, deeper.first = c.streams, c.first
		if o.Limit >= 0 {
			deeper.first = float64(o.Offset + o.Limit)
		}
		n := &sliceNode{input: p.plan(o.Input, deeper, nil), offset: o.Offset, limit: o.Limit}
		if o.Limit >= 0 {
			p.card = min(p.card, float64(o.Limit))
		}
		return n
	case *algebra.Service:
		p.e.fail(errorf(CodeUnsupported, "%s: SERVICE is switched off: this endpoint asks no other endpoint; query that one directly and join in the client", o.At))
	}
	return emptyNode{}
}

// inner is the scope of a sub-query that selects vars.
func (s *scope) inner(vars []string) *scope {
	in := &scope{p: s.p, slots: make([]int, len(s.slots))}
	for v := range s.p.names.Set(vars...).All() {
		in.give(v, s.numbered(v))
	}
	return in
}

// filtered wraps n, the plan of op, in filters.
func (p *planner) filtered(n node, op algebra.Op, c place, filters []syntax.Expr) node {
	if len(filters) == 0 {
		return n // and spare the sets of variables
	}
	return p.filter(n, filters, c, p.names.Possible(op), p.names.Certain(op))
}

// filter wraps n in filters over rows that can bind vars and always bind certain.
func (p *planner) filter(n node, filters []syntax.Expr, c place, vars, certain algebra.Vars) node {
	if len(filters) == 0 {
		return n
	}
	var visible algebra.Vars
	for _, f := range filters {
		if visible.Empty() && hasExists(f) {
			visible = c.outer.Union(c.bound).Union(vars)
		}
		if x, is := f.(algebra.Exists); is && p.decorrelates(x, c, visible, certain) {
			n = p.semiJoin(n, x, c, certain)
		} else {
			n = &filterNode{input: n, condition: p.expression(f, c, visible), slot: p.onlySlot(f, c)}
		}
		p.card /= 2
		n = p.trace(&algebra.Filter{Expr: f}, p.card*c.runs, n)
	}
	return n
}

// onlySlot is the slot of the only variable of a condition that always says the
// same of a term, or -1.
func (p *planner) onlySlot(f syntax.Expr, c place) int {
	vars := p.names.ExprVars(f)
	if vars.Len() != 1 || hasExists(f) || isVolatile(f) {
		return -1
	}
	return c.scope.all(vars)[0]
}

// conjuncts takes a condition apart: all must be true, and an error is as good
// as false.
func conjuncts(e syntax.Expr) []syntax.Expr {
	if c, is := e.(syntax.Call); is && c.Op == "&&" {
		return append(conjuncts(c.Args[0]), conjuncts(c.Args[1])...)
	}
	return []syntax.Expr{e}
}

func split(list []syntax.Expr, test func(syntax.Expr) bool) (yes, no []syntax.Expr) {
	for _, f := range list {
		if test(f) {
			yes = append(yes, f)
		} else {
			no = append(no, f)
		}
	}
	return yes, no
}

// extend merges consecutive extensions, so that BNODE sees one solution.
func (p *planner) extend(o *algebra.Extend, c place, filters []syntax.Expr) node {
	c.limit = -1
	chain := []*algebra.Extend{o}
	for {
		next, is := chain[len(chain)-1].Input.(*algebra.Extend)
		if !is {
			break
		}
		chain = append(chain, next)
	}
	var assigned algebra.Vars
	for _, x := range chain {
		assigned = assigned.With(p.names.Number(x.Var))
	}
	inner, outer := split(filters, func(f syntax.Expr) bool { return !p.names.ExprVars(f).Meets(assigned) })
	input := chain[len(chain)-1].Input
	n := &extendNode{transient: c.streams}
	c.streams = false
	n.input = p.plan(input, c, inner)
	visible := c.outer.Union(c.bound).Union(p.names.Possible(input))
	for i := len(chain) - 1; i >= 0; i-- {
		x := chain[i]
		n.list = append(n.list, assignment{c.scope.slot(x.Var), p.expression(x.Expr, c, visible)})
		visible = visible.With(p.names.Number(x.Var))
	}
	return p.filtered(p.trace(o, -1, n), o, c, outer)
}

func (p *planner) graph(o *algebra.Graph, c place, filters []syntax.Expr) node {
	c.limit = -1
	// EXISTS asks the graph that it stands in: it must not move to another.
	inner, outer := split(filters, func(f syntax.Expr) bool {
		return !hasExists(f) && !(o.Name.IsVar() && p.names.Has(p.names.ExprVars(f), o.Name.Var))
	})
	name := graphRef{named: true, ref: p.ref(o.Name, c.scope)}
	in := c
	in.graph = name
	if !o.Name.IsVar() {
		return p.filtered(p.trace(o, -1, &graphNode{name: name, input: p.plan(o.Input, in, inner)}), o, c, outer)
	}
	switch b, isBGP := o.Input.(*algebra.BGP); {
	case isBGP && len(b.Patterns) > 0:
		// The first pattern that is matched binds the graph.
		return p.filtered(p.trace(o, -1, p.plan(o.Input, in, inner)), o, c, outer)
	case !p.names.Has(p.names.Mentioned(o.Input), o.Name.Var):
		return p.filtered(p.trace(o, -1, &graphNode{name: name, input: p.plan(o.Input, in, inner)}), o, c, outer)
	}
	// The pattern must not see the graph's name: it runs for each graph under a
	// variable of the engine's own, which then joins with the name.
	hidden := p.width
	p.width++
	in.graph = graphRef{named: true, ref: ref{slot: hidden}}
	n := &graphNode{name: in.graph, input: p.plan(o.Input, in, inner)}
	return p.filtered(p.trace(o, -1, &aliasNode{input: n, from: hidden, to: name.slot}), o, c, outer)
}

func hasExists(e syntax.Expr) bool {
	found := false
	syntax.Walk(e, func(e syntax.Expr) {
		if _, is := e.(algebra.Exists); is {
			found = true
		}
	})
	return found
}

func (p *planner) table(o *algebra.Table, c place) node {
	n := &tableNode{}
	for _, v := range o.Vars {
		n.slots = append(n.slots, c.scope.slot(v))
	}
	for _, terms := range o.Rows {
		if !p.e.tick() {
			break
		}
		r := make(row, len(terms))
		for i, t := range terms {
			if t.Kind != base.NoTerm {
				r[i] = p.e.intern(t)
			}
		}
		n.rows = append(n.rows, r)
	}
	return n
}

func (p *planner) group(o *algebra.Group, c place) node {
	possible := p.names.Possible(o.Input)
	visible := c.outer.Union(possible)
	n := &groupNode{input: p.plan(o.Input, c, nil), all: c.scope.all(possible)}
	for _, k := range o.Keys {
		n.keys = append(n.keys, assignment{c.scope.slot(k.Var), p.expression(k.Expr, c, visible)})
	}
	for _, b := range o.Aggregates {
		a := b.Expr.(syntax.Aggregate)
		out := aggregate{slot: c.scope.slot(b.Var), name: a.Name, distinct: a.Distinct, separator: a.Separator}
		if a.Arg != nil {
			out.arg = p.expression(a.Arg, c, visible)
		}
		n.aggregates = append(n.aggregates, out)
	}
	p.card = math.Sqrt(p.card)
	if len(n.keys) == 0 {
		p.card = 1
	}
	return n
}

// ref is the place of a node of a pattern.
func (p *planner) ref(n syntax.Node, s *scope) ref {
	if n.IsVar() {
		return ref{slot: s.slot(n.Var)}
	}
	return constant(p.e, n.Term)
}

// pattern is the ids of a triple pattern, 0 for variables.
func pattern(s, p, o ref) rdf.IDQuad {
	id := func(r ref) rdf.ID {
		if r.slot >= 0 {
			return 0
		}
		return r.id
	}
	return rdf.IDQuad{S: id(s), P: id(p), O: id(o)}
}
