package rdf_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

func forkQuad(r *rand.Rand, terms int) base.Quad {
	iri := func() base.Term { return base.IRI(fmt.Sprintf("http://e/%d#x", r.IntN(terms))) }
	q := base.Quad{S: iri(), P: iri(), O: base.Typed(fmt.Sprint(r.IntN(terms)), fmt.Sprintf("http://e/type%d", r.IntN(9)))}
	if r.IntN(2) == 0 {
		q.G = iri()
	}
	return q
}

// A fork changes like a store, and neither the snapshot that it began with nor
// the store, which changes meanwhile, sees anything of it.
func TestForkChangesAloneAndLikeAStore(t *testing.T) {
	store := rdf.NewStore()
	twin := rdf.NewStore()
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		q := []base.Quad{forkQuad(r, 40)}
		store.Apply(nil, q)
		twin.Apply(nil, q)
	}
	snapshot := store.Snapshot()
	before := snapshot.Digest()
	var wg sync.WaitGroup
	wg.Go(func() {
		r := rand.New(rand.NewPCG(3, 4))
		for range 2000 {
			store.Apply([]base.Quad{forkQuad(r, 40)}, []base.Quad{forkQuad(r, 4000)})
			store.Snapshot()
		}
	})
	fork := snapshot.Fork()
	for i := range 3000 {
		out, in := forkQuad(r, 40), forkQuad(r, 2000)
		removed, added := twin.Apply([]base.Quad{out}, []base.Quad{in})
		if got := fork.Remove(forkIDs(fork, out)); got != (removed == 1) {
			t.Fatalf("removed %v, want %d", got, removed)
		}
		if got := fork.Insert(forkIDs(fork, in)); got != (added == 1) {
			t.Fatalf("added %v, want %d", got, added)
		}
		if i%500 == 0 && fork.Snapshot().Digest() != twin.Snapshot().Digest() {
			t.Fatal("the fork is not like a store with the same changes")
		}
	}
	wg.Wait()
	end := fork.Snapshot()
	if end.Digest() != twin.Snapshot().Digest() || end.Len() != twin.Snapshot().Len() {
		t.Error("the fork is not like a store with the same changes")
	}
	if snapshot.Digest() != before {
		t.Error("the fork changed the snapshot that it began with")
	}
	for c := end.Cursor(rdf.IDQuad{}); c.Next(); {
		q := end.Quad(c.Quad())
		if id, ok := end.Lookup(q.O); !ok || id != c.Quad().O {
			t.Fatalf("%v has the id %d, found %d", q.O, c.Quad().O, id)
		}
	}
}

func forkIDs(f *rdf.Fork, q base.Quad) rdf.IDQuad {
	return rdf.IDQuad{S: f.Intern(q.S), P: f.Intern(q.P), O: f.Intern(q.O), G: f.Intern(q.G)}
}

func BenchmarkFork(b *testing.B) {
	s := rdf.NewStore()
	s.LoadQuads(fleet(1_000_000))
	snapshot := s.Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		f := snapshot.Fork()
		f.Insert(forkIDs(f, base.Quad{S: base.IRI("http://e/new"), P: base.IRI("http://e/p"), O: base.String("o")}))
	}
}
