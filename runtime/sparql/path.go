package sparql

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/picloud/picloud/runtime/rdf"
)

// step is a property path over ids (section 18.4). from visits the ends of all
// ways that start at a node, forward or backward; pairs visits all (start, end)
// of the graph. Both answer false when they were told to stop. Sets of nodes
// are bit sets.
type step interface {
	from(w *walk, node rdf.ID, forward bool, visit func(rdf.ID) bool) bool
	pairs(w *walk, visit func(start, end rdf.ID) bool) bool
}

// walk is what steps share: the execution and the graph.
type walk struct {
	e   *exec
	sel selector
}

// has reports whether a node occurs as a subject or an object.
func (w *walk) has(node rdf.ID) bool {
	s := w.e.source(rdf.IDQuad{S: node}, w.sel)
	if s.next() {
		return true
	}
	o := w.e.source(rdf.IDQuad{O: node}, w.sel)
	return o.next()
}

// oneGraph is the graph of the walk, if there is only one.
func (w *walk) oneGraph() (rdf.ID, bool) {
	if w.sel.mode == defaultGraph && len(w.e.defaults.list) == 1 {
		return w.e.defaults.list[0], true
	}
	return w.sel.id, w.sel.mode == oneGraph
}

// nodes adds all subjects and objects to a set.
func (w *walk) nodes(set *nodeSet) {
	for src := w.e.source(rdf.IDQuad{}, w.sel); src.next(); {
		if !set.add(src.quad.S) || !set.add(src.quad.O) {
			return
		}
	}
}

// nodeCost is what a node costs in a bit set, and in a queue beside it.
const nodeCost = 16

// nodeSet is a bit set whose memory is charged.
type nodeSet struct {
	e    *exec
	ids  roaring.Bitmap
	size int
}

// add is false once the budget is spent.
func (s *nodeSet) add(id rdf.ID) bool {
	if !s.ids.CheckedAdd(uint32(id)) {
		return s.e.err == nil
	}
	s.size++
	return s.e.charge(nodeCost)
}

func (s *nodeSet) free() { s.e.release(nodeCost * s.size) }

// predicateStep is one predicate.
type predicateStep struct{ id rdf.ID }

func (s predicateStep) from(w *walk, node rdf.ID, forward bool, visit func(rdf.ID) bool) bool {
	pattern := rdf.IDQuad{S: node, P: s.id}
	if !forward {
		pattern = rdf.IDQuad{O: node, P: s.id}
	}
	for src := w.e.source(pattern, w.sel); src.next(); {
		end := src.quad.O
		if !forward {
			end = src.quad.S
		}
		if !visit(end) {
			return false
		}
	}
	return w.e.err == nil
}

func (s predicateStep) pairs(w *walk, visit func(start, end rdf.ID) bool) bool {
	for src := w.e.source(rdf.IDQuad{P: s.id}, w.sel); src.next(); {
		if !visit(src.quad.S, src.quad.O) {
			return false
		}
	}
	return w.e.err == nil
}

// inverseStep is ^path.
type inverseStep struct{ step step }

func (s inverseStep) from(w *walk, node rdf.ID, forward bool, visit func(rdf.ID) bool) bool {
	return s.step.from(w, node, !forward, visit)
}

func (s inverseStep) pairs(w *walk, visit func(start, end rdf.ID) bool) bool {
	return s.step.pairs(w, func(start, end rdf.ID) bool { return visit(end, start) })
}

// sequenceStep is a/b.
type sequenceStep struct{ left, right step }

func (s sequenceStep) from(w *walk, node rdf.ID, forward bool, visit func(rdf.ID) bool) bool {
	first, second := s.left, s.right
	if !forward {
		first, second = second, first
	}
	return first.from(w, node, forward, func(middle rdf.ID) bool {
		return second.from(w, middle, forward, visit)
	})
}

func (s sequenceStep) pairs(w *walk, visit func(start, end rdf.ID) bool) bool {
	return s.left.pairs(w, func(start, middle rdf.ID) bool {
		return s.right.from(w, middle, true, func(end rdf.ID) bool { return visit(start, end) })
	})
}

