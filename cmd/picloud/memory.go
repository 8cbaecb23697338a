//go:build linux

package main

import (
	"bufio"
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What a process at rest may keep.
const (
	restEvery = 15 * time.Second
	restBusy  = 8 << 20 // bytes allocated between two looks: it is not at rest
	restSpare = 8 << 20 // bytes of heap beyond what was needed at the last look back
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
			forgetProgram()
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

// forgetProgram takes the pages of the program out of the process that were needed
// for its start or its work. They stay in the system's cache of files, and those that
// a node at rest needs come back one by one.
func forgetProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return // it keeps them
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		f := strings.Fields(lines.Text()) // proc_pid_maps(5): address perms offset dev inode path
		if len(f) < 6 || f[5] != program || strings.Contains(f[1], "w") {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		begin, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil && begin < end {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(begin), uintptr(end-begin), syscall.MADV_DONTNEED) // advice
		}
	}
}
