package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, cfg eventlog.Config) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// entry appends one Raft entry with batches of the given numbers of events.
func entry(t testing.TB, l *eventlog.Log, counts ...uint32) {
	t.Helper()
	if err := tryEntry(l, counts...); err != nil {
		t.Fatal(err)
	}
}

func tryEntry(l *eventlog.Log, counts ...uint32) error {
	h := l.Head()
	var batches []eventlog.Batch
	at := h.Position
	for _, n := range counts {
		batches = append(batches, eventlog.Batch{Count: n, Time: time.Unix(int64(h.Index)+1, 0), Payload: payload(at + 1)})
		at += uint64(n)
	}
	_, err := l.Append(h.Index+1, batches)
	return err
}

// payload is what tests store at a position: always the same.
func payload(first uint64) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%d,", first), int(first%7)+1)
}

// check reads everything and compares it with what entry appends.
func check(t testing.TB, l *eventlog.Log) {
	t.Helper()
	at := uint64(0)
	for b, err := range l.Read(0) {
		if err != nil {
			t.Fatal(err)
		}
		if b.First != at+1 || !bytes.Equal(b.Payload, payload(b.First)) {
			t.Fatalf("after %d: batch at %d holds %q", at, b.First, b.Payload)
		}
		at = b.Last()
	}
	if head, err := l.Verify(context.Background()); err != nil || head.Position != at {
		t.Fatalf("verified up to %d of %d: %v", head.Position, at, err)
	}
}

func TestEveryPositionIsFound(t *testing.T) {
	cfg := eventlog.Config{Dir: t.TempDir(), SegmentBytes: 1000}
	l := open(t, cfg)
	for i := range uint32(100) {
		entry(t, l, i%4+1, 1)
	}
	for range 2 { // as written, and as reopened
		for p := uint64(1); p <= l.Head().Position; p++ {
			b, err := l.ReadAt(p)
			if err != nil || p < b.First || p > b.Last() || !bytes.Equal(b.Payload, payload(b.First)) {
				t.Fatalf("position %d: batch %d to %d, %v", p, b.First, b.Last(), err)
			}
		}
		if _, err := l.ReadAt(l.Head().Position + 1); !errors.Is(err, eventlog.ErrNotFound) {
			t.Fatal(err)
		}
		check(t, l)
		head := l.Head()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, cfg)
		if l.Head() != head || l.Recovered().Cut() {
			t.Fatalf("reopened at %+v, %+v", l.Head(), l.Recovered())
		}
	}
}

func TestSegmentsAreTheSameBytesOnEveryNode(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		l := open(t, eventlog.Config{Dir: dir, SegmentBytes: 700})
		for range 50 {
			entry(t, l, 1, 2)
			if i == 1 { // syncs differ between nodes
				if err := l.Sync(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	names, _ := filepath.Glob(filepath.Join(dirs[0], "events-*.seg"))
	if len(names) < 3 {
		t.Fatalf("%d segments", len(names))
	}
	for _, name := range names {
		a, _ := os.ReadFile(name)
		b, err := os.ReadFile(filepath.Join(dirs[1], filepath.Base(name)))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", filepath.Base(name), err)
		}
	}
}

func TestReadersTailWhileTheLogRotates(t *testing.T) {
	l := open(t, eventlog.Config{Dir: t.TempDir(), SegmentBytes: 2000})
	const last = 2000
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			after := uint64(i * 100)
			r := l.Reader(after)
			for after < last {
				b, err := r.Next(ctx)
				if err != nil || b.First != after+1 || !bytes.Equal(b.Payload, payload(b.First)) {
					t.Errorf("reader %d after %d: %d %q %v", i, after, b.First, b.Payload, err)
					return
				}
				after = b.Last()
			}
		})
	}
	for range last {
		entry(t, l, 1)
		if l.Head().Position%97 == 0 {
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	check(t, l)
}

func TestClosedLogReleasesItsReaders(t *testing.T) {
	l := open(t, eventlog.Config{Dir: t.TempDir()})
	got := make(chan error, 2)
	go func() { _, err := l.Reader(0).Next(context.Background()); got <- err }()
	go func() { got <- l.Wait(context.Background(), 1) }()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-got; !errors.Is(err, eventlog.ErrClosed) {
			t.Error(err)
		}
	}
	if err := tryEntry(l, 1); !errors.Is(err, eventlog.ErrClosed) {
		t.Error(err)
	}
}