// alternativeStep is a|b.
type alternativeStep struct{ left, right step }

func (s alternativeStep) from(w *walk, node rdf.ID, forward bool, visit func(rdf.ID) bool) bool {
	return s.left.from(w, node, forward, visit) && s.right.from(w, node, forward, visit)
}

func (s alternativeStep) pairs(w *walk, visit func(start, end rdf.ID) bool) bool {
	return s.left.pairs(w, visit) && s.right.pairs(w, visit)
}

// negatedStep is !(a|^b). The forward part is there unless the set names
// inverse predicates only.
type negatedStep struct {
	forward, inverse         []rdf.ID
	hasForward, hasBackwards bool
}

func (s negatedStep) from(w *walk, node rdf.ID, forward bool, visit func(rdf.ID) bool) bool {
	along := func(outward bool, excluded []rdf.ID) bool {
		pattern := rdf.IDQuad{S: node}
		if !outward {
			pattern = rdf.IDQuad{O: node}
		}
		for src := w.e.source(pattern, w.sel); src.next(); {
			end := src.quad.O
			if !outward {
				end = src.quad.S
			}
			if !slices.Contains(excluded, src.quad.P) && !visit(end) {
				return false
			}
		}
		return w.e.err == nil
	}
	return (!s.hasForward || along(forward, s.forward)) && (!s.hasBackwards || along(!forward, s.inverse))
}

func (s negatedStep) pairs(w *walk, visit func(start, end rdf.ID) bool) bool {
	for src := w.e.source(rdf.IDQuad{}, w.sel); src.next(); {
		q := src.quad
		if s.hasForward && !slices.Contains(s.forward, q.P) && !visit(q.S, q.O) {
			return false
		}
		if s.hasBackwards && !slices.Contains(s.inverse, q.P) && !visit(q.O, q.S) {
			return false
		}
	}
	return w.e.err == nil
}

// pathNode matches a path pattern from whichever side is bound.
type pathNode struct {
	s, o  ref
	step  step
	graph graphRef
	// zero tells that the path has a way without a step.
	zero bool
}

func (n *pathNode) inputs() []node { return nil }

func (n *pathNode) run(e *exec, r row, yield func(row) bool) bool {
	sel := n.graph.selector(e, r)
	if sel.mode == noGraph {
		return e.err == nil
	}
	w := &walk{e: e, sel: sel}
	start, end := n.s.in(r), n.o.in(r)
	switch {
	case start != 0 && !n.reachable(w, n.s, start, n.o), end != 0 && !n.reachable(w, n.o, end, n.s):
		return e.err == nil
	case start != 0 && end != 0:
		return n.step.from(w, start, true, func(id rdf.ID) bool { return id != end || yield(r) })
	case start != 0:
		return n.step.from(w, start, true, func(id rdf.ID) bool { return n.emit(r, n.o, id, yield) })
	case end != 0:
		return n.step.from(w, end, false, func(id rdf.ID) bool { return n.emit(r, n.s, id, yield) })
	case n.s.slot == n.o.slot:
		return n.step.pairs(w, func(a, b rdf.ID) bool { return a != b || n.emit(r, n.s, a, yield) })
	}
	return n.step.pairs(w, func(a, b rdf.ID) bool {
		r[n.s.slot] = a
		more := n.emit(r, n.o, b, yield)
		r[n.s.slot] = 0
		return more
	})
}

// reachable keeps a path without a step from finding a variable's term that is
// not in the graph: alone, the pattern would not bind the variable to it. A
// term of the pattern itself needs not be there.
func (n *pathNode) reachable(w *walk, p ref, id rdf.ID, other ref) bool {
	return !n.zero || p.slot < 0 || other.slot < 0 && other.id == id || w.has(id)
}

func (n *pathNode) emit(r row, p ref, id rdf.ID, yield func(row) bool) bool {
	r[p.slot] = id
	more := yield(r)
	r[p.slot] = 0
	return more
}
