package sparql

import (
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// leftJoin plans OPTIONAL.
func (p *planner) leftJoin(o *algebra.LeftJoin, c place, filters []syntax.Expr) node {
	c.limit = -1
	left := p.plan(o.Left, c, filters)
	card, certain := p.card, p.names.Certain(o.Left)
	after := c.with(p.names.Possible(o.Left))
	after.runs = c.runs * card
	var condition *expr
	if o.Expr != nil {
		visible := c.outer.Union(after.bound).Union(p.names.Possible(o.Right))
		condition = p.expression(o.Expr, c, visible)
	}
	var n node
	if p.correlates(o.Right, after.bound.Minus(c.outer)) && !p.kept(o.Right, certain.Intersect(p.names.Certain(o.Right)), c, card) {
		n = &leftJoinNode{left: left, right: p.plan(o.Right, after, nil), condition: condition}
		p.card = card * max(1, p.card)
	} else {
		n = &hashLeftJoinNode{left: left, right: p.hashSide(o.Right, c, certain), condition: condition}
		p.card = card
	}
	return p.trace(o, p.card*c.runs, n)
}

// minus plans MINUS. Where both sides always bind a variable in common, a row
// goes if the right side, run with its bindings, gives any.
func (p *planner) minus(o *algebra.Minus, c place, filters []syntax.Expr) node {
	c.limit = -1
	left := p.plan(o.Left, c, filters)
	card, certain := p.card, p.names.Certain(o.Left)
	key := certain.Intersect(p.names.Certain(o.Right))
	after := c.with(p.names.Possible(o.Left))
	if !key.Empty() && c.outer.Empty() && p.correlates(o.Right, after.bound) && !p.kept(o.Right, key, c, card) {
		after.runs, after.first, after.streams = c.runs*card, 1, false
		right := p.plan(o.Right, after, nil)
		p.card = card
		return p.trace(o, card*c.runs, &semiLoopNode{left: left, right: right, not: true})
	}
	n := &minusNode{left: left, right: p.hashSide(o.Right, c, certain)}
	// What EXISTS substitutes is no variable any more, on either side.
	shared := map[int]bool{}
	for _, slot := range c.scope.all(p.names.Possible(o.Left).Minus(c.outer)) {
		shared[slot] = true
	}
	for column, slot := range n.right.slots {
		if shared[slot] {
			n.shared = append(n.shared, column)
		}
	}
	p.card = card
	return p.trace(o, card*c.runs, n)
}

// decorrelates reports that the pattern of EXISTS gives, run alone, what it
// gives with the variables substituted that are visible, and that it is cheaper
// to run it once.
func (p *planner) decorrelates(x algebra.Exists, c place, visible, certain algebra.Vars) bool {
	shared := p.names.Mentioned(x.Input).Intersect(visible)
	if shared.Empty() {
		return !c.graph.named && !volatile(x.Input)
	}
	return shared.Within(certain) && shared.Within(p.names.Certain(x.Input)) &&
		p.kept(x.Input, shared, c, p.card) && p.correlates(x.Input, shared)
}

// semiJoin keeps the rows that have a partner in the pattern of EXISTS, or for
// NOT EXISTS none.
func (p *planner) semiJoin(left node, x algebra.Exists, c place, certain algebra.Vars) node {
	op := x.Input
	if !p.names.Certain(op).Meets(certain) {
		op = &algebra.Slice{Input: op, Limit: 1}
	}
	side := p.hashSide(op, c, certain)
	side.slots, side.unique = side.slots[:side.keyWidth], true
	return &semiJoinNode{left: left, right: side, not: x.Not}
}

// hashSide plans op to be run by itself; the key are the variables that it and
// the other side always bind.
func (p *planner) hashSide(op algebra.Op, c place, certain algebra.Vars) hashSide {
	possible := p.names.Possible(op)
	key := p.names.Certain(op).Intersect(certain).Minus(c.outer)
	side := hashSide{keyWidth: key.Len(), slots: c.scope.all(key)}
	side.slots = append(side.slots, c.scope.all(possible.Minus(key))...)
	side.outer = c.scope.all(c.outer.Intersect(p.names.Mentioned(op)))
	if c.graph.named && c.graph.slot >= 0 {
		side.outer = append(side.outer, c.graph.slot)
	}
	c.bound, c.limit, c.streams, c.runs, c.first = algebra.Vars{}, -1, false, 1, 0
	card := p.card
	side.input = p.plan(op, c, nil)
	side.input = p.traced("Keep", p.card, side.input)
	p.card = card
	return side
}

// existsPattern plans the pattern of EXISTS, which sees all that is visible
// where it stands.
func (p *planner) existsPattern(x algebra.Exists, c place) node {
	return p.plan(x.Input, place{scope: c.scope, graph: c.graph, bound: c.outer, outer: c.outer, limit: -1, runs: 1, first: 1}, nil)
}
