package clusterbench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// fanout has a thousand listeners of all events, spread over the nodes.
func fanout(t *testing.T, rows *table) {
	const rate, hands = 200, 16
	listeners := number(t, "PICLOUD_LISTENERS", 1000)
	n := rate * int(duration(t, "PICLOUD_ROUND", 5*time.Second).Seconds()) * 2
	c := form(t, 3)
	writers := c.callers(hands, nil)
	for _, w := range writers {
		if _, err := w.product("warm", "warm"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ears := make([]*ear, listeners)
	var all sync.WaitGroup
	failed := make([]error, listeners)
	began := time.Now()
	for i := range ears { // spread over the nodes, as clients choose them
		ears[i] = c.listen(c.nodes[i%len(c.nodes)], began, n)
	}
	for i, e := range ears {
		all.Go(func() { failed[i] = e.hear(ctx, n) })
	}
	before := c.spent()
	var mu sync.Mutex
	sent := map[uint64]time.Duration{} // since it began, by the position that came of it
	took := pace(t, n, rate, hands, func(hand, i int) error {
		at := time.Since(began)
		position, err := writers[hand].product(fmt.Sprint("p", i%1000), fmt.Sprintf("told-%d-", i))
		mu.Lock()
		defer mu.Unlock()
		sent[position] = at
		return err
	})
	late := time.AfterFunc(30*time.Second, stop) // who has all ends by itself
	all.Wait()
	late.Stop()
	stop()
	var taken cost
	taken.more(before, c.spent())
	var delays []time.Duration
	for i, e := range ears {
		if failed[i] != nil {
			t.Fatal(failed[i])
		}
		last := uint64(0)
		for _, h := range e.heard {
			if h.position <= last {
				t.Fatalf("event %d was told after %d", h.position, last)
			}
			last = h.position
			if at, ours := sent[h.position]; ours {
				delays = append(delays, h.at-at)
			}
		}
	}
	slices.Sort(delays)
	rows.add(fmt.Sprintf("%d listeners at %.0f events/s: request sent → told", listeners, float64(n)/took.Seconds()), "p99 ≤ 100 ms",
		fmt.Sprintf("p50 %s  p99 %s", short(percentile(delays, 50)), short(percentile(delays, 99))), "")
	rows.add("of all deliveries", "all", fmt.Sprintf("%d of %d", len(delays), n*listeners), fmt.Sprintf("%.4f", float64(len(delays))/float64(n*listeners)))
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(max(1, len(delays))) }
	rows.add("processor for each delivery, the writes in it", "", fmt.Sprintf("servers %.2f µs, listeners and writers %.2f µs", each(taken.leader+taken.followers), each(taken.load)), "")
}
