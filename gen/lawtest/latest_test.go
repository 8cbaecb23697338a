package lawtest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
)

// latestTypes are the types of a kind's events that newer ones supersede.
func latestTypes(class *base.Class) []domain.EventType {
	return slices.DeleteFunc(slices.Clone(domain.EventTypes(domain.Kind(class.Word))), domain.PermanentEvent)
}

func superseding(class *base.Class) bool { return len(latestTypes(class)) > 0 }

// foldAll folds what can be folded, as the platform does: it passes over the rest.
func foldAll(r domain.Resource, events []*domain.Event) domain.Resource {
	for _, e := range events {
		if after, err := domain.Evolve(r, e); err == nil {
			r = after
		}
	}
	return r
}

func graphOf(r domain.Resource) []base.Quad {
	if r == nil {
		return nil
	}
	w := base.QuadWriter{Root: root}
	quads.Append(&w, r)
	return w.Quads
}

// The overwrite law: an event of a latest type says all that it is about, so what
// an older one of the same type and subject said leaves no trace.
func TestSupersededEventLeavesNoTrace(t *testing.T) {
	eachKind(t, superseding, func(t *rapid.T, class *base.Class) {
		at, start := live(t, class)
		latest, all := latestTypes(class), domain.EventTypes(domain.Kind(class.Word))
		var events []*domain.Event
		for i := range rapid.IntRange(2, 8).Draw(t, "events") {
			from := latest
			if rapid.IntRange(0, 2).Draw(t, "other") == 0 {
				from = all
			}
			kind := rapid.SampledFrom(from).Draw(t, "type")
			events = append(events, &domain.Event{
				Position: base.Position(500 + i), Subject: at.Ref, Time: base.Time(500 + i), Actor: "/nodes/pi-1", Payload: payloadOf(t, class, kind),
			})
		}
		var left []*domain.Event
		for i, e := range events {
			superseded := !domain.PermanentEvent(e.Payload.Type()) && slices.ContainsFunc(events[i+1:], func(later *domain.Event) bool {
				return later.Payload.Type() == e.Payload.Type()
			})
			if !superseded || rapid.Bool().Draw(t, "kept") {
				left = append(left, e)
			}
		}
		whole, compacted := foldAll(start, events), foldAll(start, left)
		if diff := cmp.Diff(whole, compacted); diff != "" {
			t.Fatalf("%d of %d events fold to another state (-whole +compacted):\n%s", len(left), len(events), diff)
		}
		if diff := cmp.Diff(graphOf(whole), graphOf(compacted)); diff != "" {
			t.Fatal(diff)
		}
		if whole != nil && !bytes.Equal(stored(whole), stored(compacted)) {
			t.Fatal("checkpoints differ")
		}
	})
}
