package sparql

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// node is a physical operator. run extends r in every way that the operator
// allows, calls yield with r for each, and leaves r as it found it. It returns
// false when it was told to stop, by yield or by an error in e.
type node interface {
	run(e *exec, r row, yield func(row) bool) bool
	// inputs are the operators below, in the order in which they run.
	inputs() []node
}

// ref is a place of a pattern: a slot, or an id where slot is -1.
type ref struct {
	slot int
	id   rdf.ID
}

// in is the id at this place, 0 where it is an unbound variable.
func (p ref) in(r row) rdf.ID {
	if p.slot >= 0 {
		return r[p.slot]
	}
	return p.id
}

// graphRef is the graph that a pattern is matched in: the default graph, or a
// place.
type graphRef struct {
	named bool
	ref
}

// selector decides for one row. A graph that is not named in the dataset does
// not exist.
func (g graphRef) selector(e *exec, r row) selector {
	if !g.named {
		return selector{mode: defaultGraph}
	}
	id := g.in(r)
	switch {
	case id == 0:
		return selector{mode: anyNamed}
	case e.named.has(id):
		return selector{mode: oneGraph, id: id}
	}
	return selector{mode: noGraph}
}

// unitNode yields its row once.
type unitNode struct{}

func (unitNode) inputs() []node { return nil }

func (unitNode) run(_ *exec, r row, yield func(row) bool) bool { return yield(r) }

// scanNode matches a triple pattern.
type scanNode struct {
	s, p, o ref
	graph   graphRef
	// repeats tells that a variable occurs in two places.
	repeats bool
}

// newScan makes the scan of a pattern.
func newScan(s, p, o ref, graph graphRef) *scanNode {
	n := &scanNode{s: s, p: p, o: o, graph: graph}
	places := []ref{s, p, o}
	if graph.named {
		places = append(places, graph.ref)
	}
	for i, a := range places {
		for _, b := range places[:i] {
			n.repeats = n.repeats || a.slot >= 0 && a.slot == b.slot
		}
	}
	return n
}

func (n *scanNode) inputs() []node { return nil }

func (n *scanNode) run(e *exec, r row, yield func(row) bool) bool {
	pattern := rdf.IDQuad{S: n.s.in(r), P: n.p.in(r), O: n.o.in(r)}
	sel := n.graph.selector(e, r)
	src := e.source(pattern, sel)
	if n.repeats {
		return n.repeating(e, pattern, &src, r, yield)
	}
	// The slots that this scan binds; a bound place writes to one that nobody reads.
	var unread rdf.ID
	slot := func(p ref, bound bool) *rdf.ID {
		if bound {
			return &unread
		}
		return &r[p.slot]
	}
	s, p, o := slot(n.s, pattern.S != 0), slot(n.p, pattern.P != 0), slot(n.o, pattern.O != 0)
	g := slot(n.graph.ref, sel.mode != anyNamed)
	more := true
	for more && src.next() {
		*s, *p, *o, *g = src.quad.S, src.quad.P, src.quad.O, src.quad.G
		more = yield(r)
	}
	*s, *p, *o, *g = 0, 0, 0, 0
	src.close()
	return more && e.err == nil
}

// repeating is the scan of a pattern in which a variable occurs twice.
func (n *scanNode) repeating(e *exec, pattern rdf.IDQuad, src *source, r row, yield func(row) bool) bool {
	named := src.sel.mode == anyNamed
	for src.next() {
		q := src.quad
		fits := bind(r, n.s, pattern.S, q.S) && bind(r, n.p, pattern.P, q.P) && bind(r, n.o, pattern.O, q.O)
		if fits && named {
			fits = bind(r, n.graph.ref, 0, q.G)
		}
		more := !fits || yield(r)
		unbind(r, n.s, pattern.S)
		unbind(r, n.p, pattern.P)
		unbind(r, n.o, pattern.O)
		if named {
			unbind(r, n.graph.ref, 0)
		}
		if !more {
			src.close()
			return false
		}
	}
	return e.err == nil
}

// bind sets a variable that was unbound before the match; one that occurs twice
// in the pattern must match the same term.
func bind(r row, p ref, before, id rdf.ID) bool {
	if before != 0 {
		return true
	}
	if r[p.slot] != 0 {
		return r[p.slot] == id
	}
	r[p.slot] = id
	return true
}

func unbind(r row, p ref, before rdf.ID) {
	if before == 0 {
		r[p.slot] = 0
	}
}

// joinNode is the nested loop: right runs once for each row of left and sees
// its bindings.
type joinNode struct{ left, right node }

func (n *joinNode) inputs() []node { return []node{n.left, n.right} }

func (n *joinNode) run(e *exec, r row, yield func(row) bool) bool {
	return n.left.run(e, r, func(r row) bool { return n.right.run(e, r, yield) })
}

// leftJoinNode is OPTIONAL as a nested loop.
type leftJoinNode struct {
	left, right node
	condition   *expr // or nil
}

func (n *leftJoinNode) inputs() []node { return n.condition.patterns(n.left, n.right) }

func (n *leftJoinNode) run(e *exec, r row, yield func(row) bool) bool {
	matched := false
	match := matching(e, n.condition, &matched, yield)
	return n.left.run(e, r, func(r row) bool {
		matched = false
		if more := n.right.run(e, r, match); matched || !more {
			return more
		}
		return yield(r)
	})
}

// matching lets through the rows of an OPTIONAL for which its condition, if it
// has one, is true, and notes that there was one. It is made once for all rows
// of the left.
func matching(e *exec, condition *expr, matched *bool, yield func(row) bool) func(row) bool {
	return func(r row) bool {
		if condition != nil && !condition.holds(e, r) {
			return e.err == nil
		}
		*matched = true
		return yield(r)
	}
}

