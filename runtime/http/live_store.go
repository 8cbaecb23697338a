package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/live"
)

// target is the dataset of the store. The positions of its live queries are
// those of its own changes: it does not move with the rest of the log.
func (t store) target(w http.ResponseWriter, r *http.Request) (liveTarget, error) {
	view, err := t.view(w, r)
	if err != nil {
		return liveTarget{}, err
	}
	sight := storeSight(t.merged())
	return liveTarget{storeGraphs{t.s.cfg.Datasets, view}, view.Last, func(p command.Principal) (live.Sight, error) {
		if err := t.s.door.MayRead(p, t.kind, t.ref); err != nil {
			return nil, err
		}
		if t.s.views.State().Get(t.ref) == nil {
			return nil, t.none()
		}
		return sight, nil
	}}, nil
}

// storeSight is what everybody who may read a store sees of it: these graphs
// merged with the default graph, and all others by name.
type storeSight []string

func (storeSight) Key() string { return "" }

func (s storeSight) Reads(graph string) (inDefault, named bool) {
	return graph == "" || slices.Contains(s, graph), graph != ""
}

// storeGraphs are the graphs of a store as a source of live queries, from a view
// on.
type storeGraphs struct {
	datasets *dataset.Datasets
	view     dataset.View
}

func (g storeGraphs) Name() string { return string(g.view.Ref) }

func (g storeGraphs) Follow(context.Context) (live.Tail, error) {
	return &storeTail{g.datasets, g.view}, nil
}

type storeTail struct {
	datasets *dataset.Datasets
	at       dataset.View
}

func (t *storeTail) View() live.View { return live.View{Position: t.at.Last, Graph: t.at.Graph} }

func (t *storeTail) Next(ctx context.Context) (live.View, error) {
	for {
		view, news, err := t.datasets.Changed(ctx, t.at.Ref)
		switch {
		case errors.Is(err, dataset.ErrNone):
			return live.View{}, &base.Error{Code: base.NotFound, Ref: t.at.Ref, Detail: fmt.Sprintf("there is no dataset at %s any more", t.at.Ref)}
		case errors.Is(err, dataset.ErrClosed):
			return live.View{}, live.ErrClosed
		case err != nil:
			return live.View{}, err
		case view.Graph != t.at.Graph:
			out := live.View{Position: view.Last, Graph: view.Graph}
			if d := view.Delta; d != nil && d.Since == t.at.Last {
				out.Known, out.Removed, out.Added = true, d.Removed, d.Added
			}
			t.at = view
			return out, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return live.View{}, context.Cause(ctx)
		}
	}
}
