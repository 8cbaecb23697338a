package consensus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// yardstick is F: fdatasync/s of 512-byte appends to a preallocated file, on
// the disk that the benchmark uses.
var yardstick = sync.OnceValue(func() float64 {
	f, err := os.CreateTemp(benchRoot(), "yardstick")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 512)
	if _, err := f.Write(make([]byte, 8<<20)); err != nil || f.Sync() != nil {
		return 0
	}
	n, begin := 0, time.Now()
	for time.Since(begin) < time.Second && n < 8<<20/512 {
		if _, err := f.WriteAt(block, int64(n)*512); err != nil {
			return 0
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0
		}
		n++
	}
	return float64(n) / time.Since(begin).Seconds()
})

// benchRoot is where benchmarks write: a real disk, if TMPDIR is none.
func benchRoot() string { return os.Getenv("PICLOUD_BENCH_DIR") }

func BenchmarkFdatasync(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(yardstick(), "F/s")
	}
}

// BenchmarkCommit is the bare consensus: durable commits of a single voter.
func BenchmarkCommit(b *testing.B) {
	for _, tc := range []struct{ proposers, events, size int }{
		{1, 1, 256}, {16, 1, 256}, {256, 1, 256}, {1, 100, 25_600}, {16, 100, 25_600},
	} {
		b.Run(fmt.Sprintf("proposers=%d/events=%d", tc.proposers, tc.events), func(b *testing.B) {
			benchCommit(b, tc.proposers, tc.events, make([]byte, tc.size))
		})
	}
}

func benchCommit(b *testing.B, proposers, events int, payload []byte) {
	f := yardstick()
	dir, err := os.MkdirTemp(benchRoot(), "commit")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c, err := open(filepath.Join(dir, "n"), &fold{forget: true})
	if err != nil {
		b.Fatal(err)
	}
	c.t = b
	defer c.stop()
	d := c.decider()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range proposers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := d.submit(events, payload).Err(); err != nil {
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
	b.ReportMetric(rate*float64(events), "events/s")
	b.ReportMetric(rate/f, "of-F")
	runtime.GC()
}

// BenchmarkCommitOfThree is the bare consensus of three voters over loopback:
// commits that a majority keeps.
func BenchmarkCommitOfThree(b *testing.B) {
	for _, proposers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("proposers=%d", proposers), func(b *testing.B) {
			g := form(b, 3, nil)
			d := g.leader().proposer()
			payload := make([]byte, 256)
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for range proposers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if err := d.submit(1, payload).Err(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			g.stopAll()
		})
	}
}
