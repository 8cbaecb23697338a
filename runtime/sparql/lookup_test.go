package sparql

import (
	"context"
	"maps"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// watchedContext measures how long an execution goes on without looking whether
// it must end, in time of the processor: what else the machine does at the same
// time does not count. It is used by one goroutine that stays on its thread.
type watchedContext struct {
	context.Context
	last, worst time.Duration
}

func (c *watchedContext) Err() error {
	now := threadTime()
	if c.last > 0 {
		c.worst = max(c.worst, now-c.last)
	}
	c.last = now
	return c.Context.Err()
}

// threadTime is what the thread has used of the processor.
func threadTime() time.Duration {
	const thisThread = 1 // RUSAGE_THREAD of Linux
	var used syscall.Rusage
	if err := syscall.Getrusage(thisThread, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestExecutionsLookUpWithin50Milliseconds fills the default memory with what
// each sort of operator keeps: growing must not be felt. PICLOUD_LONG=1 runs all
// hungry queries.
func TestExecutionsLookUpWithin50Milliseconds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the time of a thread is measured on Linux only")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	d := rings(5000)
	names := []string{"order", "group", "hash join", "distinct computed"}
	if os.Getenv("PICLOUD_LONG") != "" {
		names = slices.Sorted(maps.Keys(hungry))
	}
	for _, name := range names {
		r, err := Execute(t.Context(), mustParse(t, hungry[name]), d, Limits{Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(name, err)
		}
		watched := &watchedContext{Context: r.exec.ctx}
		r.exec.ctx = watched
		err = readOut(r)
		t.Logf("%-18s %s (%s)", name, watched.worst, code(err))
		if watched.worst > 50*time.Millisecond {
			t.Errorf("%s: it did not look up for %s", name, watched.worst)
		}
	}
}
