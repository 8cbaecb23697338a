package consensus_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
)

// former puts Raft's store back to how earlier releases kept it: log, term and
// vote in one bbolt file.
func former(t *testing.T, dir string) {
	t.Helper()
	store := filepath.Join(dir, "raft", "store")
	db, err := raftboltdb.NewBoltStore(filepath.Join(dir, "raft", "raft.db"))
	if err != nil {
		t.Fatal(err)
	}
	stable, err := raftboltdb.NewBoltStore(filepath.Join(store, "stable.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"CurrentTerm", "LastVoteTerm", "LastVoteCand"} {
		value, err := stable.Get([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Set([]byte(key), value); err != nil {
			t.Fatal(err)
		}
	}
	log, err := raftlog.Open(raftlog.Config{Dir: store})
	if err != nil {
		t.Fatal(err)
	}
	first, err1 := log.FirstIndex()
	last, err2 := log.LastIndex()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for i := first; i <= last; i++ {
		var l raft.Log
		if err := errors.Join(log.GetLog(i, &l), db.StoreLog(&l)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(), stable.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(store); err != nil {
		t.Fatal(err)
	}
}

// A directory of an earlier release is taken over, and Raft's log with it: it
// still fills a lost event log. An attempt that was interrupted begins again.
func TestFormerStoreIsTakenOver(t *testing.T) {
	dir := written(t)
	former(t, dir)
	if err := os.MkdirAll(filepath.Join(dir, "raft", "store.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "raft", "store.new", "stable.db"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "events")); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	if term := c.lead(testContext(t)); term < 3 {
		t.Errorf("the term went back to %d", term)
	}
	if p := c.log.Head().Position; p != 10 {
		t.Errorf("%d of 10 events are there", p)
	}
	if err := c.decider().submit(1, []byte("more")).Err(); err != nil {
		t.Error(err)
	}
	for _, gone := range []string{"raft.db", "store.new"} {
		if _, err := os.Stat(filepath.Join(dir, "raft", gone)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", gone, err)
		}
	}
}

// The process ended between the switch and the removal of the former file: what
// stands in it is old.
func TestFormerStoreLeftBehindIsRemoved(t *testing.T) {
	dir := written(t)
	if err := os.WriteFile(filepath.Join(dir, "raft", "raft.db"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	if err := c.decider().submit(1, []byte("more")).Err(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "raft", "raft.db")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestDamagedFormerStoreIsKept(t *testing.T) {
	dir := written(t)
	former(t, dir)
	path := filepath.Join(dir, "raft", "raft.db")
	if err := os.Truncate(path, 3*4096); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, &fold{}); err == nil {
		t.Error("it was opened")
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
