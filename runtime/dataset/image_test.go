package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/rdf"
)

// files are what a node has written at one moment: the checkpoint of the state,
// and the images.
type files struct {
	checkpoint []byte
	images     map[string][]byte
}

func (h *history) files() files {
	h.t.Helper()
	f := files{images: map[string][]byte{}}
	var err error
	if f.checkpoint, err = os.ReadFile(filepath.Join(h.dir, "state.checkpoint")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(h.dir, "datasets", "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, name := range names {
		if f.images[name], err = os.ReadFile(name); err != nil {
			h.t.Fatal(err)
		}
	}
	return f
}

// lay puts the checkpoint of one moment beside the images of another.
func (h *history) lay(checkpoint []byte, images map[string][]byte) {
	h.t.Helper()
	path := filepath.Join(h.dir, "state.checkpoint")
	err := errors.Join(os.RemoveAll(path), os.RemoveAll(filepath.Join(h.dir, "datasets")), os.MkdirAll(filepath.Join(h.dir, "datasets"), 0o700))
	if checkpoint != nil {
		err = errors.Join(err, os.WriteFile(path, checkpoint, 0o600))
	}
	for name, image := range images {
		err = errors.Join(err, os.WriteFile(name, image, 0o600))
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// A crash may leave any image beside any checkpoint: ahead of it, behind it, of
// a dataset that ended, of one that began anew under the same name.
func TestAnyImageBesideAnyCheckpointGivesTheSameDatasets(t *testing.T) {
	h := begin(t, dataset.Config{})
	var moments []files
	steps := []func(){
		func() { h.declare(shop) },
		func() { h.declare(store, another) },
		func() { h.batch(h.change(store, nil, quads(0, 10))) },
		func() { h.batch(h.change(store, quads(0, 5), quads(20, 22)), h.change(another, nil, quads(0, 3))) },
		func() {
			h.batch(event(store, &domain.RDFStoreChanged{Spec: domain.RDFStoreSpec{Inference: domain.InferenceNone, Tags: map[string]string{"a": "b"}}}))
		},
		func() { h.batch(event(store, &domain.RDFStoreDeleted{})) },
		func() { h.declare(store) },
		func() { h.batch(h.change(store, nil, quads(100, 107))) },
		func() { h.batch(event(another, &domain.RDFStoreDeleted{}), h.change(store, quads(100, 101), nil)) },
	}
	for _, step := range steps {
		step()
		for _, ref := range h.Refs() {
			h.at(ref)
		}
		if err := h.views.SaveCheckpoint(); err != nil {
			t.Fatal(err)
		}
		moments = append(moments, h.files())
	}
	want, err := h.Standing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want[store].Quads != 6 || len(want) != 1 {
		t.Fatalf("at the end there are %v", want)
	}
	moments = append(moments, files{})
	for i, state := range moments {
		for j, images := range moments {
			h.Close()
			h.lay(state.checkpoint, images.images)
			h.start()
			got, err := h.Standing(t.Context())
			if err != nil || got.Sum() != want.Sum() || got[store].Quads != 6 || got[store].Fault != nil {
				t.Errorf("with the checkpoint of step %d and the images of step %d there are %v, %v", i, j, got, err)
			}
		}
	}
	h.verify()
	if said := h.said.String(); strings.Contains(said, "level=ERROR") || strings.Contains(said, "checksum") {
		t.Errorf("it said %s", said)
	}
}

func TestImageOfAnotherHistoryIsNotUsed(t *testing.T) {
	h, other := begin(t, dataset.Config{}), begin(t, dataset.Config{})
	for i, one := range []*history{h, other} {
		one.declare(shop, store)
		one.batch(one.change(store, nil, quads(i, i+5)))
		one.at(store)
		if err := one.views.SaveCheckpoint(); err != nil {
			t.Fatal(err)
		}
	}
	wrong := map[string][]byte{}
	for name, image := range other.files().images {
		wrong[filepath.Join(h.dir, "datasets", filepath.Base(name))] = image
	}
	checkpoint := h.files().checkpoint
	h.Close()
	h.lay(checkpoint, wrong)
	h.start()
	if view := h.at(store); view.Quads != 5 || !view.Has(quad(0)) || !strings.Contains(h.said.String(), "another history") {
		t.Errorf("it holds %d quads; it said %s", view.Quads, h.said)
	}
}

func TestOnlyWhatMovedIsWrittenAgain(t *testing.T) {
	h := begin(t, dataset.Config{})
	h.declare(shop, store, another)
	h.batch(h.change(store, nil, quads(0, 5)), h.change(another, nil, quads(0, 5)))
	save := func() files {
		h.at(store)
		h.at(another)
		if err := h.views.SaveCheckpoint(); err != nil {
			t.Fatal(err)
		}
		return h.files()
	}
	before := save()
	for name := range before.images { // whoever writes it makes it anew
		if err := os.WriteFile(name, []byte("untouched"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.batch(h.change(store, quads(0, 5), nil))
	untouched := 0
	for _, image := range save().images {
		if string(image) == "untouched" {
			untouched++
		}
	}
	if untouched != 1 {
		t.Errorf("%d of 2 images were left alone", untouched)
	}
}

func TestWhatACrashLeftBesideImagesIsSweptAway(t *testing.T) {
	h := begin(t, dataset.Config{})
	h.declare(shop, store)
	h.at(store)
	torn := filepath.Join(h.dir, "datasets", fmt.Sprintf("%032d.dataset.new", 7))
	foreign := filepath.Join(h.dir, "datasets", "README")
	h.lay(nil, map[string][]byte{torn: []byte("half an ima"), foreign: []byte("not ours")})
	if err := h.views.SaveCheckpoint(); err != nil {
		t.Fatal(err)
	}
	left := h.files().images
	if left[torn] != nil || left[foreign] == nil || len(left) != 2 {
		t.Errorf("%d files are left", len(left))
	}
}

// A dataset that moves on while its image is written loses nothing.
func TestImageIsWrittenWhileTheDatasetMoves(t *testing.T) {
	h := begin(t, dataset.Config{})
	h.declare(shop, store)
	done := make(chan error)
	go func() {
		var errs []error
		for range 20 {
			errs = append(errs, h.Checkpoint()())
		}
		done <- errors.Join(errs...)
	}()
	for i := range 200 {
		h.batch(event(store, &domain.RDFStoreDatasetChanged{Added: h.pack(quads(i, i+1)), Quads: int64(i + 1)}))
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	h.restart()
	if view := h.at(store); view.Quads != 200 {
		t.Errorf("it holds %d quads", view.Quads)
	}
	h.verify()
}

// echo concludes of every quad of the default graph the same one in another.
type echo struct{}

var echoes = base.IRI("http://example.org/echoes")

func (echo) Load(_ context.Context, asserted *rdf.Snapshot) (iter.Seq[base.Quad], error) {
	return func(yield func(base.Quad) bool) {
		for q := range asserted.Quads(rdf.IDQuad{}) {
			if q.G = echoes; !yield(q) {
				return
			}
		}
	}, nil
}

func (echo) Apply(_ context.Context, removed, added []base.Quad) (gone, come []base.Quad, err error) {
	for _, q := range removed {
		gone = append(gone, base.Quad{S: q.S, P: q.P, O: q.O, G: echoes})
	}
	for _, q := range added {
		come = append(come, base.Quad{S: q.S, P: q.P, O: q.O, G: echoes})
	}
	return gone, come, nil
}

func echoing() dataset.Config {
	return dataset.Config{
		Reason: func(_ base.Ref, inference string) (dataset.Reasoner, error) {
			if inference == "none" {
				return nil, nil
			}
			return echo{}, nil
		},
		Concluded: func(graph base.Term) bool { return graph == echoes },
	}
}

func TestConclusionsFollowTheDeclarationWhateverTheImageIsOf(t *testing.T) {
	h := begin(t, echoing())
	ask := func(inference domain.Inference) {
		h.batch(event(store, &domain.RDFStoreChanged{Spec: domain.RDFStoreSpec{Inference: inference}}))
	}
	expect := func(when string, quads, all int) {
		t.Helper()
		if view := h.at(store); view.Quads != int64(quads) || view.Graph.Len() != all {
			t.Errorf("%s it holds %d quads and %d with conclusions, want %d and %d", when, view.Quads, view.Graph.Len(), quads, all)
		}
	}
	h.declare(shop, store)
	h.batch(h.change(store, nil, quads(0, 10)))
	expect("at first", 10, 10)
	if err := h.views.SaveCheckpoint(); err != nil {
		t.Fatal(err)
	}
	ask(domain.InferenceRDFs)
	expect("when it is asked for", 10, 20)
	h.batch(h.change(store, quads(0, 4), quads(10, 11)))
	expect("after a change", 7, 14)
	if err := h.Datasets.Checkpoint()(); err != nil { // the image is ahead of the state
		t.Fatal(err)
	}
	h.restart()
	expect("after a start", 7, 14)
	h.verify()
	ask(domain.InferenceNone)
	expect("when it is no longer asked for", 7, 7)
	if err := h.Datasets.Checkpoint()(); err != nil {
		t.Fatal(err)
	}
	h.restart()
	expect("after another start", 7, 7)
	if err := h.views.SaveCheckpoint(); err != nil {
		t.Fatal(err)
	}
	ask(domain.InferenceRDFs)
	h.restart() // the image is behind
	expect("after the last start", 7, 14)
	h.verify()
}

func TestForgedChangeOfConclusionsIsSetAside(t *testing.T) {
	h := begin(t, echoing())
	h.declare(shop, store)
	forged := quad(1)
	forged.G = echoes
	h.batch(event(store, &domain.RDFStoreDatasetChanged{Added: h.pack([]base.Quad{forged}), Quads: 1}))
	if view := h.at(store); view.Fault == nil || view.Graph.Len() != 0 {
		t.Errorf("it holds %d quads: %v", view.Graph.Len(), view.Fault)
	}
}
