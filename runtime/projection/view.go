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
	// after a start, and where no tail followed since the view before.
	Delta *Delta
}

// Delta is what lies between the graphs of two views. It is never written to.
type Delta struct{ Removed, Added []base.Quad }

// State is the present state. It does not wait for the graph.
func (p *Projection) State() *state.State { return p.shown.states.Load().State }

// Changed gives the present state and a channel that is closed when a later one
// stands.
func (p *Projection) Changed() (*state.State, <-chan struct{}) {
	now := p.shown.states.Load()
	return now.State, now.superseded
}

// Reach gives the first state at or after a position. If ctx ends before, the
// answer is its cause, with the present state.
func (p *Projection) Reach(ctx context.Context, position base.Position) (*state.State, error) {
	for {
		now, superseded := p.Changed()
		if now.Position >= position {
			return now, nil
		}
		select {
		case <-superseded:
		case <-ctx.Done():
			return now, context.Cause(ctx)
		}
	}
}

// View is the present state with its graph. What the graph still lacks is added
// on the goroutine that asks.
func (p *Projection) View() View { return p.shown.view() }

// WaitFor gives a view at or after a position. If ctx ends before, the answer is
// its cause, with the present view.
func (p *Projection) WaitFor(ctx context.Context, position base.Position) (View, error) {
	_, err := p.Reach(ctx, position)
	return p.View(), err
}

// Tail walks from view to view and leaves none out. It is a pointer into a
// chain that only the future holds: who walks slowly keeps the views behind it
// alive and holds up nobody.
type Tail struct{ at *published }

// Tail begins at the present view. Every view behind it has a Delta until ctx
// ends, and comes within some milliseconds.
func (p *Projection) Tail(ctx context.Context) *Tail {
	p.shown.followers.Add(1)
	context.AfterFunc(ctx, func() { p.shown.followers.Add(-1) })
	p.shown.view()
	return &Tail{p.shown.views.Load()}
}

// View is the view where the tail stands.
func (t *Tail) View() View { return t.at.View }

// Next moves to the view after; its Delta is what came between, by one commit or
// several. If ctx ends before there is one, the answer is its cause.
func (t *Tail) Next(ctx context.Context) (View, error) {
	select {
	case <-t.at.superseded:
		t.at = t.at.next
		return t.at.View, nil
	case <-ctx.Done():
		return View{}, context.Cause(ctx)
	}
}