func TestAppendRefusesWhatWouldBreakTheOrder(t *testing.T) {
	l := open(t, eventlog.Config{Dir: t.TempDir()})
	entry(t, l, 1)
	head := l.Head()
	for name, try := range map[string]func() error{
		"index again": func() error {
			_, err := l.Append(head.Index, []eventlog.Batch{{Count: 1, Time: head.Time}})
			return err
		},
		"time back": func() error {
			_, err := l.Append(head.Index+1, []eventlog.Batch{{Count: 1, Time: head.Time.Add(-1)}})
			return err
		},
		"no events": func() error { _, err := l.Append(head.Index+1, []eventlog.Batch{{Time: head.Time}}); return err },
	} {
		if try() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if l.Head() != head {
		t.Error("the head moved")
	}
}

// A power cut may leave any part of what was not synced: the log opens, holds
// all that was synced, and what it holds is a prefix, whole entries only.
func TestPowerCutLosesOnlyTheUnsynced(t *testing.T) {
	rounds := 300
	if os.Getenv("PICLOUD_LONG") == "1" {
		rounds = 20_000
	}
	dir := t.TempDir()
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		d := faulty.New(r)
		cfg := eventlog.Config{Dir: dir, SegmentBytes: 600, FS: d}
		for cut := range 4 {
			l, err := eventlog.Open(cfg)
			if err != nil {
				t.Fatalf("seed %d, cut %d: %v", seed, cut, err)
			}
			check(t, l)
			if l.Head().Position%3 != 0 {
				t.Fatalf("seed %d: half an entry was kept: position %d", seed, l.Head().Position)
			}
			synced := uint64(0)
			for range r.IntN(16) {
				entry(t, l, 1, 2)
				if r.IntN(4) == 0 {
					if err := l.Sync(); err != nil {
						t.Fatal(err)
					}
					synced = l.Head().Position
				}
			}
			d = d.After()
			cfg.FS = d
			again, err := eventlog.Open(cfg)
			if err != nil {
				t.Fatalf("seed %d, cut %d: %v", seed, cut, err)
			}
			if again.Head().Position < synced {
				t.Fatalf("seed %d, cut %d: %d of %d synced positions are left", seed, cut, again.Head().Position, synced)
			}
			check(t, again)
		}
	}
}

