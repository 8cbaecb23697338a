package node_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/rdf"
)

const catalogue base.Ref = "/products/photo/rdf-stores/catalogue"

func rdfStore(ref base.Ref) domain.Command {
	return &domain.DeclareRDFStore{Ref: ref, Spec: domain.RDFStoreSpec{Inference: domain.InferenceNone}}
}

func fact(i int) base.Quad {
	return base.Quad{S: base.IRI(fmt.Sprintf("http://example.org/photo/%d", i)), P: base.IRI("http://example.org/shows"), O: base.String("a cat")}
}

// put makes the evaluation of a fixed change.
func put(removed, added []base.Quad) writer.Evaluate {
	return func(context.Context, dataset.View) ([]base.Quad, []base.Quad, error) { return removed, added, nil }
}

// counter is one quad whose object counts.
var counter = base.Quad{S: base.IRI("http://example.org/counter"), P: base.IRI("http://example.org/value")}

// increment is what DELETE { ?c :value ?n } INSERT { ?c :value ?m } WHERE { … BIND(?n + 1 AS ?m) } does.
func increment(_ context.Context, view dataset.View) (removed, added []base.Quad, err error) {
	next := counter
	next.O = base.Integer(count(view) + 1)
	s, _ := view.Graph.Lookup(counter.S)
	if s != rdf.Any {
		for q := range view.Graph.Quads(rdf.IDQuad{S: s}) {
			removed = append(removed, q)
		}
	}
	return removed, []base.Quad{next}, nil
}

// count is where the counter stands.
func count(view dataset.View) (n int64) {
	s, known := view.Graph.Lookup(counter.S)
	if !known {
		return 0
	}
	for q := range view.Graph.Quads(rdf.IDQuad{S: s}) {
		n, _ = strconv.ParseInt(q.O.Value, 10, 64)
	}
	return n
}

func (w *whole) change(ref base.Ref, evaluate writer.Evaluate) writer.Answer {
	w.t.Helper()
	answer, err := w.Writer().Change(w.t.Context(), ref, *request(), evaluate)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

func (w *whole) dataset(ref base.Ref) dataset.View {
	w.t.Helper()
	view, err := w.Datasets().View(w.t.Context(), ref, w.position())
	if err != nil {
		w.t.Fatal(err)
	}
	if store := w.get(ref).(*domain.RDFStore); *store.Status.Quads != view.Quads || store.Last != view.Last {
		w.t.Errorf("the resource says %d quads at %d, the dataset %d at %d", *store.Status.Quads, store.Last, view.Quads, view.Last)
	}
	return view
}

func code(err error) base.Code {
	var refusal *base.Error
	errors.As(err, &refusal)
	if refusal == nil {
		return ""
	}
	return refusal.Code
}

func TestDatasetIsWhatWasPutThere(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), rdfStore(catalogue))
	if store := w.get(catalogue).(*domain.RDFStore); store.Phase != domain.PhaseReady || *store.Status.Quads != 0 {
		t.Errorf("a new store is %+v", store)
	}
	answer := w.change(catalogue, put(nil, []base.Quad{fact(1), fact(2), fact(1)}))
	if answer.Added != 2 || answer.Events != 1 || answer.View.Quads != 2 || answer.View.Last != answer.Position {
		t.Errorf("the answer is %+v", answer)
	}
	if again := w.change(catalogue, put([]base.Quad{fact(3)}, []base.Quad{fact(1)})); again.Events != 0 || again.Position != answer.Position {
		t.Errorf("a change of nothing moved the log to %d", again.Position)
	}
	w.change(catalogue, put([]base.Quad{fact(1)}, []base.Quad{fact(3)}))
	for range 2 {
		view := w.dataset(catalogue)
		if view.Quads != 2 || view.Has(fact(1)) || !view.Has(fact(2)) || !view.Has(fact(3)) || view.Position != w.position() {
			t.Errorf("it holds %d quads at %d", view.Quads, view.Position)
		}
		w.verified()
		w.close()
		w.open()
	}
	if images, _ := filepath.Glob(filepath.Join(w.dir, "datasets", "*.dataset")); len(images) != 1 {
		t.Errorf("the images are %v", images)
	}
}

