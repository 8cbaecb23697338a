package sparql

import (
	"slices"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// hopNode answers from the counts of the index what would else be answered by
// reading every match of a pattern in one graph: how many there are, or how many
// for each value of one place, from one value to the next.
type hopNode struct {
	pattern rdf.IDQuad
	order   rdf.Order
	place   int // that of the key, -1 for the whole
	key     int // its slot
	counts  []int
}

func (n *hopNode) inputs() []node { return nil }

func (n *hopNode) run(e *exec, r row, yield func(row) bool) bool {
	slots := append(slices.Clone(n.counts), n.key)
	values := make(row, len(slots))
	give := func(pattern rdf.IDQuad) bool {
		if len(n.counts) > 0 {
			id := e.intern(value.Int(int64(e.count(pattern, selector{mode: oneGraph, id: pattern.G}))).Term())
			for i := range n.counts {
				values[i] = id
			}
		}
		return e.tick() && merge(e, r, slots, values, yield)
	}
	if n.place < 0 {
		slots = slots[:len(n.counts)]
		return give(n.pattern)
	}
	if e.isLocal(n.pattern.S) || e.isLocal(n.pattern.P) || e.isLocal(n.pattern.O) {
		return e.err == nil
	}
	for c := e.snapshot.CursorIn(n.order, n.pattern); c.Next(); {
		q, one := c.Quad(), n.pattern
		*at(&one, n.place) = *at(&q, n.place)
		values[len(n.counts)] = *at(&q, n.place)
		if !give(one) {
			return false
		}
		*at(&one, n.place)++
		c.Seek(one)
	}
	return e.err == nil
}

// worthHopping is how many rows a value must have for a hop to cost less than
// reading them.
const worthHopping = 20

// counting plans a group whose aggregates are all COUNT over one pattern, if it
// can be answered from counts; else it is nil.
func (p *planner) counting(o *algebra.Group, c place) node {
	n := p.hop(o.Input, c)
	if n == nil {
		return nil
	}
	for _, b := range o.Aggregates {
		a := b.Expr.(syntax.Aggregate)
		v, isVar := a.Arg.(syntax.Var)
		if a.Name != "COUNT" || a.Distinct || a.Arg != nil && !(isVar && p.names.Has(p.names.Certain(o.Input), string(v))) {
			return nil
		}
		n.counts = append(n.counts, c.scope.slot(b.Var))
	}
	switch len(o.Keys) {
	case 0:
		return n
	case 1:
		if v, is := o.Keys[0].Expr.(syntax.Var); is && n.by(p, o.Input, string(v)) {
			n.key = c.scope.slot(o.Keys[0].Var)
			return n
		}
	}
	return nil
}

// distinctValues plans the distinct values of one variable of one pattern in the
// same way.
func (p *planner) distinctValues(o *algebra.Distinct, c place) node {
	project, is := o.Input.(*algebra.Project)
	if !is || len(project.Vars) != 1 || p.names.Has(c.bound, project.Vars[0]) {
		return nil
	}
	n := p.hop(project.Input, c)
	if n == nil || !n.by(p, project.Input, project.Vars[0]) {
		return nil
	}
	n.key = c.scope.slot(project.Vars[0])
	return n
}

// hop is the node for one pattern of different variables, none of them
// substituted by EXISTS, in one graph that is known.
func (p *planner) hop(op algebra.Op, c place) *hopNode {
	b, is := op.(*algebra.BGP)
	if !is || len(b.Patterns) != 1 || !c.outer.Empty() {
		return nil
	}
	graph, one := p.oneGraph(c)
	if !one {
		return nil
	}
	n := &hopNode{place: -1, pattern: rdf.IDQuad{G: graph}}
	var seen algebra.Vars
	for place, x := range places(b.Patterns[0]) {
		if !x.IsVar() {
			*at(&n.pattern, place) = p.e.intern(x.Term)
		} else if n := p.names.Number(x.Var); seen.Has(n) {
			return nil
		} else {
			seen = seen.With(n)
		}
	}
	return n
}

// by makes the values of a variable the key, if some order of the store has them
// behind one another and there are few.
func (n *hopNode) by(p *planner, op algebra.Op, variable string) bool {
	for place, x := range places(op.(*algebra.BGP).Patterns[0]) {
		if x.IsVar() && x.Var == variable {
			n.place = place
		}
	}
	s, pr, o := n.pattern.S != 0, n.pattern.P != 0, n.pattern.O != 0
	switch {
	case n.place == 0 && !pr || n.place == 1 && s && !o || n.place == 2 && s && pr:
		n.order = rdf.GSPO
		if n.place == 0 && o {
			n.order = rdf.GOSP
		}
	case n.place == 1 && !s && !o || n.place == 2 && !s || n.place == 0 && o:
		n.order = rdf.GPOS
		if n.place == 2 && !pr {
			n.order = rdf.GOSP
		}
	case n.place == 1 && s && o:
		n.order = rdf.GOSP
	default:
		return false
	}
	return p.e.tune.join == alwaysHash || p.sample(sampleKey{n.pattern, n.place})*worthHopping < 1
}

func places(t algebra.Triple) [3]syntax.Node { return [3]syntax.Node{t.S, t.P, t.O} }
