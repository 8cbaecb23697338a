package lawtest

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/generated/schema"
)

func stored(r domain.Resource) []byte {
	e := &base.Encoder{Stored: true}
	codec.AppendResource(e, r)
	return e.Buffer
}

func shown(r domain.Resource) []byte {
	e := &base.Encoder{Root: root}
	codec.AppendResource(e, r)
	return e.Buffer
}

func read(t *rapid.T, data []byte) *base.Value {
	v, err := base.ReadJSON(data, base.Limits{})
	if err != nil {
		t.Fatalf("%s\n%v", data, err)
	}
	return v
}

func restored(t *rapid.T, data []byte) domain.Resource {
	d := &base.Decoder{Stored: true}
	r := codec.DecodeResource(d, read(t, data))
	if len(d.Violations) > 0 {
		t.Fatalf("%s\n%v", data, d.Violations)
	}
	return r
}

func TestCheckpointReadsBackExactly(t *testing.T) {
	eachKind(t, anyKind, func(t *rapid.T, class *base.Class) {
		_, r := live(t, class)
		data := stored(r)
		again := restored(t, data)
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("%s\n%s", data, cmp.Diff(r, again))
		}
		if !bytes.Equal(data, stored(again)) {
			t.Fatalf("equal states are not equal bytes:\n%s\n%s", data, stored(again))
		}
	})
}

func TestEventReadsBackExactly(t *testing.T) {
	eachKind(t, anyKind, func(t *rapid.T, class *base.Class) {
		for _, kind := range domain.EventTypes(domain.Kind(class.Word)) {
			e := &domain.Event{
				Position: 9, Subject: address(t, class).Ref, Time: 1700000000123, Actor: "/identities/alice",
				Correlation: "c", Causation: "8", Deployment: "photo-app", Trace: "00-1-2-01", Payload: payloadOf(t, class, kind),
			}
			enc := &base.Encoder{}
			codec.AppendStoredEvent(enc, e)
			again, err := codec.DecodeStoredEvent(read(t, enc.Buffer))
			if err != nil {
				t.Fatalf("%s\n%v", enc.Buffer, err)
			}
			if !reflect.DeepEqual(e, again) {
				t.Fatalf("%s\n%s", enc.Buffer, cmp.Diff(e, again))
			}
		}
	})
}

func TestWhatDecideGivesEvolveAccepts(t *testing.T) {
	eachKind(t, declarable, func(t *rapid.T, class *base.Class) {
		at := address(t, class)
		position := base.Position(1)
		r, events, err := decide(t, nil, declaration(t, at, fields(t, class, declared)), &position)
		if err != nil || len(events) != 1 || r == nil {
			t.Fatalf("a new declaration gave %d events, %v", len(events), err)
		}
		for range 3 {
			var refusal *base.Error
			r, events, err = decide(t, r, declaration(t, at, fields(t, class, declared)), &position)
			if err != nil && (!errors.As(err, &refusal) || refusal.Code != base.Conflict || refusal.Rule == "") {
				t.Fatalf("a change was refused by %v", err)
			}
			if err == nil && len(events) > 0 && r.Common().Revision != position {
				t.Fatalf("revision %d after a change at %d", r.Common().Revision, position)
			}
		}
		if deletion := r.Deletion(); deletion != nil {
			if r, _, err = decide(t, r, deletion, &position); err != nil {
				t.Fatal(err)
			}
			if r != nil && r.Common().Phase != domain.PhaseDeleting {
				t.Fatalf("still %s after its deletion", r.Common().Phase)
			}
		}
	})
}

func TestDeclaringTheSameAgainGivesNoEvent(t *testing.T) {
	eachKind(t, declarable, func(t *rapid.T, class *base.Class) {
		at, v, position := address(t, class), fields(t, class, declared), base.Position(1)
		r, _, _ := decide(t, nil, declaration(t, at, v), &position)
		if _, events, err := decide(t, r, declaration(t, at, v), &position); err != nil || len(events) > 0 {
			t.Fatalf("%d events, %v, for %s", len(events), err, base.AppendValue(nil, v))
		}
	})
}

// unchanged demands that a declaration of what is there gives no event; while
// it is being deleted, that it is refused.
func unchanged(t *rapid.T, r domain.Resource, c domain.Command, body []byte) {
	position := base.Position(1000)
	_, events, err := decide(t, r, c, &position)
	if (err != nil) != (r.Common().Phase == domain.PhaseDeleting) || len(events) > 0 {
		t.Fatalf("%d events, %v, for %s\nread as %s", len(events), err, shown(r), body)
	}
}

