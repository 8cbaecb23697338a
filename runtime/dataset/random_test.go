package dataset_test

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/dataset"
)

// Whatever happens to datasets, in whatever order, with checkpoints and crashes
// in between, they hold what a map of quads holds that nothing happens to.
func TestDatasetsAreWhatAMapSays(t *testing.T) {
	histories := 12
	if os.Getenv("PICLOUD_LONG") != "" {
		histories = 1000
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range histories {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		cfg := echoing()
		cfg.Waiting = 1 << r.IntN(12) // so small that most changes wait in the log
		h := begin(t, cfg)
		h.declare(shop)
		m := model{}
		for range 60 {
			m.step(h, r)
			if r.IntN(3) == 0 {
				m.compare(h)
			}
		}
		m.compare(h)
		h.verify()
		if t.Failed() {
			return
		}
	}
}

// model is what each dataset holds, and whether its conclusions are asked for.
type model map[base.Ref]*content

type content struct {
	quads map[int]bool
	asks  bool
}

func (m model) step(h *history, r *rand.Rand) {
	ref := []base.Ref{store, another}[r.IntN(2)]
	c := m[ref]
	switch choice := r.IntN(12); {
	case choice == 0:
		if err := h.views.SaveCheckpoint(); err != nil {
			h.t.Fatal(err)
		}
	case choice == 1:
		if err := h.Datasets.Checkpoint()(); err != nil {
			h.t.Fatal(err)
		}
	case choice == 2:
		h.restart()
	case c == nil:
		h.declare(ref)
		m[ref] = &content{quads: map[int]bool{}}
	case choice == 3:
		h.batch(event(ref, &domain.RDFStoreDeleted{}))
		delete(m, ref)
	case choice == 4:
		c.asks = !c.asks
		inference := map[bool]domain.Inference{true: domain.InferenceRDFs, false: domain.InferenceNone}[c.asks]
		h.batch(event(ref, &domain.RDFStoreChanged{Spec: domain.RDFStoreSpec{Inference: inference}}))
	default:
		h.batch(c.change(h, ref, r))
	}
}

// change draws a change of some of fifty quads.
func (c *content) change(h *history, ref base.Ref, r *rand.Rand) *domain.Event {
	var removed, added []base.Quad
	for range 1 + r.IntN(10) {
		i := r.IntN(50)
		if c.quads[i] {
			removed = append(removed, quad(i))
		} else {
			added = append(added, quad(i))
		}
		c.quads[i] = !c.quads[i]
	}
	removed, added = apart(removed, added)
	for i, there := range c.quads {
		if !there {
			delete(c.quads, i)
		}
	}
	return event(ref, &domain.RDFStoreDatasetChanged{Removed: h.pack(removed), Added: h.pack(added), Quads: int64(len(c.quads))})
}

// apart leaves out what both left and came.
func apart(removed, added []base.Quad) (left, came []base.Quad) {
	balance := map[base.Quad]int{}
	for _, q := range added {
		balance[q]++
	}
	for _, q := range removed {
		balance[q]--
	}
	for q, n := range balance {
		switch n {
		case 1:
			came = append(came, q)
		case -1:
			left = append(left, q)
		}
	}
	return left, came
}

func (m model) compare(h *history) {
	h.t.Helper()
	all, err := h.Standing(h.t.Context())
	if err != nil || len(all) != len(m) {
		h.t.Fatalf("there are %d datasets, want %d: %v", len(all), len(m), err)
	}
	for ref, c := range m {
		compare(h.t, all[ref], c)
	}
}

func compare(t testing.TB, view dataset.View, c *content) {
	t.Helper()
	want := len(c.quads)
	if c.asks {
		want *= 2
	}
	if view.Fault != nil || view.Quads != int64(len(c.quads)) || view.Graph.Len() != want {
		t.Errorf("%s holds %d quads and %d with conclusions, want %d and %d: %v", view.Ref, view.Quads, view.Graph.Len(), len(c.quads), want, view.Fault)
	}
	for i := range c.quads {
		if !view.Has(quad(i)) {
			t.Errorf("%s lacks quad %d", view.Ref, i)
		}
	}
}
