package dataset_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/rdf"
)

// modest concludes as echo does while there are few quads, and nothing while
// there are more.
type modest struct{ asserted map[base.Quad]bool }

var errMany = errors.New("too many")

func (m modest) Load(_ context.Context, asserted *rdf.Snapshot) (iter.Seq[base.Quad], error) {
	for q := range asserted.Quads(rdf.IDQuad{}) {
		m.asserted[q] = true
	}
	return func(yield func(base.Quad) bool) {
		for q := range m.conclusions() {
			if !yield(q) {
				return
			}
		}
	}, m.stopped()
}

func (m modest) conclusions() map[base.Quad]bool {
	all := map[base.Quad]bool{}
	for q := range m.asserted {
		if q.G = echoes; m.stopped() == nil {
			all[q] = true
		}
	}
	return all
}

func (m modest) stopped() error {
	if len(m.asserted) > 10 {
		return errMany
	}
	return nil
}

func (m modest) Apply(_ context.Context, removed, added []base.Quad) (gone, come []base.Quad, err error) {
	before := m.conclusions()
	for _, q := range removed {
		delete(m.asserted, q)
	}
	for _, q := range added {
		m.asserted[q] = true
	}
	after := m.conclusions()
	for q := range before {
		if !after[q] {
			gone = append(gone, q)
		}
	}
	for q := range after {
		if !before[q] {
			come = append(come, q)
		}
	}
	return gone, come, m.stopped()
}

func TestADatasetThatIsTooMuchForItsReasonerSaysSoUntilItIsNot(t *testing.T) {
	h := begin(t, dataset.Config{
		Reason: func(_ base.Ref, inference string) (dataset.Reasoner, error) {
			if inference == "none" {
				return nil, nil
			}
			return modest{map[base.Quad]bool{}}, nil
		},
		Concluded: func(graph base.Term) bool { return graph == echoes },
	})
	expect := func(all int, why error) {
		t.Helper()
		if view := h.at(store); view.Graph.Len() != all || !errors.Is(view.Unconcluded, why) || view.Unconcluded == nil != (why == nil) {
			t.Errorf("it holds %d quads with conclusions (%v), want %d (%v)", view.Graph.Len(), view.Unconcluded, all, why)
		}
	}
	h.declare(shop, store)
	h.batch(event(store, &domain.RDFStoreChanged{Spec: domain.RDFStoreSpec{Inference: domain.InferenceRDFs}}))
	h.batch(h.change(store, nil, quads(0, 8)))
	expect(16, nil)
	h.batch(h.change(store, nil, quads(8, 12)))
	expect(12, errMany)
	h.verify()
	h.batch(h.change(store, quads(0, 4), nil))
	expect(16, nil)
	h.verify()
}

// gated takes in a change only once its gate is open.
type gated struct{ gate chan struct{} }

func (gated) Load(context.Context, *rdf.Snapshot) (iter.Seq[base.Quad], error) {
	return func(func(base.Quad) bool) {}, nil
}

func (g gated) Apply(ctx context.Context, _, _ []base.Quad) (gone, come []base.Quad, err error) {
	select {
	case <-g.gate:
	case <-ctx.Done():
	}
	return nil, nil, nil
}

func TestWhatWasAnsweredIsNotMissingAfterARestart(t *testing.T) {
	gate := make(chan struct{})
	close(gate)
	h := begin(t, dataset.Config{Reason: func(base.Ref, string) (dataset.Reasoner, error) { return gated{gate}, nil }})
	h.declare(shop, store)
	h.batch(h.change(store, nil, quads(0, 1)))
	h.at(store)
	gate = make(chan struct{}) // in its second life the dataset lags
	h.restart()
	if view, err := h.View(t.Context(), store, 0); err != nil || view.Quads != 0 {
		t.Fatalf("the dataset does not lag: it has %d quads (%v)", view.Quads, err)
	}
	h.Serve(base.Position(h.log.Head().Position))
	left, leave := context.WithCancel(t.Context())
	leave()
	if view, err := h.View(left, store, 0); err == nil {
		t.Errorf("a reader gets %d quads", view.Quads)
	}
	close(gate)
	if view, err := h.View(t.Context(), store, 0); err != nil || view.Quads != 1 {
		t.Errorf("a reader gets %d quads (%v), want 1", view.Quads, err)
	}
}

// crowd counts the reasoners that are at work at once. Each works until the gate
// opens or it is told to end.
type crowd struct {
	began   chan struct{}
	gate    chan struct{}
	at      atomic.Int32
	exceeds atomic.Bool
}

func (c *crowd) work(ctx context.Context) error {
	if c.at.Add(1) > 2 {
		c.exceeds.Store(true)
	}
	defer c.at.Add(-1)
	c.began <- struct{}{}
	select {
	case <-c.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *crowd) Load(ctx context.Context, _ *rdf.Snapshot) (iter.Seq[base.Quad], error) {
	return func(func(base.Quad) bool) {}, c.work(ctx)
}

func (c *crowd) Apply(ctx context.Context, _, _ []base.Quad) (gone, come []base.Quad, err error) {
	return nil, nil, c.work(ctx)
}

func crowded(t *testing.T) (*crowd, *history, []base.Ref) {
	c := &crowd{began: make(chan struct{}, 100), gate: make(chan struct{})}
	h := begin(t, dataset.Config{Reason: func(base.Ref, string) (dataset.Reasoner, error) { return c, nil }})
	refs := []base.Ref{store, another, "/products/shop/rdf-stores/third", "/products/shop/rdf-stores/fourth"}
	h.declare(append([]base.Ref{shop}, refs...)...)
	for _, ref := range refs {
		h.batch(event(ref, &domain.RDFStoreChanged{Spec: domain.RDFStoreSpec{Inference: domain.InferenceRDFs}}))
	}
	return c, h, refs
}

func TestTwoDatasetsReasonAtOnceAndTheOthersInTheirTurn(t *testing.T) {
	c, h, refs := crowded(t)
	for range 2 {
		<-c.began
	}
	close(c.gate)
	for _, ref := range refs {
		h.batch(h.change(ref, nil, quads(0, 3)))
	}
	for _, ref := range refs {
		if view := h.at(ref); view.Quads != 3 || view.Unconcluded != nil {
			t.Errorf("%s holds %d quads: %v", ref, view.Quads, view.Unconcluded)
		}
	}
	if c.exceeds.Load() {
		t.Error("more than two reasoned at once")
	}
}

func TestCloseEndsWhoReasonsAndWhoWaitsForIt(t *testing.T) {
	c, h, _ := crowded(t)
	for range 2 {
		<-c.began
	}
	h.Close() // it returns though the gate stays shut
	if n := c.at.Load(); n != 0 || c.exceeds.Load() {
		t.Errorf("%d are at work after the end, or more than two were", n)
	}
}
