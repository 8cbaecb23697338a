package state

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// PhaseUnfoldable is the phase of a resource that was set aside because an
// event about it could not be folded.
const PhaseUnfoldable domain.Phase = "unfoldable"

// Builder moves a state forward. It belongs to one goroutine.
type Builder struct {
	state *State
}

// Change is what one event did to its subject. Before and After are nil where
// there was or is none; their Resource and Event are set together.
type Change struct {
	Before, After Entry
	// Fault says why the event could not be folded, or nil.
	Fault error
}

// Build begins a builder on a state, which stays as it is.
func (s *State) Build() *Builder { return &Builder{s.copy()} }

// State is the state so far; it stays as it is while the builder goes on.
func (b *Builder) State() *State { return b.state.copy() }

// Peek is the state so far, without a copy: it is valid until the next Fold,
// Receive or Move.
func (b *Builder) Peek() *State { return b.state }

// Fold takes in one event. It never fails: see Change.Fault.
func (b *Builder) Fold(e *domain.Event) Change {
	s := b.state
	before, existed := s.entries.Get(e.Subject)
	after, fault := domain.Evolve(before.Resource, e)
	if fault != nil {
		after = setAside(before.Resource, e, fault)
	}
	change := Change{Before: before, Fault: fault}
	s.Position, s.Time = e.Position, e.Time
	switch {
	case after != nil:
		change.After = Entry{Resource: after, Event: envelope(e)}
		s.entries.Set(e.Subject, change.After)
	case existed:
		s.entries.Delete(e.Subject)
	}
	s.relink(e.Subject, before.Resource, after)
	s.touch(e.Subject, e.Position, after == nil)
	return change
}

// Receive keeps the receipt of the batch just folded.
func (b *Builder) Receive(r Receipt) { b.state.receipts.add(r) }

// Move says where in the log the builder stands after a batch.
func (b *Builder) Move(h Head) {
	b.state.Head = h
	b.state.receipts.expire(h.Time)
}

// relink brings the index of references up to date for one resource.
func (s *State) relink(ref base.Ref, before, after domain.Resource) {
	var old, now []base.Reference
	if before != nil {
		old = before.References()
	}
	if after != nil {
		now = after.References()
	}
	for _, r := range old {
		if !names(now, r.Target) {
			s.referrers.Delete(edge(r.Target, ref))
		}
	}
	for _, r := range now {
		if !names(old, r.Target) {
			s.referrers.Set(edge(r.Target, ref), struct{}{})
		}
	}
}

func names(references []base.Reference, target base.Ref) bool {
	for _, r := range references {
		if r.Target == target {
			return true
		}
	}
	return false
}

func edge(target, source base.Ref) string { return string(target) + "\x00" + string(source) }

// touch moves the collection that a resource is in. With a resource that ends,
// the collections below it end.
func (s *State) touch(ref base.Ref, at base.Position, ended bool) {
	s.collections.Set(base.Ref(ref.Parent()), at)
	if !ended {
		return
	}
	var gone []base.Ref
	prefix := string(ref) + "/"
	s.collections.Ascend(base.Ref(prefix), func(collection base.Ref, _ base.Position) bool {
		if !strings.HasPrefix(string(collection), prefix) {
			return false
		}
		gone = append(gone, collection)
		return true
	})
	for _, collection := range gone {
		s.collections.Delete(collection)
	}
}

// setAside is the resource as it was, in the phase unfoldable; nil when there
// is none to show. The copy goes through the stored form, the one thing that
// all kinds have.
func setAside(before domain.Resource, e *domain.Event, fault error) domain.Resource {
	if before == nil {
		return nil
	}
	encoder := base.Encoder{Stored: true}
	codec.AppendResource(&encoder, before)
	copied, err := decodeResource(encoder.Buffer)
	if err != nil {
		return before // what was written cannot be read: keep what there is
	}
	head := copied.Common()
	head.Phase, head.Reason = PhaseUnfoldable, fault.Error()
	head.Last, head.UpdatedAt = e.Position, e.Time
	return copied
}

// envelope is an event without what its kind decides.
func envelope(e *domain.Event) *domain.Event {
	bare := *e
	bare.Payload = origin{e.Payload.Kind(), e.Payload.Type()}
	return &bare
}

// origin stands for a payload of which only kind and type are kept.
type origin struct {
	kind domain.Kind
	typ  domain.EventType
}

func (o origin) Kind() domain.Kind      { return o.kind }
func (o origin) Type() domain.EventType { return o.typ }
