package http_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkLiveDelta is the time from the moment a write is sent until each live
// query that it touches has its event: 1,000 of them over TLS, each another
// query, twenty of them about the product that changes. The write itself, with
// its commit to the disk, is part of it.
func BenchmarkLiveDelta(b *testing.B) {
	const products, queries = 50, 1000
	c := start(b, b.TempDir())
	for i := range products {
		c.want(201, c.do("PUT", fmt.Sprintf("/products/p%d", i), `{"version":"0.0.0"}`))
	}
	arrived := make(chan time.Time, queries)
	for i := range queries {
		w := c.watch("/sparql", fmt.Sprintf(`PREFIX pc: <https://picloud.local/ontology#> SELECT ?version { </products/p%d> pc:version ?version ; pc:phase ?phase FILTER(?version != "%d.x") }`, i%products, i))
		w.next("rows")
		go func() {
			for {
				if _, err := w.read(); err != nil {
					return
				}
				arrived <- time.Now()
			}
		}()
	}
	var took, wrote []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		c.want(200, c.do("PUT", fmt.Sprintf("/products/p%d", i%products), fmt.Sprintf(`{"version":"1.0.%d"}`, i)))
		wrote = append(wrote, time.Since(began))
		for range queries / products {
			took = append(took, (<-arrived).Sub(began))
		}
	}
	for name, list := range map[string][]time.Duration{"event": took, "write": wrote} {
		slices.Sort(list)
		b.ReportMetric(float64(list[len(list)/2].Microseconds())/1000, "ms-p50-"+name)
		b.ReportMetric(float64(list[len(list)*95/100].Microseconds())/1000, "ms-p95-"+name)
	}
}
