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

// How long a graph that nobody asks for rests after it followed: what is folded
// meanwhile costs one edit.
const (
	pause = 10 * time.Millisecond // where tails wait for the changes
	rest  = time.Second           // where nobody does
	// lackMax is how many resources a graph that rests may lack: who asks then waits
	// for some tens of milliseconds.
	lackMax = 1 << 11
)

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
	edited  time.Time  // when the graph followed last
	timer   *time.Timer
	due     time.Time // when the timer fires; zero if it does not run
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
	s.arm()
	s.mu.Unlock()
	close(before.superseded)
}

// arm lets the graph follow by itself in time. The lock is held.
func (s *shown) arm() {
	at := s.edited.Add(rest)
	if s.followers.Load() > 0 || len(s.touched.order) >= lackMax {
		at = s.edited.Add(pause)
	}
	switch {
	case !s.due.IsZero() && !at.Before(s.due):
		return
	case s.timer == nil:
		s.timer = time.AfterFunc(time.Until(at), s.follow)
	default:
		s.timer.Reset(time.Until(at))
	}
	s.due = at
}

// follow brings the graph on for tails, and so that what it lacks never gets much. A
// view that nobody sees is not made: the next edit would have to copy what it holds.
func (s *shown) follow() {
	s.mu.Lock()
	s.due = time.Time{}
	s.mu.Unlock()
	s.making.Lock()
	defer s.making.Unlock()
	if now, delta := s.edit(); s.followers.Load() > 0 {
		s.show(now, delta)
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

// edit brings the store to the present state. It tells what changed by that if tails
// follow; else the store is ahead of what any view tells.
func (s *shown) edit() (now *state.State, delta Delta) {
	s.mu.Lock()
	now, changed := s.states.Load().State, s.touched
	s.touched = touched{}
	s.mu.Unlock()
	followed := s.followers.Load() > 0
	for refs := range slices.Chunk(changed.order, editMax) {
		s.difference(refs, changed.before, now)
		follows, err := s.reason.Apply(context.Background(), s.room.remove, s.room.add)
		s.stopped(err)
		s.room.remove, s.room.add = append(s.room.remove, follows.Removed...), append(s.room.add, follows.Added...)
		s.store.Apply(s.room.remove, s.room.add)
		if followed {
			delta.Removed, delta.Added = append(delta.Removed, s.room.remove...), append(delta.Added, s.room.add...)
		} else {
			s.ahead = true
		}
	}
	if max(cap(s.room.remove), cap(s.room.add)) > roomMax {
		s.room = room{}
	}
	s.mu.Lock()
	s.edited = time.Now()
	s.mu.Unlock()
	return now, delta
}

// show makes the view of what the store was brought to by an edit.
func (s *shown) show(now *state.State, changed Delta) View {
	last := s.views.Load()
	if last.State == now {
		return last.View
	}
	delta := &changed
	if s.ahead {
		delta = nil // it is not all that changed
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

// room is what an edit works in, kept for the next one unless it took more than
// roomMax quads: after a burst they would be 2 MB that nobody needs.
type room struct {
	was, is     writer
	remove, add []base.Quad
}

const roomMax = 1 << 10

// editMax is how many resources are brought into the graph at once: many share the
// way through its indexes, and more than these share nothing more.
const editMax = 1 << 8

// difference lists what the graph has too much and lacks after resources changed.
func (s *shown) difference(refs []base.Ref, before map[base.Ref]state.Entry, now *state.State) {
	r := &s.room
	r.was.out.Root, r.is.out.Root = s.root, s.root
	r.remove, r.add = r.remove[:0], r.add[:0]
	for _, ref := range refs {
		before := before[ref]
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
