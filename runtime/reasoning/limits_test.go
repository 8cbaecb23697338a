package reasoning

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// explosion is a chain of a transitive property, between facts that no axiom is about.
func explosion(links, others int) (chain, other []base.Quad) {
	p := base.IRI(ex + "p")
	chain = append(chain, base.Quad{S: p, P: base.IRI(base.RDFType), O: base.IRI(owl + "TransitiveProperty")})
	for i := range links {
		chain = append(chain, base.Quad{S: base.IRI(fmt.Sprint(ex, "n", i)), P: p, O: base.IRI(fmt.Sprint(ex, "n", i+1))})
	}
	for i := range others {
		other = append(other, base.Quad{S: base.IRI(fmt.Sprint(ex, "x", i)), P: base.IRI(ex + "other"), O: base.Integer(int64(i))})
	}
	return chain, other
}

func TestWhatHasNothingToDoWithAnExceededLimitLeavesWithoutAnotherTry(t *testing.T) {
	for name, limits := range map[string]Limits{"quads": {Facts: 20_000}, "derivations": {Derivations: 20_000}} {
		t.Run(name, func(t *testing.T) {
			chain, other := explosion(300, 500)
			r := New(Config{Profile: OWLRL, Inferred: same, Limits: limits})
			var exceeded *Exceeded
			if _, err := r.Apply(context.Background(), nil, append(chain, other...)); !errors.As(err, &exceeded) || exceeded.What != name {
				t.Fatal(err)
			}
			e := r.of(base.Term{})
			steps := func(removed []base.Quad) int {
				t.Helper()
				if _, err := r.Apply(context.Background(), removed, nil); !errors.As(err, &exceeded) {
					t.Fatal(err)
				}
				return e.work
			}
			for _, q := range other {
				if n := steps([]base.Quad{q}); n > 0 {
					t.Fatalf("one fact that no axiom is about took %d steps", n)
				}
			}
			if n := steps(chain[1:2]); n < 20_000 {
				t.Errorf("without a premise of it, it was tried again with %d steps", n)
			}
			d, err := r.Apply(context.Background(), chain[:1], nil) // the axiom
			if err != nil || len(d.Added) != 0 {
				t.Errorf("without its axiom it infers %d (%v)", len(d.Added), err)
			}
		})
	}
}

func TestAChangeElsewhereDoesNotHideThatAGraphIsStopped(t *testing.T) {
	chain, other := explosion(100, 1)
	r := New(Config{Profile: OWLRL, Limits: Limits{Facts: 300}})
	if _, err := r.Apply(context.Background(), nil, chain); err == nil {
		t.Fatal("the limit is not exceeded")
	}
	other[0].G = base.IRI(ex + "elsewhere")
	for name, change := range map[string][]base.Quad{"another graph": other, "nothing": nil} {
		if _, err := r.Apply(context.Background(), nil, change); err == nil {
			t.Errorf("after a change of %s, all seems to be inferred", name)
		}
	}
	if _, err := r.Apply(context.Background(), chain, nil); err != nil {
		t.Errorf("the graph is empty: %v", err)
	}
}

// TestAnExplosion… says how long the largest explosion takes and how
// much memory there is for it at most.
func TestAnExplosionStaysBelowTheMemoryOfOneReasoner(t *testing.T) {
	if os.Getenv("PICLOUD_LONG") == "" {
		t.Skip("an explosion of millions of facts runs with PICLOUD_LONG=1")
	}
	chain, other := explosion(5000, 1000)
	store := rdf.NewStore()
	store.LoadQuads(append(chain, other...))
	r := New(Config{Profile: OWLRL})
	start := time.Now()
	var exceeded *Exceeded
	if err := r.Load(context.Background(), store.Snapshot()); !errors.As(err, &exceeded) {
		t.Fatal(err)
	}
	t.Logf("%v after %v", exceeded, time.Since(start))
	start = time.Now()
	if _, err := r.Apply(context.Background(), other[:1], nil); err == nil || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	t.Logf("without another fact: %v", time.Since(start))

	for _, things := range []int{1990, 4000} { // just below the limit of facts, and far above it
		classes := base.IRI(base.RDFS + "subClassOf")
		var data []base.Quad
		for i := range 1000 {
			data = append(data, base.Quad{S: base.IRI(ex + "C"), P: classes, O: base.IRI(fmt.Sprint(ex, "C", i))})
		}
		for i := range things {
			data = append(data, base.Quad{S: base.IRI(fmt.Sprint(ex, "x", i)), P: base.IRI(base.RDFType), O: base.IRI(ex + "C")})
		}
		store = rdf.NewStore()
		store.LoadQuads(data)
		r = New(Config{Profile: OWLRL})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start = time.Now()
		err := r.Load(context.Background(), store.Snapshot())
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		s := r.States()[0]
		t.Logf("%d facts, %d derivations, %d bytes after %v, %d MB of memory from the system (%v)", s.Facts, s.Derivations, s.Bytes, took, (after.Sys-before.Sys)>>20, err)
		if errors.As(err, &exceeded) != (things > 2000) || s.Bytes > 256<<20 {
			t.Errorf("%d things take %d bytes (%v)", things, s.Bytes, err)
		}
	}
}

// What a node shows after years of changes is what it would show if it had
// just read the store, also at the edge of a limit and one fact at a time.
func TestALimitIsExceededAliveWhenItIsAfterARestart(t *testing.T) {
	seeds := 6
	if os.Getenv("PICLOUD_LONG") != "" {
		seeds = 100
	}
	for _, limits := range []Limits{{Facts: 60}, {Facts: 200}, {Derivations: 60}, {Derivations: 300}} {
		steps, stopped, skipped := 0, 0, 0
		for seed := range seeds {
			w := &world{rand.New(rand.NewPCG(uint64(seed), 17)), owlSchema}
			cfg := Config{Profile: OWLRL, Inferred: same, Limits: limits}
			r := New(cfg)
			given := map[base.Quad]bool{}
			for range 80 {
				var removed, added []base.Quad
				if all := sorted(given); len(all) > 20+w.IntN(40) {
					q := all[w.IntN(len(all))]
					removed = append(removed, q)
					delete(given, q)
				} else {
					for range 1 + w.IntN(3) {
						if q := w.triple(); !given[q] {
							given[q] = true
							added = append(added, q)
						}
					}
				}
				_, live := r.Apply(context.Background(), removed, added)
				if len(given) == 0 {
					continue
				}
				e := r.of(base.Term{})
				store := rdf.NewStore()
				store.LoadQuads(sorted(given))
				fresh := New(cfg)
				restarted := fresh.Load(context.Background(), store.Snapshot())
				if (live == nil) != (restarted == nil) {
					t.Fatalf("seed %d, %+v: with %d facts it says %v, and after a restart %v", seed, limits, len(given), live, restarted)
				}
				all, want := map[base.Quad]bool{}, map[base.Quad]bool{}
				for q := range r.All() {
					all[q] = true
				}
				for q := range fresh.All() {
					want[q] = true
				}
				compare(t, fmt.Sprint("seed ", seed), all, want)
				steps++
				if live != nil {
					stopped++
					if len(removed) > 0 && e.work == 0 {
						skipped++
					}
				}
			}
		}
		t.Logf("%+v: %d steps, %d exceeded, %d deletions without a try", limits, steps, stopped, skipped)
		if stopped < 40 || steps-stopped < 40 || skipped < 5 {
			t.Errorf("%+v: it was exceeded in %d of %d steps and %d deletions were not tried, so little is proved", limits, stopped, steps, skipped)
		}
	}
}
