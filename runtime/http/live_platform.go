package http

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/live"
	"github.com/picloud/picloud/runtime/projection"
)

// target is the platform's graphs, or those of the product in the path.
func (p platform) target(w http.ResponseWriter, r *http.Request) (liveTarget, error) {
	view, err := p.s.view(w, r)
	return liveTarget{platformGraphs{p.s.views}, view.Position, func(who command.Principal) (live.Sight, error) {
		product, err := productAt(r, p.s.views.State())
		return &platformSight{p.s, who, product}, err
	}}, err
}

// platformGraphs are the platform's graphs as a source of live queries.
type platformGraphs struct{ views *projection.Projection }

func (platformGraphs) Name() string { return "/" }

func (g platformGraphs) Follow(ctx context.Context) (live.Tail, error) {
	return platformTail{g.views.Tail(ctx)}, nil
}

type platformTail struct{ tail *projection.Tail }

func (t platformTail) View() live.View { return liveView(t.tail.View()) }

func (t platformTail) Next(ctx context.Context) (live.View, error) {
	view, err := t.tail.Next(ctx)
	if err != nil {
		return live.View{}, err
	}
	return liveView(view), nil
}

func liveView(v projection.View) live.View {
	out := live.View{Position: v.Position, Graph: v.Graph}
	if v.Delta != nil {
		out.Known, out.Removed, out.Added = true, v.Delta.Removed, v.Delta.Added
	}
	return out
}

// platformSight is what a principal may read of the platform's graphs, or of
// those of one product.
type platformSight struct {
	server    *Server
	principal command.Principal
	product   base.Ref
}

// Key has nothing of the actor: what may be read follows from the role.
func (p *platformSight) Key() string { return string(p.principal.Role) + " " + string(p.product) }

func (p *platformSight) Reads(graph string) (inDefault, named bool) {
	return p.server.reads(p.principal, p.product, graph)
}
