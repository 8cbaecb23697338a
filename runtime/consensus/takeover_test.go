package consensus_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk"
)

// former puts Raft's store back to how an earlier release kept it. In the first
// format log, term and vote were in one bbolt file, in the second term and vote
// in one beside the log; snapshots were directories in both.
func former(t *testing.T, dir string, format int) {
	t.Helper()
	raftDir, store := filepath.Join(dir, "raft"), filepath.Join(dir, "raft", "store")
	name := filepath.Join(store, "stable.db")
	if format == 1 {
		name = filepath.Join(raftDir, "raft.db")
	}
	db, err := raftboltdb.NewBoltStore(name)
	if err != nil {
		t.Fatal(err)
	}
	formerStable(t, store, db)
	formerSnapshots(t, raftDir, store)
	if format == 1 {
		formerLog(t, store, db)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if format == 1 {
		err = os.RemoveAll(store)
	} else {
		err = os.Remove(filepath.Join(store, "stable"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func formerStable(t *testing.T, store string, db *raftboltdb.BoltStore) {
	t.Helper()
	stable, err := raftlog.OpenStable(disk.OS(), store)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"CurrentTerm", "LastVoteTerm", "LastVoteCand"} {
		value, err := stable.Get([]byte(key))
		if err = errors.Join(err, db.Set([]byte(key), value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := stable.Close(); err != nil {
		t.Fatal(err)
	}
}

func formerSnapshots(t *testing.T, raftDir, store string) {
	t.Helper()
	to, err := raft.NewFileSnapshotStore(raftDir, 2, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	from := raftlog.NewSnapshots(disk.OS(), store, 2)
	list, err := from.List()
	if err != nil {
		t.Fatal(err)
	}
	_, transport := raft.NewInmemTransport("")
	for _, meta := range list {
		_, content, err := from.Open(meta.ID)
		if err != nil {
			t.Fatal(err)
		}
		sink, err := to.Create(meta.Version, meta.Index, meta.Term, meta.Configuration, meta.ConfigurationIndex, transport)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(sink, content); err != nil {
			t.Fatal(err)
		}
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(store, "snapshot-"+meta.ID+".json")); err != nil {
			t.Fatal(err)
		}
	}
}

func formerLog(t *testing.T, store string, db *raftboltdb.BoltStore) {
	t.Helper()
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
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// snapshotted is a closed node whose Raft log begins behind a snapshot.
func snapshotted(t *testing.T) string {
	dir := t.TempDir()
	c, err := open(dir, &fold{}, busy)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	d := c.decider()
	for range 60 {
		if err := d.submit(1, []byte("x")).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.node.Snapshot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := d.submit(1, []byte("y")).Err(); err != nil {
		t.Fatal(err)
	}
	c.stop()
	return dir
}

// stopping is a disk under a process that ends in its n-th change.
type stopping struct {
	disk.FS
	left *int
}

var errStopped = errors.New("the process has ended")

func (s stopping) step() error {
	if *s.left--; *s.left < 0 {
		return errStopped
	}
	return nil
}

func (s stopping) OpenFile(path string, flag int, perm os.FileMode) (disk.File, error) {
	if flag&os.O_CREATE != 0 && s.step() != nil {
		return nil, errStopped
	}
	f, err := s.FS.OpenFile(path, flag, perm)
	return stoppingFile{f, s}, err
}

func (s stopping) MkdirAll(dir string, perm os.FileMode) error {
	return errors.Join(s.step(), s.FS.MkdirAll(dir, perm))
}

func (s stopping) Rename(from, to string) error {
	if s.step() != nil {
		return errStopped
	}
	return s.FS.Rename(from, to)
}

func (s stopping) Remove(path string) error {
	if s.step() != nil {
		return errStopped
	}
	return s.FS.Remove(path)
}

type stoppingFile struct {
	disk.File
	s stopping
}

func (f stoppingFile) WriteAt(p []byte, at int64) (int, error) {
	if f.s.step() != nil {
		return 0, errStopped
	}
	return f.File.WriteAt(p, at)
}

// A directory of an earlier release is taken over, and Raft's log with it, which
// still fills a lost event log; wherever the first attempts are interrupted.
func TestFormerStoreIsTakenOver(t *testing.T) {
	for format := 1; format <= 2; format++ {
		for at := 0; ; at++ {
			dir := written(t)
			former(t, dir, format)
			if err := os.RemoveAll(filepath.Join(dir, "events")); err != nil {
				t.Fatal(err)
			}
			left := at
			c, err := open(dir, &fold{}, func(cfg *consensus.Config) { cfg.FS = stopping{disk.OS(), &left} })
			if err == nil {
				c.t = t
				c.stop()
				if left >= 0 {
					break
				}
			}
			takenOver(t, dir, 10)
		}
	}
}

// Raft's log no longer reaches back behind the snapshot, so that counts too.
func TestFormerSnapshotsAreTakenOver(t *testing.T) {
	for format := 1; format <= 2; format++ {
		dir := snapshotted(t)
		former(t, dir, format)
		takenOver(t, dir, 61)
	}
}

func takenOver(t *testing.T, dir string, events uint64) {
	t.Helper()
	c, err := open(dir, &fold{})
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	defer c.stop()
	if term := c.lead(testContext(t)); term < 3 {
		t.Errorf("the term went back to %d", term)
	}
	if p := c.log.Head().Position; p != events {
		t.Errorf("%d of %d events are there", p, events)
	}
	if err := c.decider().submit(1, []byte("more")).Err(); err != nil {
		t.Error(err)
	}
	for _, gone := range []string{"raft.db", "store.new", "store/stable.db", "snapshots"} {
		if _, err := os.Stat(filepath.Join(dir, "raft", gone)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", gone, err)
		}
	}
}

// The process ended between the switch and the removal of the former file: what
// stands in it is old.
func TestFormerStoreLeftBehindIsRemoved(t *testing.T) {
	dir := written(t)
	for _, name := range []string{"raft.db", "store/stable.db"} {
		if err := os.WriteFile(filepath.Join(dir, "raft", name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	takenOver(t, dir, 10)
}

func TestDamagedFormerStoreIsKept(t *testing.T) {
	for format, name := range []string{1: "raft.db", 2: "store/stable.db"} {
		if format == 0 {
			continue
		}
		dir := written(t)
		former(t, dir, format)
		path := filepath.Join(dir, "raft", name)
		if err := os.Truncate(path, 3*4096); err != nil {
			t.Fatal(err)
		}
		if _, err := open(dir, &fold{}); !errors.Is(err, consensus.ErrStoreDamaged) {
			t.Error("it was opened:", err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}
