package consensus_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog"
)

func TestFullDiskRefusesWritesUntilThereIsRoom(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 30)
	c := start(t, t.TempDir(), func(cfg *consensus.Config) {
		cfg.Disk = consensus.DiskMark{MinFree: 1 << 20, Interval: time.Millisecond,
			Measure: func(string) (uint64, uint64, error) { return free.Load(), 1 << 31, nil }}
	})
	d := c.decider()
	if err := d.submit(1, []byte("before")).Err(); err != nil {
		t.Fatal(err)
	}
	free.Store(40 << 20) // above MinFree, below 2 % of the disk
	until(t, c.node.Full)
	if err := c.node.Submit(consensus.Batch{Term: d.term, Basis: d.basis, Time: c.node.Now(), Count: 1}).Err(); !errors.Is(err, consensus.ErrFull) {
		t.Fatal(err)
	}
	if err := d.confirm().Err(); err != nil {
		t.Error("an answer that writes nothing was refused:", err)
	}
	free.Store(1 << 30)
	until(t, func() bool { return !c.node.Full() })
	if err := d.submit(1, []byte("after")).Err(); err != nil {
		t.Fatal(err)
	}
}

// until polls without sleeping longer than the node's own measurements take.
func until(t *testing.T, done func() bool) {
	t.Helper()
	ctx := testContext(t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain")
		}
	}
}

// A real disk of 64 MiB is filled: writes are refused before Raft is hurt, reads
// go on, and room brings writes back.
func TestRealFullDiskLeavesRaftUnhurt(t *testing.T) {
	dir := t.TempDir()
	if err := mountTmpfs(dir); err != nil {
		t.Skip("a small file system cannot be mounted here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	c := start(t, dir, func(cfg *consensus.Config) {
		cfg.Disk = consensus.DiskMark{MinFree: 8 << 20, Interval: time.Millisecond}
	})
	d := c.decider()
	ballast := filepath.Join(dir, "ballast")
	if err := fill(ballast); err != nil {
		t.Fatal(err)
	}
	until(t, c.node.Full)
	if err := c.node.Submit(consensus.Batch{Term: d.term, Basis: d.basis, Time: c.node.Now(), Count: 1}).Err(); !errors.Is(err, consensus.ErrFull) {
		t.Fatal(err)
	}
	if l, _ := c.node.Leadership(); !l.Leading || c.node.Err() != nil {
		t.Fatalf("%+v, %v", l, c.node.Err())
	}
	if _, err := c.log.Verify(testContext(t)); err != nil {
		t.Error(err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return !c.node.Full() })
	if err := d.submit(1, []byte("after")).Err(); err != nil {
		t.Fatal(err)
	}
}

func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

func TestFailedFoldEndsTheNodeAndARestartHeals(t *testing.T) {
	dir := t.TempDir()
	c, err := open(dir, &fold{})
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	d := c.decider()
	if err := d.submit(1, []byte("good")).Err(); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the fold is broken")
	c.fold.mu.Lock()
	c.fold.fail = broken
	c.fold.mu.Unlock()
	if err := d.submit(1, []byte("bad")).Err(); !errors.Is(err, consensus.ErrUncertain) || !errors.Is(err, broken) {
		t.Fatal(err)
	}
	<-c.node.Failed()
	if !errors.Is(c.node.Err(), broken) {
		t.Error(c.node.Err())
	}
	if l, _ := c.node.Leadership(); l.Leading {
		t.Error("a failed node leads")
	}
	if err := c.node.Snapshot(testContext(t)); err == nil {
		t.Error("a failed node took a snapshot")
	}
	c.stop()
	c = start(t, dir)
	if p, _, _ := c.fold.state(); p != 2 {
		t.Errorf("after the restart the fold is at %d", p)
	}
}