func TestBodyThatWasReadChangesNothing(t *testing.T) {
	eachKind(t, declarable, func(t *rapid.T, class *base.Class) {
		at, r := live(t, class)
		body := shown(r)
		unchanged(t, r, declaration(t, at, read(t, body)), body)
	})
}

func TestQuadsThatWereReadChangeNothing(t *testing.T) {
	eachKind(t, declarable, func(t *rapid.T, class *base.Class) {
		at, r := live(t, class)
		w := &base.QuadWriter{Root: root}
		quads.Append(w, r)
		var placed []base.Placed
		for _, q := range w.Quads {
			placed = append(placed, base.Placed{Quad: q})
		}
		v, violations := base.ReadGraph(schema.Model, class, root, base.IRI(at.Ref.Absolute(root)), placed)
		if len(violations) > 0 {
			t.Fatalf("%v\n%s", violations, shown(r))
		}
		unchanged(t, r, declaration(t, at, v), base.AppendValue(nil, v))
	})
}

func TestQuadsAreOfTheResourceAlone(t *testing.T) {
	eachKind(t, anyKind, func(t *rapid.T, class *base.Class) {
		at, r := live(t, class)
		w := &base.QuadWriter{Root: root, Graph: base.IRI(root + "/graph")}
		quads.Append(w, r)
		quads.AppendInferred(w, r)
		seen := map[base.Quad]bool{}
		for _, q := range w.Quads {
			iri := at.Ref.Absolute(root)
			if q.S.Value != iri && (len(q.S.Value) <= len(iri) || q.S.Value[:len(iri)+1] != iri+"#") {
				t.Fatalf("%v is not about %s", q, at.Ref)
			}
			if seen[q] {
				t.Fatalf("%v comes twice", q)
			}
			seen[q] = true
		}
	})
}

func TestFoldGoesOnFromACheckpoint(t *testing.T) {
	eachKind(t, anyKind, func(t *rapid.T, class *base.Class) {
		at, r := live(t, class)
		saved := restored(t, stored(r))
		for i, kind := range domain.EventTypes(domain.Kind(class.Word)) {
			e := &domain.Event{Position: base.Position(500 + i), Subject: at.Ref, Time: base.Time(500 + i), Actor: "/nodes/pi-1", Payload: payloadOf(t, class, kind)}
			one, err1 := domain.Evolve(r, e)
			two, err2 := domain.Evolve(saved, e)
			if (err1 == nil) != (err2 == nil) || !reflect.DeepEqual(one, two) {
				t.Fatalf("%v and %v\n%s", err1, err2, cmp.Diff(one, two))
			}
		}
	})
}

func TestEvolveLeavesTheStateBefore(t *testing.T) {
	eachKind(t, anyKind, func(t *rapid.T, class *base.Class) {
		at, r := live(t, class)
		before := stored(r)
		for i, kind := range domain.EventTypes(domain.Kind(class.Word)) {
			_, _ = domain.Evolve(r, &domain.Event{Position: base.Position(500 + i), Subject: at.Ref, Time: 5, Payload: payloadOf(t, class, kind)})
		}
		if !bytes.Equal(before, stored(r)) {
			t.Fatalf("a published state changed:\n%s\n%s", before, stored(r))
		}
	})
}

func TestOrderOfMembersDoesNotMatter(t *testing.T) {
	eachKind(t, declarable, func(t *rapid.T, class *base.Class) {
		at, v, position := address(t, class), fields(t, class, declared), base.Position(1)
		shuffled := object(rapid.Permutation(v.Members).Draw(t, "order")...)
		one, _, _ := decide(t, nil, declaration(t, at, v), &position)
		position = 1
		two, _, _ := decide(t, nil, declaration(t, at, shuffled), &position)
		if !bytes.Equal(stored(one), stored(two)) {
			t.Fatalf("%s\n%s", stored(one), stored(two))
		}
	})
}

func TestReferencesNameRulesAndPlaces(t *testing.T) {
	eachKind(t, declarable, func(t *rapid.T, class *base.Class) {
		_, r := live(t, class)
		v := read(t, shown(r))
		for _, ref := range r.References() {
			if ref.Rule == "" || ref.Target == "" || schema.Model.Class(ref.Class) == nil {
				t.Fatalf("%+v", ref)
			}
			if place := v.Locate(ref.Pointer); place == v {
				t.Fatalf("%s leads nowhere in %s", ref.Pointer, shown(r))
			}
		}
	})
}
