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
}

// published is a view and the news that a later one stands.
type published struct {
	View
	superseded chan struct{}
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

func (p *Projection) publish(v View) {
	now := &published{v, make(chan struct{})}
	if old := p.current.Swap(now); old != nil {
		close(old.superseded)
	}
}
