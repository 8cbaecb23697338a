package sparql

import (
	"slices"

	"github.com/picloud/picloud/runtime/rdf"
)

// repeatStep is path*, path+ or path?. Each end is visited once (ALP of
// section 18.4), whatever the number of ways to it.
type repeatStep struct {
	step step
	zero bool // no step at all is a way
	many bool
}

func (s repeatStep) from(w *walk, node rdf.ID, forward bool, visit func(rdf.ID) bool) bool {
	seen := &nodeSet{e: w.e}
	defer seen.free()
	if s.zero && !(seen.add(node) && visit(node)) {
		return false
	}
	var level, next frontier
	reach := func(end rdf.ID) bool {
		before := seen.size
		if !seen.add(end) || seen.size == before {
			return w.e.err == nil
		}
		if s.many {
			next.add(end)
		}
		return visit(end)
	}
	for next.add(node); !next.empty() && w.e.tick(); {
		level, next = next, level.emptied()
		for _, nodes := range level {
			// In the order of the store, so that the steps of neighbours are neighbours.
			slices.Sort(nodes)
			if !s.stepAll(w, nodes, forward, reach) {
				return false
			}
		}
	}
	return w.e.err == nil
}

// frontier are the nodes that were reached in one level, in parts that are each
// soon sorted.
type frontier [][]rdf.ID

func (f frontier) empty() bool { return len(f) == 0 || len(f[0]) == 0 }

// emptied is an empty one that uses the first part again.
func (f frontier) emptied() frontier {
	if len(f) == 0 {
		return f
	}
	f[0] = f[0][:0]
	return f[:1]
}

// frontierPart is how many nodes a part has at most.
const frontierPart = 16 << 10

func (f *frontier) add(id rdf.ID) {
	if last := len(*f) - 1; last >= 0 && len((*f)[last]) < frontierPart {
		(*f)[last] = append((*f)[last], id)
	} else {
		*f = append(*f, append(make([]rdf.ID, 0, 4), id))
	}
}

// stepAll takes one step from each of the nodes, which are sorted.
func (s repeatStep) stepAll(w *walk, nodes []rdf.ID, forward bool, visit func(rdf.ID) bool) bool {
	if p, is := s.step.(predicateStep); is && len(nodes) > 1 {
		if graph, one := w.oneGraph(); one {
			return p.fromAll(w, graph, nodes, forward, visit)
		}
	}
	for _, node := range nodes {
		if !s.step.from(w, node, forward, visit) {
			return false
		}
	}
	return true
}

func (s repeatStep) pairs(w *walk, visit func(start, end rdf.ID) bool) bool {
	starts := &nodeSet{e: w.e}
	defer starts.free()
	if s.zero {
		w.nodes(starts)
	} else {
		s.step.pairs(w, func(start, _ rdf.ID) bool { return starts.add(start) })
	}
	if w.e.err != nil {
		return false
	}
	for it := starts.ids.Iterator(); it.HasNext(); {
		start := rdf.ID(it.Next())
		if !s.from(w, start, true, func(end rdf.ID) bool { return visit(start, end) }) {
			return false
		}
	}
	return w.e.err == nil
}

// fromAll visits the ends of the steps from all of the nodes, which are sorted,
// with one cursor that only moves on.
func (s predicateStep) fromAll(w *walk, graph rdf.ID, nodes []rdf.ID, forward bool, visit func(rdf.ID) bool) bool {
	order, all := rdf.GPOS, rdf.IDQuad{G: graph, P: s.id}
	if forward {
		order, all = rdf.GSPO, rdf.IDQuad{G: graph}
	}
	cursor := w.e.snapshot.CursorIn(order, all)
	var start, end rdf.ID // of the quad that the cursor is at
	var predicate rdf.ID
	there := true
	next := func() {
		if there = cursor.Next(); there {
			q := cursor.Quad()
			if start, predicate, end = q.O, q.P, q.S; forward {
				start, end = q.S, q.O
			}
		}
	}
	for _, node := range nodes {
		if start < node || start == node && predicate < s.id {
			from := rdf.IDQuad{G: graph, P: s.id, O: node}
			if forward {
				from = rdf.IDQuad{G: graph, P: s.id, S: node}
			}
			cursor.Seek(from)
			next()
		}
		for ; there && start == node && predicate == s.id; next() {
			if !w.e.tick() || !visit(end) {
				return false
			}
		}
		if !there || !w.e.tick() {
			break
		}
	}
	return w.e.err == nil
}
