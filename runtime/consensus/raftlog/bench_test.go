package raftlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
)

// benchDir is on a real disk, if TMPDIR is none.
func benchDir(b *testing.B) string {
	dir, err := os.MkdirTemp(os.Getenv("PICLOUD_BENCH_DIR"), "raftlog")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	return dir
}

// BenchmarkStoreLogs is one durable write of n entries, beside raft-boltdb.
func BenchmarkStoreLogs(b *testing.B) {
	for _, n := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("raftlog/entries=%d", n), func(b *testing.B) {
			s, err := raftlog.Open(raftlog.Config{Dir: benchDir(b)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			benchStore(b, s, n)
		})
		b.Run(fmt.Sprintf("boltdb/entries=%d", n), func(b *testing.B) {
			s, err := raftboltdb.NewBoltStore(filepath.Join(benchDir(b), "raft.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			benchStore(b, s, n)
		})
	}
}

func benchStore(b *testing.B, s raft.LogStore, n int) {
	logs, data, next := make([]*raft.Log, n), make([]byte, 300), uint64(1)
	for b.Loop() {
		for i := range logs {
			logs[i] = &raft.Log{Index: next, Term: 1, Data: data}
			next++
		}
		if err := s.StoreLogs(logs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(next-1)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkOpen is the start on as many entries as Raft keeps.
func BenchmarkOpen(b *testing.B) {
	dir := benchDir(b)
	s, err := raftlog.Open(raftlog.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	logs, data := make([]*raft.Log, 50_000), make([]byte, 300)
	for i := range logs {
		logs[i] = &raft.Log{Index: uint64(i + 1), Term: 1, Data: data}
	}
	if err := s.StoreLogs(logs); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := raftlog.Open(raftlog.Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