func TestLostEventLogIsFilledFromRaftsLog(t *testing.T) {
	dir := t.TempDir()
	c, err := open(dir, &fold{})
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	d := c.decider()
	for i := range 30 {
		if err := d.submit(1, []byte{byte(i)}).Err(); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			if err := c.node.Snapshot(testContext(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := c.log.Head()
	c.stop()
	if err := os.RemoveAll(filepath.Join(dir, "events")); err != nil {
		t.Fatal(err)
	}
	c = start(t, dir)
	c.lead(testContext(t))
	if got := c.log.Head(); got != want {
		t.Errorf("filled up to %+v, it was %+v", got, want)
	}
}

func TestTruncatedRaftLogCannotFillALostEventLog(t *testing.T) {
	dir := t.TempDir()
	c, err := open(dir, &fold{}, busy)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	d := c.decider()
	for range 60 {
		if err := d.submit(1, nil).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.node.Snapshot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	c.stop()
	if err := os.RemoveAll(filepath.Join(dir, "events")); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, &fold{}); !errors.Is(err, consensus.ErrLogLost) {
		t.Fatal(err)
	}
}

func TestLostRaftStoreIsRefused(t *testing.T) {
	dir := written(t)
	if err := os.RemoveAll(filepath.Join(dir, "raft")); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, &fold{}); !errors.Is(err, consensus.ErrRaftLost) {
		t.Fatal(err)
	}
}

func TestDamagedRaftStoreIsNamed(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"truncated": func(p string) error { return os.Truncate(p, 4096) },
		"garbage":   func(p string) error { return os.WriteFile(p, make([]byte, 1<<16), 0o600) },
		"removed":   os.Remove,
	} {
		dir := written(t)
		if err := damage(filepath.Join(dir, "raft", "store", "stable")); err != nil {
			t.Fatal(err)
		}
		if _, err := open(dir, &fold{}); !errors.Is(err, consensus.ErrStoreDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedRaftLogIsNamed(t *testing.T) {
	dir := written(t)
	path := firstSegment(dir)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[100] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, &fold{}); !errors.Is(err, consensus.ErrStoreDamaged) || !strings.Contains(err.Error(), path) {
		t.Fatal(err)
	}
}

func TestLostRaftLogIsRefused(t *testing.T) {
	dir := written(t)
	if err := os.Remove(firstSegment(dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, &fold{}); !errors.Is(err, consensus.ErrRaftLost) {
		t.Fatal(err)
	}
}

func firstSegment(dir string) string {
	return filepath.Join(dir, "raft", "store", fmt.Sprintf("raft-%020d.seg", 1))
}

func TestFoldAheadOfTheLogIsRefused(t *testing.T) {
	if _, err := open(written(t), &fold{position: 1000}); !errors.Is(err, consensus.ErrFoldAhead) {
		t.Fatal(err)
	}
}

func TestUnformedNodeIsNamed(t *testing.T) {
	_, err := open(t.TempDir(), &fold{}, func(c *consensus.Config) { c.Bootstrap = false })
	if !errors.Is(err, consensus.ErrUnformed) {
		t.Fatal(err)
	}
}

func TestFormingThatWasInterruptedIsBegunAgain(t *testing.T) {
	dir := t.TempDir()
	if _, err := open(dir, &fold{}, func(c *consensus.Config) { c.Bootstrap = false }); !errors.Is(err, consensus.ErrUnformed) {
		t.Fatal(err)
	}
	stable, err := raftlog.OpenStable(disk.OS(), filepath.Join(dir, "raft", "store"))
	if err != nil {
		t.Fatal(err)
	}
	// the first of the two writes by which raft forms a cluster
	if err := errors.Join(stable.SetUint64([]byte("CurrentTerm"), 1), stable.Close()); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	if err := c.decider().submit(1, []byte("x")).Err(); err != nil {
		t.Error(err)
	}
}

// written is the directory of a closed node that has committed something.
func written(t *testing.T) string {
	dir := t.TempDir()
	c, err := open(dir, &fold{})
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	d := c.decider()
	for range 10 {
		if err := d.submit(1, make([]byte, 3000)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	c.stop()
	return dir
}

func TestSnapshotWritesACheckpointOfASyncedLog(t *testing.T) {
	var at, persisted atomic.Uint64
	c := start(t, t.TempDir(), func(cfg *consensus.Config) {
		cfg.Checkpoint = func(h eventlog.Head) func() error {
			at.Store(h.Position)
			return func() error { persisted.Store(h.Position); return errors.New("no matter") }
		}
	})
	d := c.decider()
	if err := d.submit(5, nil).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.node.Snapshot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if at.Load() != 5 || persisted.Load() != 5 {
		t.Errorf("captured at %d, persisted at %d", at.Load(), persisted.Load())
	}
}

func TestLogTimeNeverGoesBackwards(t *testing.T) {
	wall := time.Unix(1000, 0)
	clock := consensus.NewClock(func() time.Time { return wall }, time.Unix(2000, 0))
	if got := clock.Now(); !got.Equal(time.Unix(2000, 0)) {
		t.Error(got)
	}
	wall = time.Unix(3000, 0)
	if got := clock.Now(); !got.Equal(wall) {
		t.Error(got)
	}
	wall = time.Unix(2500, 0)
	if got := clock.Now(); !got.Equal(time.Unix(3000, 0)) {
		t.Error(got)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	c := start(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := c.decider().submit(1, nil)
	if _, err := f.Wait(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := f.Err(); err != nil {
		t.Error("the batch was given up with its waiter:", err)
	}
}

func TestRaftsLogIsBoundedInBytes(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *consensus.Config) {
		cfg.SyncInterval = time.Millisecond
		cfg.SnapshotBytes, cfg.TrailingBytes = 1<<20, 1<<20
	})
	d := c.decider()
	for range 160 {
		if err := d.submit(1, make([]byte, consensus.MaxGather)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool {
		var size int64
		segments, _ := filepath.Glob(filepath.Join(c.dir, "raft", "store", "raft-*.seg"))
		for _, path := range segments {
			if info, err := os.Stat(path); err == nil {
				size += info.Size()
			}
		}
		return size <= 32<<20 // two segments: what is written, and what still holds entries
	})
}
