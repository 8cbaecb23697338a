package dataset

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// set is one dataset. What stands above the line is guarded by Datasets.mu,
// what stands below belongs to the goroutine that is at work on it.
type set struct {
	ref     base.Ref
	born    base.Position // of its first event; 0 when it came from a checkpoint
	pending []step        // oldest first
	busy    bool          // a goroutine is at work on it
	gone    bool
	current *published    // nil until it is there
	news    chan struct{} // closed when a later view stands, or none
	broken  error         // why no more can be read of it
	saved   base.Position // that the image on the disk is of

	// ────
	store     *rdf.Store
	last      base.Position // of the last event that is in it
	chain     [32]byte
	quads     int64 // asserted
	fault     error // of the last event
	inference string
	reasoner  Reasoner
	follows   error // why nothing is concluded
}

// published is what readers see of a dataset, but for the position at which it
// holds: that moves on while nothing waits.
type published struct {
	View
	chain [32]byte
}

// work takes the steps of a dataset one after the other, until none waits.
func (d *Datasets) work(s *set) {
	for {
		next, more := d.next(s)
		if !more {
			return
		}
		delta, err := d.safely(s, next)
		d.done(s, next, delta, err)
	}
}

// next is the step that waits longest. It stays in line until it is done, so
// that a view never claims a position before its events are in it.
func (d *Datasets) next(s *set) (step, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.gone || d.closed || s.broken != nil || len(s.pending) == 0 {
		s.busy = false
		return step{}, false
	}
	return s.pending[0], true
}

// done publishes what a step led to.
func (d *Datasets) done(s *set, next step, delta *Delta, err error) {
	var graph *rdf.Snapshot
	if err == nil {
		graph = s.store.Snapshot()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.gone {
		return
	}
	d.waiting -= next.size()
	s.pending = s.pending[1:]
	if len(s.pending) == 0 {
		s.pending = nil // lest the array behind it grows for ever
	}
	if err != nil {
		if d.ctx.Err() == nil {
			s.broken = err
			d.cfg.Logger.Error("a dataset cannot be read any further; restart the node", "resource", s.ref, "position", next.position, "error", err)
		}
	} else {
		if delta != nil && s.current != nil && len(delta.Removed)+len(delta.Added) <= DeltaMax {
			delta.Since = s.current.Last
		} else {
			delta = nil
		}
		s.current = &published{View{Ref: s.ref, Last: s.last, Quads: s.quads, Graph: graph, Delta: delta, Fault: s.fault, Unconcluded: s.follows}, s.chain}
	}
	close(s.news)
	s.news = make(chan struct{})
}

// safely keeps a fault of this program about one dataset from ending the node.
func (d *Datasets) safely(s *set, next step) (delta *Delta, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			d.cfg.Logger.Error("the fold of a dataset panicked", "resource", s.ref, "position", next.position, "panic", fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("the fold of %s panicked at position %d: %v", s.ref, next.position, fault)
		}
	}()
	return d.take(s, next)
}

// take brings a step into a dataset. An error means that the node cannot read
// its own files; what the step says is never one.
func (d *Datasets) take(s *set, next step) (*Delta, error) {
	if next.kind == opened {
		return nil, d.open(s, next)
	}
	if next.position <= s.last { // the image was ahead, but it does not say what to conclude
		delta := &Delta{}
		if next.kind == configured {
			d.configure(s, next.inference, delta)
		}
		return delta, d.ctx.Err()
	}
	if next.spilled {
		var err error
		if next, err = d.recall(s, next); err != nil {
			return nil, err
		}
	}
	delta := &Delta{}
	switch next.kind {
	case changed:
		s.fault = d.change(s, next, delta)
		if s.fault != nil {
			d.cfg.Logger.Error("a change of a dataset is set aside", "error", s.fault)
		}
	case configured:
		s.fault = nil
		d.configure(s, next.inference, delta)
	}
	s.last, s.chain = next.position, next.chain
	return delta, d.ctx.Err()
}

// change applies what an event says. An error says why nothing of it was, or
// what of it did not fit.
func (d *Datasets) change(s *set, next step, delta *Delta) error {
	removed, added, went, came, err := d.apply(s, next)
	if err != nil {
		return fmt.Errorf("event %d of %s: %w", next.position, s.ref, err)
	}
	s.quads += int64(came - went)
	delta.Removed, delta.Added = removed, added
	d.conclude(s, removed, added, delta)
	if went != len(removed) || came != len(added) || s.quads != next.quads {
		return fmt.Errorf("event %d of %s: it was worked out on another dataset: %d of %d quads left, %d of %d came, and there are %d instead of %d",
			next.position, s.ref, went, len(removed), came, len(added), s.quads, next.quads)
	}
	return nil
}

