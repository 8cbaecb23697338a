package clusterbench

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// figures are what one load gave.
type figures struct {
	Writes  int     `json:"writes"`
	Seconds float64 `json:"seconds"`
	P50     int64   `json:"p50"` // microseconds
	P99     int64   `json:"p99"`
}

func (f figures) rate() float64 { return float64(f.Writes) / f.Seconds }

func (f figures) String() string {
	return fmt.Sprintf("%8.0f/s  p50 %7.2f ms  p99 %7.2f ms", f.rate(), float64(f.P50)/1000, float64(f.P99)/1000)
}

// load lets writers write, one request after the other each, until the time is
// over.
func load(t *testing.T, writers int, limit time.Duration, write func(writer, i int) error) figures {
	t.Helper()
	took := make([][]time.Duration, writers)
	failed := make([]error, writers)
	var group sync.WaitGroup
	began := time.Now()
	for w := range writers {
		group.Go(func() {
			for i := 0; time.Since(began) < limit && failed[w] == nil; i++ {
				at := time.Now()
				failed[w] = write(w, i)
				took[w] = append(took[w], time.Since(at))
			}
		})
	}
	group.Wait()
	seconds := time.Since(began).Seconds()
	for _, err := range failed {
		if err != nil {
			t.Fatal(err)
		}
	}
	return summary(slices.Concat(took...), seconds)
}

func summary(took []time.Duration, seconds float64) figures {
	slices.Sort(took)
	return figures{len(took), seconds, percentile(took, 50).Microseconds(), percentile(took, 99).Microseconds()}
}

// percentile is of sorted durations; zero of none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100]
}
