package dataset

import (
	"context"
	"maps"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// View is one dataset as it is at one position of the log.
type View struct {
	Ref base.Ref
	// Position of the log at which it holds: no later event up to there is
	// about it.
	Position base.Position
	// Last is the position of the last event of the resource that is in it. It
	// is the basis of changes and tells two states of a dataset apart.
	Last base.Position
	// Quads that are asserted.
	Quads int64
	// Graph holds the dataset, its default graph being rdf.DefaultGraph, and
	// what is concluded from it (Datasets.Concluded).
	Graph *rdf.Snapshot
	// Delta from the view before; nil where that is not known (after a start), or
	// where it is over DeltaMax.
	Delta *Delta
	// Fault says why the last event was set aside, wholly or as far as it did
	// not fit; nil if it fitted.
	Fault error
	// Unconcluded says why nothing is concluded although the resource asks for
	// it, or nil.
	Unconcluded error
}

// Has reports whether a quad is in the graph.
func (v View) Has(q base.Quad) bool {
	var ids [4]rdf.ID
	for i, term := range [4]base.Term{q.S, q.P, q.O, q.G} {
		id, known := v.Graph.Lookup(term)
		if !known {
			return false
		}
		ids[i] = id
	}
	return v.Graph.Has(rdf.IDQuad{S: ids[0], P: ids[1], O: ids[2], G: ids[3]})
}

// DeltaMax is how many quads a delta names at most: it is kept as long as its
// view, and who follows a dataset asks anew for less than reading more costs.
const DeltaMax = 10_000

// Delta is the difference of two successive views, conclusions included.
type Delta struct {
	Since          base.Position // View.Last of the one before
	Removed, Added []base.Quad
}

// View is a dataset once everything about it up to a position is in it; 0 asks
// for what is there (but see Serve). The error is ErrNone when there is no such dataset,
// ErrClosed, the cause of ctx, or why it cannot be read.
func (d *Datasets) View(ctx context.Context, ref base.Ref, atLeast base.Position) (View, error) {
	view, _, err := d.await(ctx, ref, atLeast)
	return view, err
}

// Changed gives the present view of a dataset, once it is read, and a channel
// that is closed when a later one stands or the dataset ends. Its errors are
// those of View.
func (d *Datasets) Changed(ctx context.Context, ref base.Ref) (View, <-chan struct{}, error) {
	return d.await(ctx, ref, 0)
}

func (d *Datasets) await(ctx context.Context, ref base.Ref, atLeast base.Position) (View, <-chan struct{}, error) {
	for {
		view, news, wait, err := d.look(ref, atLeast)
		if wait == nil {
			return view, news, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return View{}, nil, context.Cause(ctx)
		case <-d.ctx.Done():
			return View{}, nil, ErrClosed
		}
	}
}

// look gives a view with the channel of its successor, or what to wait for.
func (d *Datasets) look(ref base.Ref, atLeast base.Position) (view View, news, wait <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	atLeast = max(atLeast, d.least)
	if d.head < atLeast {
		if d.reached == nil {
			d.reached = make(chan struct{})
		}
		return View{}, nil, d.reached, nil
	}
	s := d.sets[ref]
	switch {
	case s == nil:
		return View{}, nil, nil, ErrNone
	case s.broken != nil:
		return View{}, nil, nil, s.broken
	case s.current == nil, len(s.pending) > 0 && s.pending[0].position <= atLeast:
		return View{}, nil, s.news, nil
	}
	return d.viewOf(s), s.news, nil, nil
}

// viewOf is the present view of a dataset. It is called with d.mu held.
func (d *Datasets) viewOf(s *set) View {
	view := s.current.View
	view.Position = max(d.head, view.Last)
	if len(s.pending) > 0 {
		view.Position = max(s.pending[0].position-1, view.Last)
	}
	return view
}

// Refs lists the datasets, sorted.
func (d *Datasets) Refs() []base.Ref {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.sets))
}
