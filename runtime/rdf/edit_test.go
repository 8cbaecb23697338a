package rdf

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

// TestBatchesOfAnySizeLeaveARightTree changes a tree of several levels in
// batches from one quad to most of them, in runs and scattered.
func TestBatchesOfAnySizeLeaveARightTree(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	quad := func(i int) base.Quad {
		return base.Quad{S: base.Integer(int64(i / 7)), P: base.Integer(int64(i % 5)), O: base.Integer(int64(i)), G: base.Integer(int64(i % 3))}
	}
	const all = 12_000
	store, model := NewStore(), map[base.Quad]bool{}
	digests := map[*Snapshot][32]byte{}
	for round := range 24 {
		size := 1 << random.IntN(14)
		at, step := random.IntN(all), 1+random.IntN(2)*random.IntN(all)
		var remove, add []base.Quad
		for i := range size {
			q := quad((at + i*step) % all)
			if kind := random.IntN(4); round%5 == 4 || kind == 0 {
				remove = append(remove, q)
			} else {
				add = append(add, q)
			}
		}
		before := len(model)
		for _, q := range remove {
			delete(model, q)
		}
		between := len(model)
		for _, q := range add {
			model[q] = true
		}
		removed, added := store.Apply(remove, add)
		if removed != before-between || added != len(model)-between {
			t.Fatalf("round %d: removed %d, added %d, want %d, %d", round, removed, added, before-between, len(model)-between)
		}
		if err := likeFresh(store.Snapshot(), model); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if round%8 == 0 {
			old := store.Snapshot()
			digests[old] = old.Digest()
		}
	}
	if removed, _ := store.Apply(slices.Collect(maps.Keys(model)), nil); removed != len(model) || store.Snapshot().Len() != 0 {
		t.Errorf("%d of %d removed", removed, len(model))
	}
	for old, digest := range digests {
		if old.Digest() != digest {
			t.Errorf("a snapshot of %d quads has changed", old.Len())
		}
	}
}

// likeFresh compares with a store that has the same quads and no history.
func likeFresh(s *Snapshot, model map[base.Quad]bool) error {
	for o := range s.trees {
		if err := checkTree(s.trees[o]); err != nil {
			return fmt.Errorf("%v: %w", Order(o), err)
		}
		if n := s.trees[o].size; n != len(model) && (s.sole == Any || Order(o) < GSPO) {
			return fmt.Errorf("%v has %d of %d quads", Order(o), n, len(model))
		}
	}
	for c := s.Cursor(IDQuad{}); c.Next(); {
		if !model[s.Quad(c.Quad())] {
			return fmt.Errorf("a quad that was removed is there: %v", s.Quad(c.Quad()))
		}
		for o := POSG; o < orders && s.sole == Any; o++ {
			if !s.trees[o].has(o.key(c.Quad())) {
				return fmt.Errorf("%v lacks %v", o, s.Quad(c.Quad()))
			}
		}
	}
	return nil
}

func TestManyAdditionsAreBuiltAtOnce(t *testing.T) {
	few, many := NewStore(), NewStore()
	var quads []base.Quad
	for i := range 3 * loadMin {
		quads = append(quads, base.Quad{S: base.Integer(int64(i % 2000)), P: base.String("p"), O: base.Integer(int64(i % 900))})
	}
	for _, q := range quads {
		few.Apply(nil, []base.Quad{q})
	}
	many.Apply(nil, quads[:10])
	_, added := many.Apply(nil, quads)
	if want := few.Snapshot().Len() - 10; added != want {
		t.Errorf("%d added, want %d", added, want)
	}
	if few.Snapshot().Digest() != many.Snapshot().Digest() {
		t.Error("one by one and at once differ")
	}
}
