//go:build linux

package main

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// burst is some work that needs 64 MiB at once and leaves them behind.
func burst() {
	kept = make([][]byte, 64)
	for i := range kept {
		kept[i] = make([]byte, 1<<20)
	}
	kept = nil
}

var kept [][]byte // so that the compiler allocates

func TestMemoryGoesBackWhenTheNodeComesToRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer beside(t.Context(), rest)()
		<-time.After(restEvery / 2)
		burst()
		_, before := heap()
		<-time.After(restEvery)
		synctest.Wait()
		if _, now := heap(); now < before/2 {
			t.Errorf("%d of %d MB after a look that found it busy", now>>20, before>>20)
		}
		<-time.After(restEvery)
		synctest.Wait()
		if _, now := heap(); before < 32<<20 || now > before/2 {
			t.Errorf("%d of %d MB after a look that found it at rest", now>>20, before>>20)
		}
	})
}

func TestWhoSetTheCollectorDecides(t *testing.T) {
	t.Setenv("GOGC", "200")
	ended := make(chan struct{})
	go func() { defer close(ended); rest(context.Background()) }()
	<-ended // without being told to
}

func TestProgramGoesOnWithoutItsPages(t *testing.T) {
	before := resident(t)
	forgetProgram()
	if now := resident(t); now > before/4*3 {
		t.Errorf("%d kB of files are resident, %d kB before", now, before)
	}
}

// The addresses of a position-independent program's constants are such pages.
func TestWhatWasWrittenOverAFileIsKept(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "program"))
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	page, err := syscall.Mmap(int(file.Fd()), 0, os.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Munmap(page) }()
	page[1] = 7
	if err := syscall.Mprotect(page, syscall.PROT_READ); err != nil {
		t.Fatal(err)
	}
	if forget(file.Name()); page[1] != 7 {
		t.Error("it was taken back")
	}
}

// resident is how many kB of files are in the process.
func resident(t *testing.T) int {
	t.Helper()
	file, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if f := strings.Fields(lines.Text()); f[0] == "RssFile:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("the kernel does not say")
	return 0
}
