package consensus

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

// A follower looks in its log for what the leader sends, and acknowledges what it
// finds there.
func TestFormerLeaderFindsOnlyDurableEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, faulty.New(rand.New(rand.NewPCG(1, 1))))
		sync, err := w.WriteLogs([]*raft.Log{{Index: 1, Term: 1}, {Index: 2, Term: 1}})
		if err != nil {
			t.Fatal(err)
		}
		found := make(chan error, 1)
		go func() { found <- w.GetLog(2, new(raft.Log)) }()
		synctest.Wait()
		select {
		case err := <-found:
			t.Fatal("it found an entry that the disk may forget:", err)
		default:
		}
		if err := sync(); err != nil {
			t.Fatal(err)
		}
		if err := <-found; err != nil {
			t.Error(err)
		}
	})
}

// Raft would panic: it looks for entries that are committed, and has them.
func TestFormerLeaderThatLostItsEntriesLooksForThemNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty.New(rand.New(rand.NewPCG(1, 1)))
		w := newWatched(t, d)
		sync, err := w.WriteLogs([]*raft.Log{{Index: 1, Term: 1}})
		if err != nil {
			t.Fatal(err)
		}
		d.FailAt(1, 1)
		if err := w.watch(sync); !errors.Is(err, faulty.ErrIO) {
			t.Fatal(err)
		}
		go func() { t.Error("it goes on:", w.GetLog(1, new(raft.Log))) }()
		<-w.node.maimed
	})
}

func TestNodeThatFailsWhileItWritesAheadStillSyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty.New(rand.New(rand.NewPCG(1, 1)))
		slow := time.Duration(0)
		d.Stall = func(faulty.Op, string) time.Duration { return slow }
		w := newWatched(t, d)
		slow = time.Second
		written := make(chan error, 1)
		go func() { written <- w.storeAhead([]*raft.Log{{Index: 1, Term: 1}}) }()
		synctest.Wait()
		_ = w.node.fail(errors.New("the event log failed"))
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		w.node.tasks.Wait()
		if err := w.Settle(1); err != nil { // or the fold would wait for ever, and with it Close
			t.Error(err)
		}
	})
}

// newWatched is the log of a node that does not lead.
func newWatched(t *testing.T, d *faulty.Disk) *watchedLog {
	t.Helper()
	cfg, err := Config{Dir: "raft", ID: "n1", FS: d, HangLimit: time.Minute}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.MkdirAll("raft", 0o700), d.MkdirAll("events", 0o700)); err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(eventlog.Config{Dir: "events", FS: d})
	if err != nil {
		t.Fatal(err)
	}
	store, err := raftlog.Open(raftlog.Config{Dir: "raft", FS: d})
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(cfg, log)
	n.carrier = newCarrier(nil, "n1", n.history, n.hang.hanging, store.Settled)
	t.Cleanup(func() {
		if err := errors.Join(store.Close(), log.Close()); err != nil {
			t.Error(err)
		}
	})
	return &watchedLog{Store: store, node: n}
}

func TestEntriesThatWereReplacedAreForgotten(t *testing.T) {
	w := newWatched(t, faulty.New(rand.New(rand.NewPCG(1, 1))))
	entry := func(index, term uint64, bytes int) *raft.Log {
		return &raft.Log{Index: index, Term: term, Data: make([]byte, bytes)}
	}
	check := func(index, term uint64) {
		t.Helper()
		var l raft.Log
		if err := w.GetLog(index, &l); err != nil || l.Index != index || l.Term != term {
			t.Errorf("entry %d is %d of term %d, not %d: %v", index, l.Index, l.Term, term, err)
		}
	}
	if err := w.StoreLogs([]*raft.Log{entry(1, 1, 1), entry(2, 1, recentBytes+1), entry(3, 1, 1), entry(4, 1, 1)}); err != nil {
		t.Fatal(err)
	}
	for index := range uint64(4) {
		check(index+1, 1)
	}
	if err := w.DeleteRange(3, 4); err != nil {
		t.Fatal(err)
	}
	if err := w.GetLog(3, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
		t.Error("a deleted entry is found:", err)
	}
	if err := w.StoreLogs([]*raft.Log{entry(3, 2, 1), entry(4, 2, recentBytes+1)}); err != nil {
		t.Fatal(err)
	}
	check(3, 2)
	check(4, 2)
}
