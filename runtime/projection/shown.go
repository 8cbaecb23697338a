package projection

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/reasoning"
	"github.com/picloud/picloud/runtime/state"
)

// pause is how long a graph that nobody asks for rests after it followed: what is
// folded meanwhile costs one edit.
const pause = 10 * time.Millisecond

// shown is what readers see: the state, and the graph that follows it. Whoever asks
// for a view brings the graph to where the state stands; a timer does if nobody asks.
type shown struct {
	root   string
	static []base.Quad
	log    *slog.Logger

	states atomic.Pointer[standing]
	views  atomic.Pointer[published]

	followers atomic.Int32 // tails, to whom no change may be lost

	making sync.Mutex // of who brings the graph on; nothing is waited for under it
	store  *rdf.Store
	reason *reasoning.Reasoner
	ahead  bool // the store has changes that no view shows
	room   room

	mu      sync.Mutex // of what follows, and of the step from state to state
	touched touched    // that the store does not know of
	rested  time.Time  // when the graph may follow by itself again
	due     bool       // a timer runs
}

// standing is a state and the news that a later one stands.
type standing struct {
	*state.State
	superseded chan struct{}
}

// published is a view and the news that a later one was made.
type published struct {
	View
	superseded chan struct{}
	next       *published // set before superseded is closed
}

// begin shows the first state with its graph.
func (s *shown) begin(cfg Config, start *state.State) {
	s.root, s.static, s.log = cfg.Root, cfg.Static, cfg.Logger
	s.states.Store(&standing{start, make(chan struct{})})
	s.store = rdf.NewStore()
	s.store.Load(s.all(start))
	s.reason = reasoning.New(reasoning.Config{Profile: reasoning.Platform, Axioms: cfg.Axioms, Skip: s.derived, Limits: limits})
	s.stopped(s.reason.Load(context.Background(), s.store.Snapshot()))
	s.store.Load(s.reason.All())
	s.publish(View{start.Position, start.Time, start, s.store.Snapshot(), nil})
}

// all yields every quad that a state has, and the static ones.
func (s *shown) all(of *state.State) iter.Seq[base.Quad] {
	return func(yield func(base.Quad) bool) {
		for _, q := range s.static {
			if !yield(q) {
				return
			}
		}
		w := writer{base.QuadWriter{Root: s.root}}
		for e := range of.All() {
			w.out.Quads = w.out.Quads[:0]
			w.entry(e)
			for _, q := range w.out.Quads {
				if !yield(q) {
					return
				}
			}
		}
	}
}

// move shows a later state. It takes over what was touched on the way there.
func (s *shown) move(to *state.State, t *touched) {
	s.mu.Lock()
	before := s.states.Swap(&standing{to, make(chan struct{})})
	s.touched.take(t)
	if !s.due {
		s.due = true
		time.AfterFunc(time.Until(s.rested), s.follow)
	}
	s.mu.Unlock()
	close(before.superseded)
}

// follow brings the graph on for tails, and so that what it lacks never gets much. A
// view that nobody sees is not made: the next edit would have to copy what it holds.
func (s *shown) follow() {
	s.mu.Lock()
	s.due = false
	s.mu.Unlock()
	s.making.Lock()
	defer s.making.Unlock()
	now, delta := s.edit()
	if s.followers.Load() > 0 {
		s.show(now, delta)
	} else if delta != nil {
		s.ahead = true
	}
}

// view is the present state with its graph, which is made now unless it is there.
func (s *shown) view() View {
	if last := s.views.Load(); last.State == s.states.Load().State {
		return last.View
	}
	s.making.Lock()
	defer s.making.Unlock()
	return s.show(s.edit())
}