func TestDeletedDatasetIsGoneAndComesBackEmpty(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), rdfStore(catalogue))
	w.change(catalogue, put(nil, []base.Quad{fact(1)}))
	w.close() // with an image of what is to be deleted
	w.open()
	refusal := w.refused(base.Conflict, request(&domain.DeleteProduct{Ref: "/products/photo"}))
	if len(refusal.Resources) != 1 || refusal.Resources[0] != catalogue {
		t.Errorf("data would be lost with %v", refusal.Resources)
	}
	r := request(&domain.DeleteProduct{Ref: "/products/photo"})
	r.DeleteData = true
	w.ask(r)
	if _, err := w.Datasets().View(t.Context(), catalogue, w.position()); !errors.Is(err, dataset.ErrNone) {
		t.Errorf("after its deletion: %v", err)
	}
	if _, err := w.Writer().Change(t.Context(), catalogue, *request(), increment); code(err) != base.NotFound {
		t.Errorf("a change of it gave %v", err)
	}
	w.do(product("photo"), rdfStore(catalogue))
	for range 2 {
		if view := w.dataset(catalogue); view.Graph.Len() != 0 || view.Quads != 0 {
			t.Errorf("it came back with %d quads", view.Graph.Len())
		}
		w.verified()
		w.close()
		w.open()
	}
	w.do(&domain.DeleteRDFStore{Ref: catalogue})
	w.close()
	if images, _ := filepath.Glob(filepath.Join(w.dir, "datasets", "*")); len(images) != 0 {
		t.Errorf("of a deleted dataset %v is left", images)
	}
	w.open()
}

func TestConcurrentChangesOfOneDatasetCountExactly(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), rdfStore(catalogue), rdfStore(catalogue+"-2"))
	const writers, rounds = 8, 10
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for range rounds {
				for _, ref := range []base.Ref{catalogue, catalogue + "-2"} {
					if _, err := w.Writer().Change(t.Context(), ref, *request(), increment); err != nil {
						t.Errorf("writer %d: %v", i, err)
					}
				}
			}
		})
	}
	group.Go(func() { // declarations move the basis of changes
		for i := range rounds {
			tag := rdfStore(catalogue).(*domain.DeclareRDFStore)
			tag.Spec.Tags = map[string]string{"round": fmt.Sprint(i)}
			if _, err := w.try(request(tag)); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	for _, ref := range []base.Ref{catalogue, catalogue + "-2"} {
		if view := w.dataset(ref); count(view) != writers*rounds || view.Quads != 1 {
			t.Errorf("%s counted %d in %d quads, want %d", ref, count(view), view.Quads, writers*rounds)
		}
	}
	w.verified()
}

func TestRepeatedChangeIsAnsweredAndNotMade(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), rdfStore(catalogue))
	r := *request()
	r.Key = key("first", "a")
	first, err := w.Writer().Change(t.Context(), catalogue, r, increment)
	if err != nil {
		t.Fatal(err)
	}
	w.change(catalogue, increment)
	evaluated := func(context.Context, dataset.View) ([]base.Quad, []base.Quad, error) {
		t.Error("it was worked out again")
		return nil, nil, nil
	}
	if again, err := w.Writer().Change(t.Context(), catalogue, r, evaluated); err != nil || !again.Replayed || again.Status != first.Status {
		t.Errorf("the repetition gave %+v, %v", again, err)
	}
	r.Key = key("first", "b")
	if _, err := w.Writer().Change(t.Context(), catalogue, r, evaluated); code(err) != base.Invalid {
		t.Errorf("another request under the key gave %v", err)
	}
	if n := count(w.dataset(catalogue)); n != 2 {
		t.Errorf("it counted %d", n)
	}
}

func TestChangeKeepsItsConditions(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), rdfStore(catalogue))
	first := w.change(catalogue, increment)
	r := *request()
	r.If = command.Precondition{Revisions: []base.Position{first.View.Last}}
	if _, err := w.Writer().Change(t.Context(), catalogue, r, increment); err != nil {
		t.Error(err)
	}
	if _, err := w.Writer().Change(t.Context(), catalogue, r, increment); code(err) != base.Stale {
		t.Errorf("a dataset that moved gave %v", err)
	}
	r = *request()
	r.Principal.Role = command.Reader
	if _, err := w.Writer().Change(t.Context(), catalogue, r, increment); code(err) != base.Forbidden {
		t.Errorf("a reader got %v", err)
	}
	wrong := errors.New("no such graph")
	if _, err := w.Writer().Change(t.Context(), catalogue, *request(), func(context.Context, dataset.View) ([]base.Quad, []base.Quad, error) {
		return nil, nil, wrong
	}); !errors.Is(err, wrong) {
		t.Errorf("an evaluation that failed gave %v", err)
	}
	if n := count(w.dataset(catalogue)); n != 2 {
		t.Errorf("it counted %d", n)
	}
}

