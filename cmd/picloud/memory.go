//go:build linux

package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// What a process at rest may keep.
const (
	restEvery = 15 * time.Second
	restBusy  = 8 << 20 // bytes allocated between two looks: it is not at rest
	restSpare = 4 << 20 // bytes of heap beyond what was needed at the last look back
)

// The figures that tell whether it is at rest.
const (
	allocated = "/gc/heap/allocs:bytes"
	objects   = "/memory/classes/heap/objects:bytes"
	unused    = "/memory/classes/heap/unused:bytes"
	free      = "/memory/classes/heap/free:bytes"
)

// rest returns memory to the system whenever the process has come to rest, until
// ctx ends. After a burst of work the heap holds as much garbage as anything else, and
// the collector waits for more work before it looks. Who set GOGC or GOMEMLIMIT
// decided otherwise.
func rest(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	look := time.NewTicker(restEvery)
	defer look.Stop()
	var needed uint64
	before, _ := heap()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		now, takes := heap()
		if now-before < restBusy && takes > needed+restSpare {
			debug.FreeOSMemory()
			now, needed = heap()
		}
		before = now
	}
}

// heap is how many bytes were ever allocated, and how many the heap takes of the
// system.
func heap() (ever, takes uint64) {
	samples := []metrics.Sample{{Name: allocated}, {Name: objects}, {Name: unused}, {Name: free}}
	metrics.Read(samples)
	for _, s := range samples[1:] {
		takes += s.Value.Uint64()
	}
	return samples[0].Value.Uint64(), takes
}
