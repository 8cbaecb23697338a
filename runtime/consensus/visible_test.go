package consensus_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
)

// BenchmarkVisibleOnFollowers is from the answer of an isolated write to the
// moment when all followers have it.
func BenchmarkVisibleOnFollowers(b *testing.B) {
	g := form(b, 3, nil)
	leader := g.leader()
	d := leader.proposer()
	var delays []time.Duration
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for b.Loop() {
		<-pause.C
		f := d.submit(1, make([]byte, 200))
		if err := f.Err(); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		for _, c := range g.nodes {
			if err := c.log.Wait(testContext(b), f.Position()); err != nil {
				b.Fatal(err)
			}
		}
		delays = append(delays, time.Since(begin))
	}
	slices.Sort(delays)
	b.ReportMetric(float64(delays[len(delays)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(delays[len(delays)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkRest is three nodes that nobody asks for anything: the processor time
// of all three and the bytes that their process writes.
func BenchmarkRest(b *testing.B) {
	g := form(b, 3, nil)
	g.write(3)
	g.converge()
	wait := 5 * time.Second
	if os.Getenv("PICLOUD_LONG") == "1" {
		wait = time.Minute
	}
	for b.Loop() {
		before, begin := processorTime(b), time.Now()
		<-time.After(wait)
		share := float64(processorTime(b)-before) / float64(time.Since(begin))
		b.ReportMetric(100*share/3, "%cpu/node")
	}
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReplicatedCommit is the bare consensus of three nodes.
func BenchmarkReplicatedCommit(b *testing.B) {
	for _, tc := range []struct{ proposers, events, size int }{
		{1, 1, 256}, {16, 1, 256}, {256, 1, 256}, {16, 100, 25_600}, {256, 100, 25_600},
	} {
		b.Run(fmt.Sprintf("proposers=%d/events=%d", tc.proposers, tc.events), func(b *testing.B) {
			f := yardstick()
			g := form(b, 3, func(_ string, c *consensus.Config) {})
			for _, c := range g.nodes {
				c.fold.forget = true // before anything is written
			}
			d := g.leader().proposer()
			payload := make([]byte, tc.size)
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for range tc.proposers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if err := d.submit(tc.events, payload).Err(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			rate := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "commits/s")
			b.ReportMetric(rate*float64(tc.events), "events/s")
			b.ReportMetric(rate/f, "of-F")
		})
	}
}