const (
	// large is how many bytes make a packed change large: few of them are
	// unpacked at the same time, because one may need some 200 MiB for a moment.
	large = 64 << 10
	// many is how many quads are brought in by sorting rather than one by one.
	many = 1000
)

// apply unpacks a change and brings it into the graph.
func (d *Datasets) apply(s *set, next step) (removed, added []base.Quad, went, came int, err error) {
	if next.size() > large {
		select {
		case d.unpacking <- struct{}{}:
			defer func() { <-d.unpacking }()
		case <-d.ctx.Done():
			return nil, nil, 0, 0, d.ctx.Err()
		}
	}
	if removed, err = d.codec.Unpack(next.removed); err != nil {
		return nil, nil, 0, 0, fmt.Errorf("what it removes: %w", err)
	}
	if added, err = d.codec.Unpack(next.added); err != nil {
		return nil, nil, 0, 0, fmt.Errorf("what it adds: %w", err)
	}
	for _, quads := range [][]base.Quad{removed, added} {
		for _, q := range quads {
			if d.Concluded(q.G) {
				return nil, nil, 0, 0, fmt.Errorf("it changes the graph %s, which holds conclusions", q.G.Value)
			}
		}
	}
	if len(added) < many {
		went, came = s.store.Apply(removed, added)
		return removed, added, went, came, nil
	}
	went, _ = s.store.Apply(removed, nil)
	return removed, added, went, s.store.LoadQuads(added), nil
}

// configure draws the conclusions that the resource asks for now.
func (d *Datasets) configure(s *set, inference string, delta *Delta) {
	if inference == s.inference {
		return
	}
	s.inference = inference
	d.reason(s, delta)
}

// reason begins to conclude anew, from everything that is asserted. A nil delta
// is not told.
func (d *Datasets) reason(s *set, delta *Delta) {
	d.unconclude(s, delta)
	s.reasoner, s.follows = nil, nil
	if d.cfg.Reason == nil {
		return
	}
	if s.reasoner, s.follows = d.cfg.Reason(s.ref, s.inference); s.reasoner == nil {
		return
	}
	if !d.enter() {
		return
	}
	defer d.leave()
	come, err := s.reasoner.Load(d.ctx, s.store.Snapshot())
	d.follow(s, err)
	s.store.Load(come)
	if delta != nil {
		delta.Added = slices.AppendSeq(delta.Added, come)
	}
}

// enter waits for the room to reason. It reports false when Close came first;
// then nothing of the step is published.
func (d *Datasets) enter() bool {
	select {
	case d.reasoning <- struct{}{}:
		return true
	case <-d.ctx.Done():
		return false
	}
}

func (d *Datasets) leave() { <-d.reasoning }

// follow notes why nothing is concluded at present, if so.
func (d *Datasets) follow(s *set, err error) {
	if err != nil && s.follows == nil && d.ctx.Err() == nil {
		d.cfg.Logger.Warn("nothing is concluded from a dataset", "resource", s.ref, "error", err)
	}
	s.follows = err
}

// conclude brings what follows from a change into the graph.
func (d *Datasets) conclude(s *set, removed, added []base.Quad, delta *Delta) {
	if s.reasoner == nil || !d.enter() {
		return
	}
	defer d.leave()
	gone, come, err := s.reasoner.Apply(d.ctx, removed, added)
	d.follow(s, err)
	s.store.Apply(gone, come)
	delta.Removed, delta.Added = append(delta.Removed, gone...), append(delta.Added, come...)
}

// unconclude takes every conclusion out of the graph.
func (d *Datasets) unconclude(s *set, delta *Delta) {
	if d.cfg.Concluded == nil {
		return
	}
	var gone []base.Quad
	snapshot := s.store.Snapshot()
	for graph := range snapshot.Graphs() {
		if d.Concluded(snapshot.Term(graph)) {
			for q := range snapshot.Quads(rdf.IDQuad{G: graph}) {
				gone = append(gone, q)
			}
		}
	}
	s.store.Apply(gone, nil)
	if delta != nil {
		delta.Removed = append(delta.Removed, gone...)
	}
}