// edit brings the store to the present state; without a delta it was there. The delta
// holds until the next edit.
func (s *shown) edit() (now *state.State, delta *Delta) {
	s.mu.Lock()
	now, changed := s.states.Load().State, s.touched
	s.touched = touched{}
	s.mu.Unlock()
	if len(changed.order) == 0 {
		return now, nil
	}
	s.difference(changed, now)
	remove, add := s.room.remove, s.room.add
	follows, err := s.reason.Apply(context.Background(), remove, add)
	s.stopped(err)
	remove, add = append(remove, follows.Removed...), append(add, follows.Added...)
	s.store.Apply(remove, add)
	if s.room.remove, s.room.add = remove, add; len(changed.order) > keepMax {
		s.room = room{} // a large change leaves no large lists behind
	}
	s.mu.Lock()
	s.rested = time.Now().Add(pause)
	s.mu.Unlock()
	return now, &Delta{remove, add}
}

// show makes the view of what the store was brought to by an edit.
func (s *shown) show(now *state.State, delta *Delta) View {
	last := s.views.Load()
	if last.State == now {
		return last.View
	}
	switch {
	case s.ahead:
		delta = nil // it is not all that changed
	case delta == nil:
		delta = &Delta{}
	default:
		delta = &Delta{slices.Clone(delta.Removed), slices.Clone(delta.Added)}
	}
	s.ahead = false
	made := View{now.Position, now.Time, now, s.store.Snapshot(), delta}
	s.publish(made)
	return made
}

func (s *shown) publish(v View) {
	now := &published{View: v, superseded: make(chan struct{})}
	if old := s.views.Swap(now); old != nil {
		old.next = now
		close(old.superseded)
	}
}

// room is what an edit works in, kept for the next one.
type room struct {
	was, is     writer
	remove, add []base.Quad
}

// keepMax is up to how many resources at once it is kept.
const keepMax = 1 << 10

// difference lists what the graph has too much and lacks after resources changed.
func (s *shown) difference(changed touched, now *state.State) {
	r := &s.room
	r.was.out.Root, r.is.out.Root = s.root, s.root
	r.remove, r.add = r.remove[:0], r.add[:0]
	for _, ref := range changed.order {
		before := changed.before[ref]
		after, _ := now.Entry(ref)
		r.was.out.Quads, r.is.out.Quads = r.was.out.Quads[:0], r.is.out.Quads[:0]
		r.was.resource(before)
		r.is.resource(after)
		r.remove, r.add = difference(r.remove, r.add, r.was.out.Quads, r.is.out.Quads)
		if before.Event != after.Event { // two events have no quad in common
			r.was.out.Quads, r.is.out.Quads = r.was.out.Quads[:0], r.is.out.Quads[:0]
			r.was.event(before)
			r.is.event(after)
			r.remove, r.add = append(r.remove, r.was.out.Quads...), append(r.add, r.is.out.Quads...)
		}
	}
}

// limits keep what somebody declares, such as thousands of roles that inherit from
// each other, from holding up readers for more than a moment.
var limits = reasoning.Limits{Facts: 200_000, Derivations: 500_000}

// derived tells whether nothing is inferred from a graph: from what was, from
// what is inferred, and from the ontology itself.
func (s *shown) derived(graph base.Term) bool {
	return !strings.HasPrefix(graph.Value, s.root+"/") || !strings.HasSuffix(graph.Value, "/graph") && !strings.HasSuffix(graph.Value, "/graph/iam")
}

// stopped tells why what follows in a graph is not shown.
func (s *shown) stopped(err error) {
	if err != nil {
		s.log.Error("a graph of the platform shows only what is generated", "error", err)
	}
}

// touched is what resources were before they changed.
type touched struct {
	before map[base.Ref]state.Entry
	order  []base.Ref // as they were touched: what came first is found first
}

func (t *touched) add(ref base.Ref, before state.Entry) {
	if _, known := t.before[ref]; known {
		return
	}
	if t.before == nil {
		t.before = map[base.Ref]state.Entry{}
	}
	t.before[ref] = before
	t.order = append(t.order, ref)
}

// take adds what was touched after it and leaves nothing there.
func (t *touched) take(later *touched) {
	if len(t.order) == 0 {
		*t, *later = *later, touched{}
		return
	}
	for _, ref := range later.order {
		t.add(ref, later.before[ref])
	}
	clear(later.before)
	later.order = later.order[:0]
}
