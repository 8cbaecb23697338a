package projection

import (
	"context"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/state"
)

// View is everything as it is at one position of the log.
type View struct {
	Position base.Position
	Time     base.Time // log time of the last event
	State    *state.State
	Graph    *rdf.Snapshot
	// Delta is what the graph of the view before lacks and has too much; nil
	// after a start, when there was none before.
	Delta *Delta
}

// Delta is what one publication changed in a graph. It is never written to.
type Delta struct{ Removed, Added []base.Quad }

// published is a view and the news that a later one stands.
type published struct {
	View
	superseded chan struct{}
	next       *published // set before superseded is closed
}

// View is the present view.
func (p *Projection) View() View { return p.current.Load().View }

// Changed gives the present view and a channel that is closed when a later one
// stands.
func (p *Projection) Changed() (View, <-chan struct{}) {
	now := p.current.Load()
	return now.View, now.superseded
}

// WaitFor gives the first view at or after a position. If ctx ends before, the
// answer is its cause.
func (p *Projection) WaitFor(ctx context.Context, position base.Position) (View, error) {
	for {
		view, superseded := p.Changed()
		if view.Position >= position {
			return view, nil
		}
		select {
		case <-superseded:
		case <-ctx.Done():
			return view, context.Cause(ctx)
		}
	}
}

// Tail walks from view to view and leaves none out. It is a pointer into a
// chain that only the future holds: who walks slowly keeps the views behind it
// alive and holds up nobody.
type Tail struct{ at *published }

// Tail begins at the present view.
func (p *Projection) Tail() *Tail { return &Tail{p.current.Load()} }

// View is the view where the tail stands.
func (t *Tail) View() View { return t.at.View }

// Next moves to the view after; its Delta is what came between. If ctx ends
// before there is one, the answer is its cause.
func (t *Tail) Next(ctx context.Context) (View, error) {
	select {
	case <-t.at.superseded:
		t.at = t.at.next
		return t.at.View, nil
	case <-ctx.Done():
		return View{}, context.Cause(ctx)
	}
}

func (p *Projection) publish(v View) {
	now := &published{View: v, superseded: make(chan struct{})}
	if old := p.current.Swap(now); old != nil {
		old.next = now
		close(old.superseded)
	}
}
