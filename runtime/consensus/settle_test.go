package consensus

import (
	"testing"
	"testing/synctest"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/eventlog"
)

// A follower looks in its log for what the leader sends, and acknowledges what it
// finds there.
func TestFormerLeaderFindsOnlyDurableEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := eventlog.Open(eventlog.Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		store, err := raftlog.Open(raftlog.Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		n := newNode(Config{HangLimit: 1 << 40}, log)
		n.carrier = newCarrier(nil, "n1", n.history, n.hang.hanging, store.Settled)
		sync, err := store.WriteLogs([]*raft.Log{{Index: 1, Term: 1}, {Index: 2, Term: 1}})
		if err != nil {
			t.Fatal(err)
		}
		found := make(chan error, 1)
		go func() { found <- (&watchedLog{store, n}).GetLog(2, new(raft.Log)) }()
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
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
}
