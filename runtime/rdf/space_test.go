package rdf_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// TestSpaceOfDeletedQuadsComesBack deletes nine of ten quads at random while an
// old snapshot lives. When that is gone, the heap is near that of a fresh store
// of what remains.
func TestSpaceOfDeletedQuadsComesBack(t *testing.T) {
	size := 100_000
	if os.Getenv("PICLOUD_LONG") != "" {
		size = 1_000_000
	}
	quads := fleet(size)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(quads), func(i, j int) { quads[i], quads[j] = quads[j], quads[i] })
	kept, gone := quads[:size/10], quads[size/10:]

	before := heap()
	fresh := rdf.NewStore()
	fresh.LoadQuads(kept)
	want := heap() - before
	digest := fresh.Snapshot().Digest()
	runtime.KeepAlive(fresh)
	fresh = nil

	before = heap()
	store := rdf.NewStore()
	store.LoadQuads(quads)
	full := heap() - before
	old := store.Snapshot()
	for at := 0; at < len(gone); at += 1000 {
		store.Apply(gone[at:min(at+1000, len(gone))], nil)
		store.Snapshot()
	}
	if old.Len() != size {
		t.Errorf("the old snapshot has %d quads", old.Len())
	}
	old = nil
	for i := range 1000 { // life goes on
		q := base.Quad{S: kept[0].S, P: kept[0].P, O: base.Integer(int64(-i))}
		store.Apply(nil, []base.Quad{q})
		store.Apply([]base.Quad{q}, nil)
	}
	got := heap() - before
	if store.Snapshot().Digest() != digest {
		t.Error("what remains is not what was kept")
	}
	t.Logf("%d quads: %d KiB; a tenth: %d KiB, fresh %d KiB", size, full>>10, got>>10, want>>10)
	const garbage = 2 << 20 // of terms that are not worth a compaction
	if got > want*5/4+garbage {
		t.Errorf("%d KiB are held, a fresh store of the rest holds %d", got>>10, want>>10)
	}
	runtime.KeepAlive(quads)
}

// TestReadersWriterAndImagesShareNothingThatChanges is for the race detector:
// readers walk, count, look up and write images while the writer changes,
// loads and compacts its dictionary.
func TestReadersWriterAndImagesShareNothingThatChanges(t *testing.T) {
	store := rdf.NewStore()
	quad := func(i int) base.Quad {
		return base.Quad{S: base.IRI(fmt.Sprintf("http://e/d%d#f%d", i%97, i)), P: base.IRI(fmt.Sprint("http://e/p", i%7)), O: base.Integer(int64(i)), G: base.IRI(fmt.Sprint("http://e/g", i%5))}
	}
	const batch, live, rounds = 4_000, 12_000, 12
	type view struct {
		snapshot *rdf.Snapshot
		first    int // of the quads that it has
		next     int
	}
	views := make(chan view, 4)
	var readers sync.WaitGroup
	for reader := range 4 {
		readers.Go(func() {
			for v := range views {
				checkView(t, reader, v.snapshot, quad, v.first, v.next)
			}
		})
	}
	terms := 0
	for i := range rounds {
		add, remove := make([]base.Quad, batch), make([]base.Quad, 0, batch)
		for j := range add {
			add[j] = quad(i*batch + j)
			if old := i*batch + j - live; old >= 0 {
				remove = append(remove, quad(old))
			}
		}
		if i%2 == 0 {
			store.LoadQuads(add)
			store.Apply(remove, nil)
		} else {
			store.Apply(remove, add)
		}
		v := view{store.Snapshot(), max(0, (i+1)*batch-live), (i + 1) * batch}
		if v.snapshot.Terms() < terms {
			t.Logf("compacted from %d terms to %d", terms, v.snapshot.Terms())
		}
		terms = v.snapshot.Terms()
		views <- v
	}
	close(views)
	readers.Wait()
	if terms > 2*batch*rounds*9/10 {
		t.Errorf("%d terms: the dictionary was never compacted", terms)
	}
}

func checkView(t *testing.T, reader int, s *rdf.Snapshot, quad func(int) base.Quad, first, next int) {
	if s.Len() != next-first {
		t.Errorf("%d quads, want %d", s.Len(), next-first)
	}
	probe := quad(first + reader*(next-first)/4)
	if id, ok := s.Lookup(probe.S); !ok || s.Count(rdf.IDQuad{S: id}) != 1 {
		t.Errorf("%v is lost", probe.S)
	}
	if reader%2 == 0 {
		n := 0
		for q := range s.Quads(rdf.IDQuad{}) {
			if q.O.Datatype != base.XSDInteger {
				t.Errorf("not a quad that was written: %v", q)
			}
			n++
		}
		if n != s.Len() {
			t.Errorf("%d quads are walked, %d counted", n, s.Len())
		}
		return
	}
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() { written <- w.CloseWithError(s.WriteImage(w)) }()
	again, err := rdf.ReadImage(r)
	if err != nil {
		t.Error(err)
	} else if again.Snapshot().Digest() != s.Digest() {
		t.Error("the image is of other quads")
	}
	<-written
}

// TestSpaceOfLongLiteralsComesBack replaces a few long literals again and again:
// what they take must not wait for thousands of unused terms.
func TestSpaceOfLongLiteralsComesBack(t *testing.T) {
	long := func(i int) []base.Quad {
		return []base.Quad{{S: base.IRI("http://e/s"), P: base.IRI("http://e/p"), O: base.String(fmt.Sprint(i, strings.Repeat("x", 1<<20)))}}
	}
	for name, replace := range map[string]func(s *rdf.Store, was, is []base.Quad){
		"applied": func(s *rdf.Store, was, is []base.Quad) { s.Apply(was, is) },
		"loaded": func(s *rdf.Store, was, is []base.Quad) {
			s.Apply(was, nil)
			s.LoadQuads(is)
		},
	} {
		before := heap()
		store := rdf.NewStore()
		for i := range 100 {
			replace(store, long(i-1), long(i))
			store.Snapshot()
		}
		if got := heap() - before; got > 40<<20 {
			t.Errorf("%s: one literal of 1 MiB takes %d MiB", name, got>>20)
		}
		if store.Snapshot().Len() != 1 {
			t.Errorf("%s: %d quads are left", name, store.Snapshot().Len())
		}
	}
}
