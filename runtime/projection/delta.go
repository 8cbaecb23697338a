package projection

import (
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/runtime/state"
)

// Endings of the graphs that lie below a graph.
const (
	inferred = "/inferred"
	events   = "/events"
)

// writer makes the quads of resources in the cluster with a root.
type writer struct {
	out base.QuadWriter
}

// entry writes all quads that a live resource has: its own, the inferred ones,
// and those of the event that last changed it.
func (w *writer) entry(e state.Entry) {
	w.resource(e)
	w.event(e)
}

// resource writes those of a resource, if it lives.
func (w *writer) resource(e state.Entry) {
	if e.Resource == nil {
		return
	}
	graph := w.graph(e.Resource)
	w.out.Graph = base.IRI(graph)
	quads.Append(&w.out, e.Resource)
	w.out.Graph = base.IRI(graph + inferred)
	quads.AppendInferred(&w.out, e.Resource)
}

// event writes those of the event that last changed a resource, if it lives.
func (w *writer) event(e state.Entry) {
	if e.Resource == nil {
		return
	}
	w.out.Graph = base.IRI(w.graph(e.Resource) + events)
	quads.AppendEvent(&w.out, e.Event)
}

// graph is the one that a resource lies in.
func (w *writer) graph(r domain.Resource) string {
	return quads.Graph(r.Kind(), r.Common().Ref).Absolute(w.out.Root)
}

// difference appends to two lists what leaves and what comes between two sets of
// quads. Both are in the order of fields, so most quads meet at their place or one
// beside it.
func difference(remove, add, before, after []base.Quad) (removed, added []base.Quad) {
	gone, come := len(remove), len(add)
	for len(before) > 0 && len(after) > 0 {
		switch {
		case before[0] == after[0]:
		case len(after) > 1 && before[0] == after[1]:
			add = append(add, after[0])
			after = after[1:]
		case len(before) > 1 && before[1] == after[0]:
			remove = append(remove, before[0])
			before = before[1:]
		default:
			remove, add = append(remove, before[0]), append(add, after[0])
		}
		before, after = before[1:], after[1:]
	}
	remove, add = append(remove, before...), append(add, after...)
	n, m := cancel(remove[gone:], add[come:])
	return remove[:gone+n], add[:come+m]
}

// setMin is from how many comparisons on a set is cheaper.
const setMin = 1 << 9

// cancel drops, in place, what is in both lists, and tells what is left of each.
func cancel(remove, add []base.Quad) (removed, added int) {
	find := func(q base.Quad) int { return slices.Index(remove, q) }
	if len(remove)*len(add) >= setMin {
		at := make(map[base.Quad]int, len(remove))
		for i, q := range remove {
			at[q] = i + 1
		}
		find = func(q base.Quad) int { return at[q] - 1 }
	}
	var stays []int
	for _, q := range add {
		if i := find(q); i >= 0 {
			stays = append(stays, i)
		} else {
			add[added] = q
			added++
		}
	}
	slices.Sort(stays)
	for i, q := range remove {
		if len(stays) > 0 && stays[0] == i {
			stays = stays[1:]
		} else {
			remove[removed] = q
			removed++
		}
	}
	return removed, added
}
