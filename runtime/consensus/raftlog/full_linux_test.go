package raftlog_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
)

// A real disk of 4 MiB is filled with entries until it refuses, and goes on
// after the head was taken away.
func TestRealFullDiskRefusesAndForgets(t *testing.T) {
	where := t.TempDir()
	if err := syscall.Mount("tmpfs", where, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("a small file system cannot be mounted here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(where, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := raftlog.Open(raftlog.Config{Dir: where, SegmentBytes: 1 << 20, RoomBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for round := range 3 {
		for {
			if err = s.StoreLog(&raft.Log{Index: last + 1, Data: make([]byte, 10_000)}); err != nil {
				break
			}
			last++
		}
		if got, _ := s.LastIndex(); !errors.Is(err, syscall.ENOSPC) || s.Err() != nil || got != last {
			t.Fatalf("round %d: %v, %v, %d of %d entries", round, err, s.Err(), got, last)
		}
		if err := s.DeleteRange(0, last-3); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = raftlog.Open(raftlog.Config{Dir: where}); err != nil {
		t.Fatal(err)
	}
	if logs := contents(t, s); len(logs) != 3 || logs[2].Index != last || len(logs[0].Data) != 10_000 {
		t.Error(logs)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
