package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	shop    base.Ref = "/products/shop"
	store   base.Ref = "/products/shop/rdf-stores/goods"
	another base.Ref = "/products/shop/rdf-stores/orders"
)

// history is an event log and what follows it.
type history struct {
	t     testing.TB
	dir   string
	cfg   dataset.Config
	log   *eventlog.Log
	index uint64
	codec *dataset.Codec
	said  *bytes.Buffer // of the log for people
	last  map[base.Ref]base.Position

	*dataset.Datasets
	views *projection.Projection
}

func begin(t testing.TB, cfg dataset.Config) *history {
	t.Helper()
	h := &history{t: t, dir: t.TempDir(), cfg: cfg, said: &bytes.Buffer{}, last: map[base.Ref]base.Position{}}
	var err error
	if h.log, err = eventlog.Open(eventlog.Config{Dir: filepath.Join(h.dir, "log")}); err != nil {
		t.Fatal(err)
	}
	if h.codec, err = dataset.NewCodec(); err != nil {
		t.Fatal(err)
	}
	h.start()
	t.Cleanup(func() {
		h.Close()
		h.codec.Close()
		if err := h.log.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// start folds what there is: from a checkpoint, and from the log behind it.
func (h *history) start() {
	h.t.Helper()
	cfg := h.cfg
	cfg.Dir, cfg.Log = filepath.Join(h.dir, "datasets"), h.log
	cfg.Logger = slog.New(slog.NewTextHandler(h.said, nil))
	var err error
	if h.Datasets, err = dataset.New(cfg); err != nil {
		h.t.Fatal(err)
	}
	h.views = projection.New(projection.Config{
		Root: "https://picloud.local", Model: "m1", Checkpoint: filepath.Join(h.dir, "state.checkpoint"), Datasets: h.Datasets,
	}, h.log)
	for b, err := range h.log.Read(h.views.Position()) {
		if err != nil {
			h.t.Fatal(err)
		}
		if err := h.views.Fold(b); err != nil {
			h.t.Fatal(err)
		}
	}
	h.views.Publish(h.log.Head())
}

func (h *history) restart() {
	h.t.Helper()
	h.Close()
	h.start()
}

// batch puts events into the log and folds them.
func (h *history) batch(events ...*domain.Event) base.Position {
	h.t.Helper()
	h.index++
	for i, e := range events {
		e.Actor, e.Previous = "/tokens/admin", h.last[e.Subject]
		h.last[e.Subject] = base.Position(h.log.Head().Position) + base.Position(i) + 1
		if strings.HasSuffix(string(e.Payload.Type()), "Deleted") {
			delete(h.last, e.Subject)
		}
	}
	batches := []eventlog.Batch{{
		Count: uint32(len(events)), Time: time.UnixMilli(int64(h.index) * 1000).UTC(),
		Payload: state.AppendBatch(nil, state.Batch{Events: events}),
	}}
	if _, err := h.log.Append(h.index, batches); err != nil {
		h.t.Fatal(err)
	}
	if err := h.views.Fold(batches[0]); err != nil {
		h.t.Fatal(err)
	}
	h.views.Publish(h.log.Head())
	return base.Position(h.log.Head().Position)
}

func event(subject base.Ref, p domain.Payload) *domain.Event {
	return &domain.Event{Subject: subject, Payload: p}
}

func (h *history) declare(refs ...base.Ref) {
	h.t.Helper()
	var events []*domain.Event
	for _, ref := range refs {
		if ref == shop {
			events = append(events, event(ref, &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "1.0.0"}}))
			continue
		}
		events = append(events, event(ref, &domain.RDFStoreDeclared{Spec: domain.RDFStoreSpec{Inference: domain.InferenceNone}}))
	}
	h.batch(events...)
}

// change is the event of a change, as it would be decided.
func (h *history) change(ref base.Ref, removed, added []base.Quad) *domain.Event {
	h.t.Helper()
	view := h.at(ref)
	return event(ref, &domain.RDFStoreDatasetChanged{
		Removed: h.pack(removed), Added: h.pack(added), Quads: view.Quads + int64(len(added)-len(removed)),
	})
}

func (h *history) pack(quads []base.Quad) []byte {
	h.t.Helper()
	packed, err := h.codec.Pack(quads)
	if err != nil {
		h.t.Fatal(err)
	}
	return packed
}

// at is a dataset with all that was folded.
func (h *history) at(ref base.Ref) dataset.View {
	h.t.Helper()
	view, err := h.View(h.t.Context(), ref, base.Position(h.log.Head().Position))
	if err != nil {
		h.t.Fatal(err)
	}
	return view
}

func (h *history) verify() {
	h.t.Helper()
	live, rebuilt, err := h.views.Verify(h.log)
	if err != nil || live != rebuilt || live.Datasets == [32]byte{} {
		h.t.Fatalf("readers see %+v, the log makes %+v (%v)", live, rebuilt, err)
	}
}

func quad(i int) base.Quad {
	return base.Quad{S: base.IRI(fmt.Sprintf("http://example.org/goods/%d", i)), P: base.IRI("http://example.org/price"), O: base.Integer(int64(i))}
}

func quads(from, to int) (list []base.Quad) {
	for i := from; i < to; i++ {
		list = append(list, quad(i))
	}
	return list
}

func TestDatasetFoldsItsChangesInTheirOrder(t *testing.T) {
	h := begin(t, dataset.Config{})
	h.declare(shop, store, another)
	h.batch(h.change(store, nil, quads(0, 10)))
	h.batch(h.change(store, quads(0, 3), quads(10, 12)), h.change(another, nil, quads(0, 1)))
	view := h.at(store)
	if view.Quads != 9 || view.Graph.Len() != 9 || view.Has(quad(0)) || !view.Has(quad(11)) || view.Last != 5 || view.Position != 6 {
		t.Errorf("it holds %d quads at %d of %d", view.Quads, view.Last, view.Position)
	}
	if d := view.Delta; d == nil || d.Since != 4 || len(d.Removed) != 3 || len(d.Added) != 2 {
		t.Errorf("its delta is %+v", d)
	}
	if other := h.at(another); other.Quads != 1 {
		t.Errorf("the other one holds %d quads", other.Quads)
	}
	h.verify()
}

func TestViewNeverChanges(t *testing.T) {
	h := begin(t, dataset.Config{})
	h.declare(shop, store)
	h.batch(h.change(store, nil, quads(0, 100)))
	h.at(store)
	view, news, err := h.Changed(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	h.batch(h.change(store, quads(0, 100), nil))
	<-news
	if h.at(store).Graph.Len() != 0 || view.Graph.Len() != 100 || !view.Has(quad(50)) {
		t.Error("a view changed")
	}
}

func TestReaderWaitsForWhatConcernsItsDatasetOnly(t *testing.T) {
	hold := newHold()
	h := begin(t, dataset.Config{Reason: hold.reason})
	h.declare(shop, store, another)
	slow := &domain.RDFStoreChanged{Spec: domain.RDFStoreSpec{Inference: domain.InferenceRDFs}}
	h.batch(event(store, slow))
	<-hold.began
	h.batch(h.change(another, nil, quads(0, 1))) // neither consensus nor the other one waits
	position := base.Position(h.log.Head().Position)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("gave up")
	cancel(cause)
	if _, err := h.View(ctx, store, position); !errors.Is(err, cause) {
		t.Errorf("a reader of what is being worked on got %v", err)
	}
	if view, err := h.View(ctx, store, 3); err != nil || view.Position != 3 {
		t.Errorf("a reader of what was before got %v at %d", err, view.Position)
	}
	got := make(chan base.Position)
	go func() { got <- h.at(store).Last }()
	close(hold.release)
	if last := <-got; last != 4 {
		t.Errorf("the reader woke at %d", last)
	}
}

func TestEndOfADatasetWakesWhoWaits(t *testing.T) {
	hold := newHold()
	h := begin(t, dataset.Config{Reason: hold.reason})
	h.declare(shop, store)
	h.batch(event(store, &domain.RDFStoreChanged{Spec: domain.RDFStoreSpec{Inference: domain.InferenceRDFs}}))
	<-hold.began
	got := make(chan error)
	go func() {
		_, err := h.View(context.Background(), store, base.Position(h.log.Head().Position))
		got <- err
	}()
	h.batch(event(store, &domain.RDFStoreDeleted{}))
	if err := <-got; !errors.Is(err, dataset.ErrNone) {
		t.Errorf("it got %v", err)
	}
	close(hold.release)
}

func TestWhatWaitsBeyondTheBoundIsReadFromTheLogAgain(t *testing.T) {
	hold := newHold()
	h := begin(t, dataset.Config{Reason: hold.reason, Waiting: 2000})
	h.declare(shop, store)
	h.batch(event(store, &domain.RDFStoreChanged{Spec: domain.RDFStoreSpec{Inference: domain.InferenceRDFs}}))
	<-hold.began
	for i := range 50 {
		h.batch(event(store, &domain.RDFStoreDatasetChanged{Added: h.pack(quads(20*i, 20*i+20)), Quads: int64(20*i + 20)}))
	}
	if bytes := h.Waiting(); bytes > 2000 {
		t.Errorf("%d bytes wait in memory", bytes)
	}
	close(hold.release)
	if view := h.at(store); view.Quads != 1000 || view.Fault != nil {
		t.Errorf("it holds %d quads: %v", view.Quads, view.Fault)
	}
	if bytes := h.Waiting(); bytes != 0 {
		t.Errorf("%d bytes are counted and do not wait", bytes)
	}
	h.verify()
}

func TestForgedChangesAreSetAsideAndTheNextOneFits(t *testing.T) {
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := encoder.EncodeAll(make([]byte, dataset.TextMax+1), nil) // in some 6 KiB
	honest := encoder.EncodeAll([]byte("<http://a/> <http://a/> <http://a/> .\n"), nil)
	for name, packed := range map[string][]byte{
		"a bomb": bomb, "noise": []byte("no such format"), "a torn end": honest[:len(honest)-2],
		"no quads": encoder.EncodeAll([]byte("SELECT * {?s ?p ?o}"), nil),
	} {
		t.Run(name, func(t *testing.T) {
			h := begin(t, dataset.Config{})
			h.declare(shop, store)
			h.batch(h.change(store, nil, quads(0, 5)))
			for _, forged := range []*domain.RDFStoreDatasetChanged{{Added: packed, Quads: 6}, {Removed: packed, Quads: 4}} {
				position := h.batch(event(store, forged))
				if view := h.at(store); view.Fault == nil || view.Graph.Len() != 5 || view.Last != position {
					t.Errorf("it holds %d quads at %d: %v", view.Graph.Len(), view.Last, view.Fault)
				}
			}
			h.verify()
			h.batch(h.change(store, nil, quads(5, 6)))
			if view := h.at(store); view.Fault != nil || view.Graph.Len() != 6 {
				t.Errorf("after a change that fits it holds %d quads: %v", view.Graph.Len(), view.Fault)
			}
			h.verify()
		})
	}
}

func TestChangeOfAnotherDatasetIsAFault(t *testing.T) {
	h := begin(t, dataset.Config{})
	h.declare(shop, store)
	h.batch(event(store, &domain.RDFStoreDatasetChanged{Removed: h.pack(quads(0, 1)), Added: h.pack(quads(1, 3)), Quads: 1}))
	if view := h.at(store); view.Fault == nil || view.Quads != 2 {
		t.Errorf("it holds %d quads: %v", view.Quads, view.Fault)
	}
}

func TestForgedChangeOfManyQuadsIsNotHeld(t *testing.T) {
	codec, err := dataset.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	defer codec.Close()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	many := encoder.EncodeAll(bytes.Repeat([]byte("_:a <a:> _:b .\n"), dataset.QuadsMax+1), nil)
	if got, err := codec.Unpack(many); err == nil || !strings.Contains(err.Error(), "more than 500000 quads") {
		t.Errorf("%d quads, %v", len(got), err)
	}
}

func TestChangeOverALimitIsRefusedWithItsRemedy(t *testing.T) {
	codec, err := dataset.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	defer codec.Close()
	noise := make([]base.Quad, 0, 100)
	for i := range 100 {
		noise = append(noise, base.Quad{S: base.IRI("http://a/"), P: base.IRI("http://a/"), O: base.String(random(i, 60<<10))})
	}
	big := []base.Quad{{S: base.IRI("http://a/"), P: base.IRI("http://a/"), O: base.String(strings.Repeat("x", dataset.TextMax))}}
	for name, list := range map[string][]base.Quad{"compressed": noise, "text": big, "quads": make([]base.Quad, dataset.QuadsMax+1)} {
		var refusal *base.Error
		if _, err := codec.Pack(list); !errors.As(err, &refusal) || refusal.Code != base.TooLarge || !strings.Contains(refusal.Detail, "DELETE { ?s ?p ?o } WHERE { SELECT ?s ?p ?o { ?s ?p ?o } LIMIT 100000 }") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hold is a reasoner that waits until it is released.
type hold struct {
	began, release chan struct{}
	once           sync.Once
}

func newHold() *hold { return &hold{began: make(chan struct{}), release: make(chan struct{})} }

func (o *hold) reason(_ base.Ref, inference string) (dataset.Reasoner, error) {
	if inference != "rdfs" {
		return nil, nil
	}
	return o, nil
}

func (o *hold) Load(context.Context, *rdf.Snapshot) (iter.Seq[base.Quad], error) {
	o.once.Do(func() { close(o.began) })
	<-o.release
	return func(func(base.Quad) bool) {}, nil
}

func (o *hold) Apply(context.Context, []base.Quad, []base.Quad) (gone, come []base.Quad, err error) {
	o.once.Do(func() { close(o.began) })
	<-o.release
	return nil, nil, nil
}

// random is text that does not compress, the same for the same seed.
func random(seed, size int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	text, n := make([]byte, size), uint64(seed)*2862933555777941757+3037000493
	for i := range text {
		n = n*6364136223846793005 + 1442695040888963407
		text[i] = letters[n>>58]
	}
	return string(text)
}