// build makes a log of some segments and gives its directory and the last
// durable position.
func build(t *testing.T, segmentBytes int64, synced, unsynced int) (dir string) {
	dir = t.TempDir()
	l, err := eventlog.Open(eventlog.Config{Dir: dir, SegmentBytes: segmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	for range synced {
		entry(t, l, 1, 2)
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	for range unsynced {
		entry(t, l, 1, 2)
	}
	// Left open on purpose: closing would sync.
	t.Cleanup(func() { l.Close() })
	return dir
}

// copied is a copy of a log with one file replaced.
func copied(t *testing.T, dir, name string, content []byte) string {
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestTornTailIsCutAtTheLastWholeEntryAndReported(t *testing.T) {
	dir := build(t, 0, 2, 2)
	path, _ := filepath.Glob(filepath.Join(dir, "events-*.seg"))
	whole, err := os.ReadFile(path[0])
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(path[0])
	full, cut, corrupt := 0, 0, 0
	to := copied(t, dir, name, whole)
	for n := len(whole); n >= 0; n-- {
		if err := os.CopyFS(to, os.DirFS(t.TempDir())); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := eventlog.Open(eventlog.Config{Dir: to})
		if err != nil {
			if !errors.Is(err, eventlog.ErrCorrupt) || cut == 0 {
				t.Fatalf("%d bytes: %v", n, err)
			}
			corrupt++
			continue
		}
		if corrupt > 0 {
			t.Fatalf("%d bytes: opened with less than what was synced", n)
		}
		p := l.Head().Position
		if p%3 != 0 || p < 6 {
			t.Fatalf("%d bytes: ends at %d", n, p)
		}
		if rec := l.Recovered(); rec.Cut() {
			cut++
			if rec.Head != l.Head() || int(rec.Offset+rec.Bytes) != n {
				t.Fatalf("%d bytes: reported %+v", n, rec)
			}
		} else {
			full++
		}
		check(t, l)
		restore(t, dir, to, l)
	}
	if full != 3 {
		t.Errorf("%d lengths are whole, expected 3", full)
	}
}

// restore closes l and puts the durability mark back as it was: closing moved
// it.
func restore(t *testing.T, dir, to string, l *eventlog.Log) {
	t.Helper()
	mark, err := os.ReadFile(filepath.Join(dir, "synced"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Close(), os.WriteFile(filepath.Join(to, "synced"), mark, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestEveryFlippedBitIsNamed(t *testing.T) {
	dir := build(t, 500, 6, 0)
	names, _ := filepath.Glob(filepath.Join(dir, "events-*.seg"))
	if len(names) < 2 {
		t.Fatal("want several segments")
	}
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, path := range names {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(to, filepath.Base(path))
		for i := range whole {
			if i >= 76 && i < 80 {
				continue // padding of the segment header
			}
			bad := bytes.Clone(whole)
			bad[i] ^= 1 << (i % 8)
			if err := os.WriteFile(target, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := inspect(to); !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), "events-") {
				t.Fatalf("%s byte %d: %v", filepath.Base(path), i, err)
			}
		}
		if err := os.WriteFile(target, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := inspect(to); err != nil {
		t.Fatal(err)
	}
}

// inspect opens and verifies.
func inspect(dir string) error {
	l, err := eventlog.Open(eventlog.Config{Dir: dir, SegmentBytes: 500})
	if err != nil {
		return err
	}
	_, err = l.Verify(context.Background())
	return errors.Join(err, l.Close())
}

func TestMissingFileIsNamed(t *testing.T) {
	dir := build(t, 500, 9, 0)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to := copied(t, dir, e.Name(), nil)
		if err := os.Remove(filepath.Join(to, e.Name())); err != nil {
			t.Fatal(err)
		}
		if err := inspect(to); !errors.Is(err, eventlog.ErrCorrupt) {
			t.Errorf("without %s: %v", e.Name(), err)
		}
	}
}

func TestFullDiskRefusesAndHarmsNothing(t *testing.T) {
	d := faulty.New(rand.New(rand.NewPCG(1, 2)))
	l := open(t, eventlog.Config{Dir: t.TempDir(), SegmentBytes: 600, FS: d})
	r := rand.New(rand.NewPCG(1, 1))
	full := false
	d.Fault = func(op faulty.Op, _ string, size int) (int, error) {
		if full && op == faulty.OpWrite {
			return r.IntN(size + 1), &os.PathError{Op: "write", Err: syscall.ENOSPC}
		}
		return size, nil
	}
	for i := range 60 {
		full = i%3 == 1
		err := tryEntry(l, 1, 2)
		if full != (err != nil) || full && !errors.Is(err, eventlog.ErrFull) {
			t.Fatalf("append %d: %v", i, err)
		}
		full = false
		check(t, l)
	}
}

// Who waits for room would wait for ever: there may be some, and the log takes nothing.
func TestLogThatFailedOnAFullDiskIsNotFull(t *testing.T) {
	d := faulty.New(rand.New(rand.NewPCG(1, 2)))
	l := open(t, eventlog.Config{Dir: t.TempDir(), FS: d})
	d.Fault = func(op faulty.Op, _ string, size int) (int, error) {
		switch op {
		case faulty.OpWrite:
			return 1, syscall.ENOSPC
		case faulty.OpTruncate:
			return 0, faulty.ErrIO
		}
		return size, nil
	}
	for range 2 {
		if err := tryEntry(l, 1); !errors.Is(err, faulty.ErrIO) || errors.Is(err, eventlog.ErrFull) {
			t.Error(err)
		}
	}
}

func TestFailedSyncStaysFailed(t *testing.T) {
	d := faulty.New(rand.New(rand.NewPCG(1, 3)))
	l, err := eventlog.Open(eventlog.Config{Dir: t.TempDir(), FS: d})
	if err != nil {
		t.Fatal(err)
	}
	entry(t, l, 1)
	broken := errors.New("input/output error")
	d.Fault = func(op faulty.Op, _ string, n int) (int, error) {
		if op == faulty.OpSync {
			return 0, broken
		}
		return n, nil
	}
	if err := l.Sync(); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	d.Fault = nil
	if err := l.Sync(); !errors.Is(err, broken) {
		t.Error("a second sync pretends that nothing was lost:", err)
	}
	if err := l.Close(); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestLogIsWhatWasAppended(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		cfg := eventlog.Config{Dir: dir, FS: faulty.New(rand.New(rand.NewPCG(1, 4))), SegmentBytes: rapid.Int64Range(100, 3000).Draw(rt, "segment")}
		l, err := eventlog.Open(cfg)
		if err != nil {
			rt.Fatal(err)
		}
		var want []eventlog.Batch
		for range rapid.IntRange(0, 30).Draw(rt, "entries") {
			h := l.Head()
			var batches []eventlog.Batch
			for range rapid.IntRange(0, 4).Draw(rt, "batches") {
				batches = append(batches, eventlog.Batch{
					Count:   rapid.Uint32Range(1, 1000).Draw(rt, "events"),
					Time:    h.Time.Add(time.Second),
					Payload: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "payload"),
				})
			}
			if _, err := l.Append(h.Index+1, batches); err != nil {
				rt.Fatal(err)
			}
			want = append(want, batches...)
			if rapid.IntRange(0, 5).Draw(rt, "reopen") == 0 {
				if err := l.Close(); err != nil {
					rt.Fatal(err)
				}
				if l, err = eventlog.Open(cfg); err != nil {
					rt.Fatal(err)
				}
			}
		}
		i := 0
		for b, err := range l.Read(0) {
			if err != nil || i >= len(want) || b.First != want[i].First || b.Digest != want[i].Digest || !bytes.Equal(b.Payload, want[i].Payload) {
				rt.Fatalf("batch %d: %v", i, err)
			}
			i++
		}
		if i != len(want) {
			rt.Fatalf("%d of %d batches", i, len(want))
		}
	})
}
