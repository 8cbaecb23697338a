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
		if now-before < restBusy {
			if takes > needed+restSpare {
				debug.FreeOSMemory()
				now, needed = heap()
			}
			forgetProgram()
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
	if program, err := os.Readlink("/proc/self/exe"); err == nil { // else it keeps them
		forget(program)
	}
}

// forget takes the pages of a file out of the process, where it maps them as they are
// in the file. What it wrote there would not come back: in a position-independent
// program these are the addresses of its constants, which nobody may write to any more.
func forget(file string) {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var begin, end uint64
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		f := strings.Fields(lines.Text()) // proc_pid_smaps(5): address perms offset dev inode path, then figures
		switch {
		case len(f) > 1 && !strings.HasSuffix(f[0], ":"):
			if begin, end = 0, 0; len(f) == 6 && f[5] == file && !strings.Contains(f[1], "w") {
				from, to, _ := strings.Cut(f[0], "-")
				begin, _ = strconv.ParseUint(from, 16, 64)
				end, _ = strconv.ParseUint(to, 16, 64)
			}
		case len(f) > 1 && f[0] == "Anonymous:" && f[1] == "0" && begin < end:
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(begin), uintptr(end-begin), syscall.MADV_DONTNEED) // advice
		}
	}
}
