package node_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/dataset/writer"
)

// BenchmarkChangeDataset is the whole way of a small change: worked out, decided,
// durable, folded, and seen in the dataset.
func BenchmarkChangeDataset(b *testing.B) {
	for _, c := range []struct{ writers, stores int }{{1, 1}, {16, 1}, {16, 16}} {
		b.Run(fmt.Sprintf("writers=%d/stores=%d", c.writers, c.stores), func(b *testing.B) {
			w := quietly(b)
			for i := range c.stores {
				w.do(rdfStore(storeOf(i)))
			}
			b.ResetTimer()
			rate := share(b, c.writers, b.N, func(i int64) error {
				_, err := w.Writer().Change(b.Context(), storeOf(int(i)%c.stores), *request(), increment)
				return err
			})
			b.ReportMetric(rate, "changes/s")
		})
	}
}

func storeOf(i int) base.Ref { return base.Ref(fmt.Sprintf("%s-%d", catalogue, i)) }

// facts are quads as a catalogue has them: a few properties of many things.
func facts(from, n int) (quads []base.Quad) {
	for i := from; i < from+n; i++ {
		thing := base.IRI(fmt.Sprintf("http://example.org/photos/%d", i/5))
		quads = append(quads, base.Quad{
			S: thing, P: base.IRI(fmt.Sprintf("http://example.org/ns#property%d", i%5)), O: base.String(fmt.Sprintf("value %d of it", i*7919)),
		})
	}
	return quads
}

// fill brings quads into a dataset, in changes that fit.
func (w *whole) fill(ref base.Ref, n int) {
	w.t.Helper()
	const most = 200_000
	for from := 0; from < n; from += most {
		w.change(ref, put(nil, facts(from, min(most, n-from))))
	}
}

// BenchmarkStartWithDataset is from the start of a node until a dataset of a
// million quads can be asked, by its image and without.
func BenchmarkStartWithDataset(b *testing.B) {
	w := quietly(b)
	w.do(rdfStore(catalogue))
	w.fill(catalogue, 1_000_000)
	b.ResetTimer()
	for range b.N {
		w.close()
		begin := time.Now()
		w.open()
		node := time.Since(begin)
		view, err := w.Datasets().View(b.Context(), catalogue, 0)
		if err != nil || view.Quads != 1_000_000 {
			b.Fatal(view.Quads, err)
		}
		b.ReportMetric(float64(node.Milliseconds()), "ms-node")
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-dataset")
	}
}

// BenchmarkCommitBesideLargeChange is how long the changes of others take while
// one of 200,000 quads is worked out, logged and folded.
func BenchmarkCommitBesideLargeChange(b *testing.B) {
	w := quietly(b)
	w.do(rdfStore(catalogue))
	large := facts(0, 200_000)
	serial := 0
	commit := func() time.Duration {
		serial++
		begin := time.Now()
		w.do(volume("photo", fmt.Sprint("v", serial%100), int64(serial+1)<<20))
		return time.Since(begin)
	}
	for range b.N {
		var alone, beside []time.Duration
		for range 500 {
			alone = append(alone, commit())
		}
		done := make(chan writer.Answer)
		go func() {
			answer, err := w.Writer().Change(context.Background(), catalogue, *request(), put(nil, large))
			if err != nil {
				b.Error(err)
			}
			done <- answer
		}()
		begin := time.Now()
		for folded := false; !folded; {
			select {
			case <-done:
				folded = true
			default:
				beside = append(beside, commit())
			}
		}
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-change")
		slices.Sort(alone)
		slices.Sort(beside)
		for name, list := range map[string][]time.Duration{"alone": alone, "beside": beside} {
			b.ReportMetric(float64(list[len(list)/2].Microseconds()), "µs-p50-"+name)
			b.ReportMetric(float64(list[len(list)-1].Microseconds()), "µs-max-"+name)
		}
		w.change(catalogue, put(large, nil))
	}
}
