package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkBinary measures the program as people run it: its size, the time
// from its start until it is ready (in a new directory and in one that exists),
// and its memory at rest with the photo-app applied.
func BenchmarkBinary(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "picloud")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	var fresh, again time.Duration
	var resident, anonymous int64
	for b.Loop() {
		dir, err := os.MkdirTemp(os.Getenv("PICLOUD_BENCH_DIR"), "picloud-bench")
		if err != nil {
			b.Fatal(err)
		}
		took, stop, _ := startBinary(b, binary, dir)
		stop()
		fresh += took
		took, stop, process := startBinary(b, binary, dir, "--apply", "../../ontology/examples/photo-app")
		again += took
		resident, anonymous = memory(b, process.Pid)
		stop()
		os.RemoveAll(dir)
	}
	n := float64(b.N)
	b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
	b.ReportMetric(float64(fresh.Milliseconds())/n, "ms-to-ready-fresh")
	b.ReportMetric(float64(again.Milliseconds())/n, "ms-to-ready-again")
	b.ReportMetric(float64(resident)/1e3, "MB-resident")
	b.ReportMetric(float64(anonymous)/1e3, "MB-anonymous")
}

// startBinary starts a node and waits for the line that says it is ready.
func startBinary(b *testing.B, binary, dir string, more ...string) (took time.Duration, stop func(), process *os.Process) {
	b.Helper()
	command := exec.Command(binary, append([]string{"dev", "--dir", dir, "--listen", "127.0.0.1:0"}, more...)...)
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "try:" { // which follows what is applied
		if strings.HasPrefix(lines.Text(), "ready ") {
			took = time.Since(began)
		}
	}
	if took == 0 {
		b.Fatal("the node did not become ready")
	}
	return took, func() {
		if err := command.Process.Signal(os.Interrupt); err != nil {
			b.Error(err)
		}
		for lines.Scan() { // until the node closes its output
		}
		if err := command.Wait(); err != nil {
			b.Error(err)
		}
	}, command.Process
}

// memory reads what the kernel says of a process, in kilobytes.
func memory(b *testing.B, pid int) (resident, anonymous int64) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("no /proc here: ", err)
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch n, _ := strconv.ParseInt(fields[1], 10, 64); fields[0] {
		case "VmRSS:":
			resident = n
		case "RssAnon:":
			anonymous = n
		}
	}
	return resident, anonymous
}