// unionNode runs one branch after another.
type unionNode struct{ branches []node }

func (n *unionNode) inputs() []node { return n.branches }

func (n *unionNode) run(e *exec, r row, yield func(row) bool) bool {
	for _, b := range n.branches {
		if !b.run(e, r, yield) {
			return false
		}
	}
	return true
}

// filterNode keeps the rows for which the condition is true.
type filterNode struct {
	input     node
	condition *expr
	// slot is the only variable of the condition, -1 if there are others or the
	// condition may change its mind; seen are its verdicts on terms of the
	// snapshot. Scans give equal terms one after another.
	slot int
	seen []verdict
}

// verdict is what a condition says of a term.
type verdict struct {
	id    rdf.ID
	holds bool
}

// verdicts is how many are kept, by the lowest bits of the id; a power of two.
const verdicts = 256

func (n *filterNode) inputs() []node { return n.condition.patterns(n.input) }

func (n *filterNode) run(e *exec, r row, yield func(row) bool) bool {
	return n.input.run(e, r, func(r row) bool {
		if !n.holds(e, r) {
			return e.err == nil
		}
		return yield(r)
	})
}

func (n *filterNode) holds(e *exec, r row) bool {
	if n.slot < 0 || r[n.slot] == 0 || e.isLocal(r[n.slot]) {
		return n.condition.holds(e, r)
	}
	if n.seen == nil {
		n.seen = make([]verdict, verdicts)
	}
	v := &n.seen[r[n.slot]&(verdicts-1)]
	if v.id != r[n.slot] {
		*v = verdict{r[n.slot], n.condition.holds(e, r)}
	}
	return v.holds
}

// assignment binds a slot to the value of an expression.
type assignment struct {
	slot int
	expr *expr
}

// extendNode computes expressions one after another; an error leaves the
// variable unbound.
type extendNode struct {
	input node
	list  []assignment
	// transient tells that nobody keeps the rows, so that what is computed for
	// one can be forgotten before the next: a long result needs no memory.
	transient bool
}

func (n *extendNode) inputs() []node {
	out := []node{n.input}
	for _, a := range n.list {
		out = a.expr.patterns(out...)
	}
	return out
}

func (n *extendNode) run(e *exec, r row, yield func(row) bool) bool {
	return n.input.run(e, r, func(r row) bool {
		e.solution++
		mark := e.local.size
		more := n.assign(e, r, 0, yield)
		if n.transient {
			e.forget(mark)
		}
		return more
	})
}

func (n *extendNode) assign(e *exec, r row, at int, yield func(row) bool) bool {
	if at == len(n.list) {
		return e.err == nil && yield(r)
	}
	slot := n.list[at].slot
	id, before := n.list[at].expr.id(e, r), r[slot]
	if before != 0 {
		// The variable comes from outside: the row joins with what is there.
		if id != 0 && id != before {
			return e.err == nil
		}
		return n.assign(e, r, at+1, yield)
	}
	r[slot] = id
	more := n.assign(e, r, at+1, yield)
	r[slot] = 0
	return more
}

// graphNode runs its input once for each named graph that its place allows.
type graphNode struct {
	name  graphRef
	input node
}

func (n *graphNode) inputs() []node { return []node{n.input} }

func (n *graphNode) run(e *exec, r row, yield func(row) bool) bool {
	switch sel := n.name.selector(e, r); sel.mode {
	case oneGraph:
		return n.input.run(e, r, yield)
	case noGraph:
		return e.err == nil
	}
	for _, g := range e.named.list {
		if !e.tick() {
			return false
		}
		r[n.name.slot] = g
		more := n.input.run(e, r, yield)
		r[n.name.slot] = 0
		if !more {
			return false
		}
	}
	return true
}

// aliasNode joins one slot that its input binds with another.
type aliasNode struct {
	input    node
	from, to int
}

func (n *aliasNode) inputs() []node { return []node{n.input} }

func (n *aliasNode) run(e *exec, r row, yield func(row) bool) bool {
	// What the other slot has already is all that can join with it.
	r[n.from] = r[n.to]
	defer func() { r[n.from] = 0 }()
	return n.input.run(e, r, func(r row) bool {
		switch r[n.to] {
		case r[n.from]:
			return yield(r)
		case 0:
			r[n.to] = r[n.from]
			more := yield(r)
			r[n.to] = 0
			return more
		}
		return true
	})
}

// tableNode joins with inline rows.
type tableNode struct {
	slots []int
	rows  []row
}

func (n *tableNode) inputs() []node { return nil }

func (n *tableNode) run(e *exec, r row, yield func(row) bool) bool {
	for _, t := range n.rows {
		if !e.tick() {
			return false
		}
		if !merge(e, r, n.slots, t, yield) {
			return false
		}
	}
	return true
}

// merge joins r with the values of the slots, if they are compatible, and
// yields the result.
func merge(e *exec, r row, slots []int, values row, yield func(row) bool) bool {
	var buffer [16]int
	set := buffer[:0]
	fits := true
	for i, slot := range slots {
		v := values[i]
		if v == 0 || r[slot] == v {
			continue
		}
		if r[slot] != 0 {
			fits = false
			break
		}
		r[slot] = v
		set = append(set, slot)
	}
	more := !fits || yield(r)
	for _, slot := range set {
		r[slot] = 0
	}
	return more && e.err == nil
}

// emptyNode has no solution.
type emptyNode struct{}

func (emptyNode) inputs() []node { return nil }

func (emptyNode) run(e *exec, _ row, _ func(row) bool) bool { return e.err == nil }

// constant is the place of a term.
func constant(e *exec, t base.Term) ref { return ref{slot: -1, id: e.intern(t)} }
