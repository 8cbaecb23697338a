package live

import (
	"context"
	"sync"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
)

// feed follows one source as long as there are live queries on it. All of it is
// under the hub's lock, but for the datasets.
type feed struct {
	hub    *Hub
	name   string
	tail   Tail
	view   View // up to here all changes have been looked at
	groups map[*group]struct{}
	index  index
	stop   context.CancelFunc
	ended  bool
	moved  chan struct{} // closed with the next view, if anybody waits for one

	datasets sync.Mutex
	at       base.Position
	by       map[string]sparql.Dataset // at that position, by the key of the sight
}

// feedOf is the feed of a source, which it begins to follow if nobody does. The
// hub is locked.
func (h *Hub) feedOf(s Source) (*feed, error) {
	if f := h.feeds[s.Name()]; f != nil {
		return f, nil
	}
	ctx, stop := context.WithCancel(h.ctx)
	tail, err := s.Follow(ctx)
	if err != nil {
		stop()
		return nil, err
	}
	f := &feed{hub: h, name: s.Name(), tail: tail, view: tail.View(), groups: map[*group]struct{}{}, stop: stop}
	h.feeds[f.name] = f
	h.routines.Go(func() { f.run(ctx) })
	return f, nil
}

func (f *feed) run(ctx context.Context) {
	for {
		view, err := f.tail.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				f.fail(err)
			}
			return
		}
		f.move(view)
	}
}

// move takes in the next view and wakes the queries that it can matter to.
func (f *feed) move(view View) {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if f.ended {
		return
	}
	before := f.view.Position
	f.view = View{Position: view.Position, Graph: view.Graph}
	wake := func(g *group) {
		g.mark(before)
		f.hub.enqueue(g)
	}
	if view.Known {
		for _, list := range [2][]base.Quad{view.Removed, view.Added} {
			for _, q := range list {
				f.index.touched(q, wake)
			}
		}
	} else {
		for g := range f.groups {
			wake(g)
		}
	}
	if f.moved != nil {
		close(f.moved)
		f.moved = nil
	}
}

// fail ends every live query on a source that can no longer be followed.
func (f *feed) fail(err error) {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	for g := range f.groups {
		g.end(err)
	}
	f.close()
}

// close stops following. The hub is locked.
func (f *feed) close() {
	if f.ended {
		return
	}
	f.ended = true
	f.stop()
	delete(f.hub.feeds, f.name)
	if f.moved != nil {
		close(f.moved)
		f.moved = nil
	}
}

// progress is closed when a later view is looked at. The hub is locked.
func (f *feed) progress() <-chan struct{} {
	if f.moved == nil {
		f.moved = make(chan struct{})
	}
	return f.moved
}

// dataset is what a sight shows of a view, computed once for all queries.
func (f *feed) dataset(view View, s Sight) sparql.Dataset {
	f.datasets.Lock()
	defer f.datasets.Unlock()
	if f.by == nil || f.at != view.Position {
		f.at, f.by = view.Position, map[string]sparql.Dataset{}
	}
	d, known := f.by[s.Key()]
	if !known || d.Snapshot != view.Graph {
		d = dataset(s, view.Graph)
		f.by[s.Key()] = d
	}
	return d
}
