package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
)

// Event is what a subscriber is told: all rows, or what left and what came.
type Event struct {
	Position base.Position // of the view that it leads to
	ID       string        // to resume behind it
	// Whole says that Rows are all there are; else Removed and Added change those
	// that were there.
	Whole bool
	// Reset says that the subscriber resumed or fell behind, and that what it has
	// cannot be continued: Rows stand in the place of it.
	Reset          bool
	Rows           []string
	Removed, Added []string
}

// Subscription is used by one goroutine, which calls Close in the end.
type Subscription struct {
	hub   *Hub
	group *group
	first *Event // not yet told
	next  int    // number of the span to tell
	once  sync.Once
	// caller whose subscription it is; of equal queries each has its own.
	caller base.Ref
	// Form and Vars are those of the query.
	Form sparql.Form
	Vars []string
}

// Subscribe begins a live query and waits for its rows. Its error is that of the
// query (*sparql.Error), a *base.Error when a bound is reached, or the cause of
// ctx.
func (h *Hub) Subscribe(ctx context.Context, r Request) (*Subscription, error) {
	k := r.key()
	h.mu.Lock()
	g := h.groups[k]
	h.mu.Unlock()
	var query *sparql.Query
	var footprint sparql.Footprint
	if g == nil {
		var err error
		if query, footprint, err = r.parse(); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.admit(r.Caller); err != nil {
		return nil, err
	}
	if present := h.groups[k]; present != nil && present.err == nil {
		g = present
	} else {
		if query == nil { // it ended in between
			var err error
			if query, footprint, err = r.parse(); err != nil {
				return nil, err
			}
		}
		g = &group{key: k, tag: k.tag(), query: query, footprint: footprint, sight: r.Sight, caller: r.Caller, endpoint: r.Endpoint, born: time.Now(), dirty: true, news: make(chan struct{})}
		h.groups[k] = g
		g.bytes = g.cost()
		h.bytes += g.bytes
		h.makeRoom(g)
	}
	if err := h.wake(g, r.Source); err != nil {
		return nil, err
	}
	s := &Subscription{hub: h, group: g, caller: r.Caller, Form: g.query.Form()}
	g.users++
	h.total++
	h.callers[r.Caller]++
	if err := s.begin(ctx, &r); err != nil {
		s.leave()
		return nil, err
	}
	s.Vars = g.vars
	return s, nil
}

// admit refuses what is over a bound. The hub is locked.
func (h *Hub) admit(caller base.Ref) error {
	switch {
	case h.closed:
		return ErrClosed
	case h.callers[caller] >= h.cfg.PerCaller:
		return &base.Error{Code: base.Exhausted, RetryAfter: 5, Detail: fmt.Sprintf("you have %d live queries, which is as many as one caller may have; end one first", h.callers[caller])}
	case h.total >= h.cfg.Subscriptions:
		return &base.Error{Code: base.Unavailable, RetryAfter: 5, Detail: fmt.Sprintf("there are %d live queries already; try again later", h.total)}
	}
	return nil
}

// wake has a query follow its source. The hub is locked.
func (h *Hub) wake(g *group, source Source) error {
	if g.feed != nil {
		return nil
	}
	f, err := h.feedOf(source)
	if err != nil {
		if len(g.history) == 0 {
			h.forget(g)
		}
		return err
	}
	h.sleeps(g, false)
	g.feed = f
	f.groups[g] = struct{}{}
	f.index.add(g)
	g.dirty = true // nobody watched
	h.enqueue(g)
	return nil
}

// begin waits for rows of the present and finds out how to begin with them. The
// hub is locked, and unlocked while it waits.
func (s *Subscription) begin(ctx context.Context, r *Request) error {
	g := s.group
	least := max(r.AtLeast, g.feed.view.Position)
	for {
		if g.err != nil {
			return g.err
		}
		var progress <-chan struct{}
		switch {
		case g.feed.view.Position < least:
			progress = g.feed.progress()
		case g.settled(), len(g.history) > 0 && g.last().from >= least:
			s.start(r.After)
			return nil
		}
		news := g.news
		s.hub.mu.Unlock()
		select {
		case <-news:
		case <-progress:
		case <-ctx.Done():
			s.hub.mu.Lock()
			return context.Cause(ctx)
		}
		s.hub.mu.Lock()
	}
}

// start chooses the first event: what came after an event that was seen, or all
// rows. The hub is locked.
func (s *Subscription) start(after string) {
	g := s.group
	at := g.last().from
	if g.settled() {
		at = g.feed.view.Position
	}
	if seen, ok := resumes(after, g.tag); ok {
		if span, known := g.find(seen, at); known {
			s.next = span + 1
			return
		}
	}
	s.first = g.whole(at, after != "")
	s.next = g.endOfHistory()
}

// whole is the event of all rows. The hub is locked.
func (g *group) whole(at base.Position, reset bool) *Event {
	g.last().shown = true
	return &Event{Position: at, ID: id(at, g.tag), Whole: true, Reset: reset, Rows: g.rows}
}

// Next waits for the next event. Its error is what the live query ended with, or
// the cause of ctx.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		event, news, err := s.ready()
		if err != nil {
			return Event{}, err
		}
		if event != nil {
			return *event, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Event{}, context.Cause(ctx)
		}
	}
}

// ready is the next event if there is one, else the channel to wait for.
func (s *Subscription) ready() (*Event, <-chan struct{}, error) {
	h, g := s.hub, s.group
	h.mu.Lock()
	defer h.mu.Unlock()
	if g.err != nil {
		return nil, nil, g.err
	}
	if event := s.first; event != nil {
		s.first = nil
		return event, nil, nil
	}
	if s.next < g.first { // it was read too slowly
		s.next = g.endOfHistory()
		return g.whole(g.last().from, true), nil, nil
	}
	for ; s.next < g.endOfHistory(); s.next++ {
		span := g.history[s.next-g.first]
		if len(span.removed)+len(span.added) > 0 {
			s.next++
			return &Event{Position: span.from, ID: id(span.from, g.tag), Removed: span.removed, Added: span.added}, nil, nil
		}
	}
	return nil, g.news, nil
}

// Close ends the subscription. It may be called again.
func (s *Subscription) Close() {
	s.once.Do(func() {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		s.leave()
	})
}

// leave puts the query to sleep behind its last subscriber. The hub is locked.
func (s *Subscription) leave() {
	h, g := s.hub, s.group
	g.users--
	h.total--
	if h.callers[s.caller]--; h.callers[s.caller] == 0 {
		delete(h.callers, s.caller)
	}
	if g.users > 0 {
		return
	}
	if f := g.feed; f != nil {
		g.mark(f.view.Position)
		f.index.remove(g)
		delete(f.groups, g)
		g.feed = nil
		if len(f.groups) == 0 {
			f.close()
		}
	}
	if g.err != nil || len(g.history) == 0 {
		h.forget(g)
		return
	}
	h.sleeps(g, true)
	if h.asleep > h.cfg.Asleep {
		h.forgetOldest()
	}
	h.sweepIn(h.cfg.Keep)
}
