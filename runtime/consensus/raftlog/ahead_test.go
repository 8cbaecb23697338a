package raftlog_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

func TestWhatIsWrittenAheadIsReadAtOnceAndSettlesWithItsSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openAhead(t, faulty.New(rand.New(rand.NewPCG(1, 1))))
		if err := s.StoreLog(&raft.Log{Index: 1, Term: 1}); err != nil {
			t.Fatal(err)
		}
		sync, err := s.WriteLogs([]*raft.Log{{Index: 2, Term: 1, Data: []byte("two")}, {Index: 3, Term: 1}})
		if err != nil {
			t.Fatal(err)
		}
		var l raft.Log
		if err := s.GetLog(2, &l); err != nil || string(l.Data) != "two" {
			t.Error(l, err)
		}
		if at := s.Settled(3); at != 1 {
			t.Errorf("durable up to %d", at)
		}
		if err := s.Settle(1); err != nil {
			t.Error(err)
		}
		settled, next := make(chan error, 1), make(chan error, 1)
		go func() { settled <- s.Settle(3) }()
		go func() { next <- s.StoreLog(&raft.Log{Index: 4, Term: 1}) }()
		synctest.Wait()
		if len(settled) > 0 || len(next) > 0 {
			t.Error("somebody did not wait for the sync")
		}
		if err := errors.Join(sync(), <-settled, <-next); err != nil {
			t.Error(err)
		}
		if at := s.Settled(4); at != 4 {
			t.Errorf("durable up to %d", at)
		}
	})
}

func TestWhatCouldNotBeSyncedNeverSettles(t *testing.T) {
	d := faulty.New(rand.New(rand.NewPCG(1, 1)))
	s := openAhead(t, d)
	sync, err := s.WriteLogs([]*raft.Log{{Index: 1, Term: 1}})
	if err != nil {
		t.Fatal(err)
	}
	d.FailAt(1, 1)
	if err := sync(); !errors.Is(err, faulty.ErrIO) {
		t.Fatal(err)
	}
	if err := s.Settle(1); !errors.Is(err, faulty.ErrIO) {
		t.Error(err)
	}
	if at := s.Settled(1); at != 0 {
		t.Errorf("durable up to %d", at)
	}
	if err := s.StoreLog(&raft.Log{Index: 2, Term: 1}); !errors.Is(err, faulty.ErrIO) {
		t.Error("the next write:", err)
	}
}

func openAhead(t *testing.T, d *faulty.Disk) *raftlog.Store {
	t.Helper()
	if err := d.MkdirAll("/raft", 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := raftlog.Open(raftlog.Config{Dir: "/raft", FS: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