func TestChangeThatDoesNotFitIsRefusedAndTheDatasetStays(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), rdfStore(catalogue))
	w.change(catalogue, increment)
	before := w.position()
	var noise []base.Quad
	for i := range 64 {
		text := make([]byte, 64<<10)
		rand.Read(text)
		noise = append(noise, base.Quad{S: fact(i).S, P: fact(i).P, O: base.String(base64.StdEncoding.EncodeToString(text))})
	}
	for name, change := range map[string]writer.Evaluate{
		"what comes":                put(nil, append(noise, noise[0])),
		"an IRI that no text knows": put(nil, []base.Quad{{S: base.IRI("not absolute"), P: fact(0).P, O: fact(0).O}}),
	} {
		_, err := w.Writer().Change(t.Context(), catalogue, *request(), change)
		if want := map[bool]base.Code{true: base.TooLarge, false: base.Invalid}[name == "what comes"]; code(err) != want {
			t.Errorf("%s gave %v", name, err)
		}
	}
	// What left and what comes fit by themselves, but not together.
	w.change(catalogue, put(nil, noise[:32]))
	together := noise[32:]
	if _, err := w.Writer().Change(t.Context(), catalogue, *request(), put(noise[:32], together)); code(err) != base.TooLarge || !strings.Contains(err.Error(), "split it") {
		t.Errorf("both together gave %v", err)
	}
	if view := w.dataset(catalogue); view.Quads != 33 || w.position() != before+1 {
		t.Errorf("it holds %d quads", view.Quads)
	}
	w.verified()
}

func TestDatasetsGrowOnlyAsFarAsThereIsMemoryForThem(t *testing.T) {
	w := open(t, t.TempDir())
	small, err := writer.New(writer.Config{Door: w.Door(), Views: w.Views(), Datasets: w.Datasets(), Memory: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	change := func(ref base.Ref, removed, added []base.Quad) error {
		_, err := small.Change(t.Context(), ref, *request(), put(removed, added))
		return err
	}
	others := []base.Ref{"/products/photo/rdf-stores/a", "/products/photo/rdf-stores/b"}
	w.do(product("photo"), rdfStore(catalogue), rdfStore(others[0]), rdfStore(others[1]), rdfStore("/products/photo/rdf-stores/c"))
	long := base.Quad{S: fact(0).S, P: fact(0).P, O: base.String(strings.Repeat("x", 1<<20))}
	another := base.Quad{S: long.S, P: long.P, O: base.String(long.O.Value + "y")}
	for _, c := range []struct {
		ref            base.Ref
		removed, added []base.Quad
		refusal        string
	}{
		{catalogue, nil, []base.Quad{long}, ""},
		{catalogue, nil, []base.Quad{another}, "the dataset would take"},
		{others[0], nil, []base.Quad{long}, ""},
		{others[1], nil, []base.Quad{long}, ""},
		{"/products/photo/rdf-stores/c", nil, []base.Quad{long}, "all datasets of the node together"},
		{catalogue, []base.Quad{long}, nil, ""}, // what shrinks is never refused
		{catalogue, nil, []base.Quad{fact(1)}, ""},
	} {
		err := change(c.ref, c.removed, c.added)
		if c.refusal == "" && err != nil || c.refusal != "" && (code(err) != base.Full || !strings.Contains(err.Error(), c.refusal)) {
			t.Errorf("%s, %d out and %d in: %v, want %q", c.ref, len(c.removed), len(c.added), err, c.refusal)
		}
	}
	w.verified()
}

func TestOnlyWhoMayReadADatasetSeesItsEvents(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), rdfStore(catalogue))
	e := &domain.Event{Subject: catalogue, Payload: &domain.RDFStoreDatasetChanged{}}
	for role, sees := range map[command.Role]bool{command.Reader: true, command.Admin: true, "": false} {
		if w.Door().MaySee(command.Principal{Actor: "/tokens/x", Role: role}, e.Payload.Kind(), e.Subject) != sees {
			t.Errorf("the role %q sees it: %t", role, !sees)
		}
	}
}

func TestDamagedImageIsFoldedFromTheLog(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), rdfStore(catalogue))
	for range 5 {
		w.change(catalogue, increment)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"a flipped bit":  func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"a torn end":     func(b []byte) []byte { return b[:len(b)-3] },
		"a longer end":   func(b []byte) []byte { return append(b, 0) },
		"another header": func(b []byte) []byte { b[12] ^= 1; return b },
		"nothing":        func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w.close()
			images, err := filepath.Glob(filepath.Join(w.dir, "datasets", "*.dataset"))
			if err != nil || len(images) != 1 {
				t.Fatal(images, err)
			}
			image, err := os.ReadFile(images[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(images[0], damage(image), 0o600); err != nil {
				t.Fatal(err)
			}
			w.open()
			if n := count(w.dataset(catalogue)); n < 5 {
				t.Errorf("it counts %d", n)
			}
			w.change(catalogue, increment) // so that the next end writes it again
			w.verified()
		})
	}
}
