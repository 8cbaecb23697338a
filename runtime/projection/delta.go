package projection

import (
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
	if e.Resource == nil {
		return
	}
	w.resource(e.Resource)
	w.event(e)
}

func (w *writer) resource(r domain.Resource) {
	graph := quads.Graph(r.Kind(), r.Common().Ref).Absolute(w.out.Root)
	w.out.Graph = base.IRI(graph)
	quads.Append(&w.out, r)
	w.out.Graph = base.IRI(graph + inferred)
	quads.AppendInferred(&w.out, r)
}

func (w *writer) event(e state.Entry) {
	w.out.Graph = base.IRI(quads.Graph(e.Resource.Kind(), e.Resource.Common().Ref).Absolute(w.out.Root) + events)
	quads.AppendEvent(&w.out, e.Event)
}

// difference lists what leaves and what comes between two sets of quads. Both
// are in the order of fields, so most of them meet at their place.
func difference(before, after []base.Quad) (remove, add []base.Quad) {
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	if len(before) == 0 || len(after) == 0 {
		return before, after
	}
	had := make(map[base.Quad]bool, len(before))
	for _, q := range before {
		had[q] = true
	}
	for _, q := range after {
		if had[q] {
			had[q] = false
		} else {
			add = append(add, q)
		}
	}
	for _, q := range before {
		if had[q] {
			remove = append(remove, q)
		}
	}
	return remove, add
}
