package sparql

import (
	"slices"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/algebra"
)

// intersectNode binds one variable to what patterns have in common whose other
// places are terms, in one graph that is known: their matches come in the order
// of the variable's ids, so that each seeks what another has come to (leapfrog
// join, Veldhuizen 2014).
type intersectNode struct {
	patterns []rdf.IDQuad
	places   []int // of the variable in each
	slot     int
}

func (n *intersectNode) inputs() []node { return nil }

func (n *intersectNode) run(e *exec, r row, yield func(row) bool) bool {
	walks := make([]valueWalk, len(n.patterns))
	for i, p := range n.patterns {
		if e.isLocal(p.S) || e.isLocal(p.P) || e.isLocal(p.O) {
			return e.err == nil
		}
		walks[i] = valueWalk{cursor: e.snapshot.Cursor(p), pattern: p, place: n.places[i]}
	}
	for target, agree, i := rdf.ID(1), 0, 0; e.tick(); i = (i + 1) % len(walks) {
		id, there := walks[i].to(target)
		if !there {
			break
		}
		if id > target {
			target, agree = id, 0
		}
		if agree++; agree < len(walks) {
			continue
		}
		r[n.slot] = target
		more := yield(r)
		r[n.slot] = 0
		if !more {
			return false
		}
		target, agree = target+1, 0
	}
	return e.err == nil
}

// valueWalk walks over the values of one place of a pattern.
type valueWalk struct {
	cursor  rdf.Cursor
	pattern rdf.IDQuad
	place   int
	at      rdf.ID // the value that it is at, 0 before the first
}

// to moves to the first value that is not less than id.
func (w *valueWalk) to(id rdf.ID) (rdf.ID, bool) {
	if w.at >= id {
		return w.at, true
	}
	from := w.pattern
	*at(&from, w.place) = id
	w.cursor.Seek(from)
	if !w.cursor.Next() {
		return 0, false
	}
	q := w.cursor.Quad()
	w.at = *at(&q, w.place)
	return w.at, true
}

// intersections puts the parts of a join together that bind the same variable and
// nothing else, where they can be walked in its order.
func (p *planner) intersections(parts []part, c place) []part {
	if _, one := p.oneGraph(c); !one {
		return parts
	}
	if !several(parts, c) {
		return parts
	}
	together := map[int]int{}
	var out []part
	for _, x := range parts {
		v := x.single()
		at, again := together[v]
		switch {
		case v == noVariable || c.bound.Has(v):
			out = append(out, x)
		case !again:
			together[v] = len(out)
			out = append(out, x)
		default:
			before := out[at].op.(*algebra.BGP).Patterns
			out[at] = part{op: &algebra.BGP{Patterns: append(slices.Clone(before), *x.triple)}, possible: x.possible, certain: x.certain}
		}
	}
	return out
}

// several reports that two parts may bind the same variable and nothing else.
func several(parts []part, c place) bool {
	var once algebra.Vars
	for i := range parts {
		if v := parts[i].single(); v != noVariable && !c.bound.Has(v) {
			if once.Has(v) {
				return true
			}
			once = once.With(v)
		}
	}
	return false
}

// single is the number of the variable of a pattern that has one, in one place;
// else noVariable.
func (x *part) single() int {
	found := noVariable
	if x.triple == nil {
		return found
	}
	for _, n := range x.numbers {
		if n != noVariable {
			if found != noVariable {
				return noVariable
			}
			found = n
		}
	}
	return found
}

// oneGraph is the graph that patterns are matched in, if it is known to be one.
func (p *planner) oneGraph(c place) (rdf.ID, bool) {
	switch sel := p.selector(c); {
	case sel.mode == oneGraph:
		return sel.id, true
	case sel.mode == defaultGraph && len(p.e.defaults.list) == 1:
		return p.e.defaults.list[0], true
	}
	return 0, false
}

// intersect plans patterns that intersections put together.
func (p *planner) intersect(o *algebra.BGP, variable string, c place) node {
	graph, _ := p.oneGraph(c)
	n := &intersectNode{slot: c.scope.slot(variable)}
	for _, t := range o.Patterns {
		ids := rdf.IDQuad{G: graph}
		for place, x := range places(t) {
			if x.IsVar() {
				n.places = append(n.places, place)
			} else {
				*at(&ids, place) = p.e.intern(x.Term)
			}
		}
		n.patterns = append(n.patterns, ids)
	}
	return n
}
