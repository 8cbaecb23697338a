package dataset_test

import (
	"context"
	"errors"
	"iter"
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
