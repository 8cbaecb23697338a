package live

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// resources are a graph as clusters have it: each thing in the graph of its
// product with some properties.
func resources(n int) (quads []base.Quad) {
	for i := range n {
		name, product := fmt.Sprint("thing", i), fmt.Sprint("product", i%100)
		quads = append(quads, quad(name, "type", "Container", product), quad(name, "product", product, product), quad(name, "phase", "ready", product),
			quad(name, "image", fmt.Sprint("image", i%7), product), quad(name, "node", fmt.Sprint("node", i%5), product))
	}
	return quads
}

// own are queries of which each is about one thing, or one product's things.
func own(g *graph, i int) Request {
	text := fmt.Sprintf(`SELECT ?phase ?image { :thing%d :phase ?phase ; :image ?image }`, i)
	if i%2 == 1 {
		text = fmt.Sprintf(`SELECT ?s ?image { ?s :node ?n ; :product :product%d ; :image ?image }`, i)
	}
	return request(g, text)
}

const thousand = 1000

// BenchmarkIrrelevantCommit is what a commit of ten quads costs the follower
// when it matters to no live query.
func BenchmarkIrrelevantCommit(b *testing.B) {
	for _, n := range []int{0, thousand} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := newGraph(resources(2000)...)
			h := hub(b, Config{})
			next(b, subscribe(b, h, request(g, `ASK { :nothing :nothing :nothing }`)))
			for i := range n {
				next(b, subscribe(b, h, own(g, i)))
			}
			f := h.feeds["test"]
			view := f.view
			view.Known = true
			for i := range 10 {
				view.Added = append(view.Added, quad(fmt.Sprint("other", i), fmt.Sprint("seen", i%3), "now", "product1/events"))
			}
			runs := h.Stats().Runs
			b.ReportAllocs()
			for b.Loop() {
				f.move(view)
			}
			if h.Stats().Runs != runs {
				b.Error("it mattered")
			}
		})
	}
}

// BenchmarkDelta is the time from a commit until each subscriber that it touches
// has its event, among a thousand subscriptions.
func BenchmarkDelta(b *testing.B) {
	for _, c := range []struct {
		name    string
		request func(g *graph, i int) Request
		touched int
	}{
		{"one-of-1000", own, 1},
		{"1000-distinct", func(g *graph, i int) Request {
			return request(g, fmt.Sprintf(`SELECT ?s ?phase { ?s :product :product7 ; :phase ?phase FILTER(?s != :thing%d) }`, 100000+i))
		}, thousand},
		{"1000-equal", func(g *graph, _ int) Request {
			return request(g, `SELECT ?s ?phase { ?s :product :product7 ; :phase ?phase }`)
		}, thousand},
	} {
		b.Run(c.name, func(b *testing.B) { benchDelta(b, c.request, c.touched) })
	}
}

func benchDelta(b *testing.B, ask func(*graph, int) Request, touched int) {
	g := newGraph(resources(10_000)...)
	h := hub(b, Config{})
	arrived := make(chan time.Time, thousand)
	for i := range thousand {
		s := subscribe(b, h, ask(g, i))
		next(b, s)
		go func() {
			for {
				if _, err := s.Next(b.Context()); err != nil {
					return
				}
				arrived <- time.Now()
			}
		}()
	}
	var took []time.Duration
	phases := [2]string{"ready", "failed"}
	for i := 0; b.Loop(); i++ {
		thing, was, is := "thing107", phases[i%2], phases[(i+1)%2]
		if touched == 1 {
			thing = "thing108"
		}
		began := time.Now()
		g.change([]base.Quad{quad(thing, "phase", was, product(thing))}, []base.Quad{quad(thing, "phase", is, product(thing))})
		for range touched {
			took = append(took, (<-arrived).Sub(began))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
}

func product(thing string) string {
	var n int
	_, _ = fmt.Sscanf(thing, "thing%d", &n)
	return fmt.Sprint("product", n%100)
}
