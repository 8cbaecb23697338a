package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/eventlog"
)

// harms are ways to lose a sealed segment.
var harms = map[string]func(path string) error{
	"removed":   os.Remove,
	"emptied":   func(path string) error { return os.Truncate(path, 0) },
	"beheaded":  func(path string) error { return os.Truncate(path, 40) },
	"truncated": func(path string) error { return half(path) },
}

func half(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/2)
}

func TestMissingSegmentsAreNamedAndHealedFromAnotherLog(t *testing.T) {
	ctx := context.Background()
	good, bad, said := twins(t)
	source := open(t, eventlog.Config{Dir: good, SegmentBytes: 700})
	names, err := filepath.Glob(filepath.Join(good, "events-*"))
	if err != nil || len(names) < 8 {
		t.Fatal(names, err)
	}
	sealed := len(names) - 1
	for what, harm := range harms {
		runs := [][2]int{{0, 3}, {3, 7}, {sealed - 3, sealed}}
		if what == "removed" { // where the place of each is not known
			runs = append(runs, [][2]int{{0, 1}, {1, 3}, {3, 4}, {0, sealed}}...)
		}
		for _, run := range runs {
			what := fmt.Sprintf("%s %d to %d of %d", what, run[0], run[1], sealed)
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(bad)); err != nil {
				t.Fatal(err)
			}
			for _, name := range names[run[0]:run[1]] {
				if err := harm(filepath.Join(dir, filepath.Base(name))); err != nil {
					t.Fatal(err)
				}
			}
			cfg := eventlog.Config{Dir: dir, SegmentBytes: 700}
			l := open(t, cfg)
			if _, err := l.Verify(ctx); !errors.Is(err, eventlog.ErrCorrupt) {
				t.Fatalf("%s: %v", what, err)
			}
			var lost *eventlog.CorruptError
			read := uint64(0)
			for b, err := range l.Read(0) {
				if err == nil {
					read = b.Last()
				} else if !errors.As(err, &lost) || lost.Position != read+1 || lost.Until < lost.Position || !strings.Contains(err.Error(), lost.Lost()) {
					t.Errorf("%s: after %d: %v", what, read, err)
				}
			}
			<-l.Damaged()
			// what comes after it is read as before
			var next uint64
			if _, err := fmt.Sscanf(filepath.Base(names[run[1]])[7:27], "%d", &next); err != nil {
				t.Fatal(err)
			}
			if b, err := l.ReadAt(next); err != nil || b.First != next {
				t.Errorf("%s: position %d: %v", what, next, err)
			}
			waiting := l.Reader(next - 1)
			if _, err := waiting.Next(ctx); err != nil {
				t.Errorf("%s: a reader after the damage: %v", what, err)
			}
			if healed, err := l.Heal(ctx, from(t, source)); err != nil || len(healed) == 0 {
				t.Fatalf("%s: %v, %v", what, healed, err)
			}
			expect(t, l, said, 0)
			if b, err := waiting.Next(ctx); err != nil || b.First != next+1 {
				t.Errorf("%s: the reader goes on at %d: %v", what, b.First, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = open(t, cfg)
			expect(t, l, said, 0)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if again, _ := filepath.Glob(filepath.Join(dir, "events-*")); len(again) != len(names) {
				t.Errorf("%s: %d segments, there were %d", what, len(again), len(names))
			}
		}
	}
}

func TestSegmentRemovedUnderAnOpenLogIsHealed(t *testing.T) {
	ctx := context.Background()
	good, bad, said := twins(t)
	source := open(t, eventlog.Config{Dir: good, SegmentBytes: 700})
	l := open(t, eventlog.Config{Dir: bad, SegmentBytes: 700})
	names, err := filepath.Glob(filepath.Join(bad, "events-*"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(names[2]); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range l.Read(0) {
		last = err
	}
	if !errors.Is(last, eventlog.ErrCorrupt) || !strings.Contains(last.Error(), "missing") {
		t.Error(last)
	}
	<-l.Damaged()
	if _, err := l.Verify(ctx); !errors.Is(err, eventlog.ErrCorrupt) {
		t.Error(err)
	}
	if healed, err := l.Heal(ctx, from(t, source)); err != nil || len(healed) != 1 {
		t.Fatal(healed, err)
	}
	expect(t, l, said, 0)
}

func TestArchivingAndCompactingPassMissingSegmentsBy(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	cfg := eventlog.Config{Dir: dir, SegmentBytes: 700}
	l := open(t, cfg)
	for i := range 120 {
		say(t, l, fmt.Sprint("a=", i))
	}
	head := l.Head()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "events-*"))
	if err != nil || len(names) < 6 {
		t.Fatal(names, err)
	}
	if err := errors.Join(os.Remove(names[1]), os.Remove(names[2])); err != nil {
		t.Fatal(err)
	}
	l = open(t, cfg)
	if err := l.Archive(ctx); err != nil {
		t.Error(err)
	}
	// a boundary that others do not have would be one for nobody
	through := l.Compactable(head.Time.Add(1))
	if b, err := l.ReadAt(through); err != nil || b.Last() != through {
		t.Errorf("position %d: %v", through, err)
	}
}

// The end of a log is lost in all ways: what is lost is named exactly, what was
// there stays, and Salvage goes on at the end that was named.
func TestLostEndOfALogIsNamedBeforeItIsGivenUp(t *testing.T) {
	_, whole, said := twins(t)
	names, err := filepath.Glob(filepath.Join(whole, "events-*"))
	if err != nil {
		t.Fatal(err)
	}
	newest := filepath.Base(names[len(names)-1])
	for what, harm := range map[string]func(dir string) error{
		"newest removed":  func(dir string) error { return os.Remove(filepath.Join(dir, newest)) },
		"newest emptied":  func(dir string) error { return os.Truncate(filepath.Join(dir, newest), 0) },
		"newest cut":      func(dir string) error { return half(filepath.Join(dir, newest)) },
		"mark unreadable": func(dir string) error { return os.WriteFile(filepath.Join(dir, "synced"), make([]byte, 1024), 0o600) },
		"mark missing":    func(dir string) error { return os.Remove(filepath.Join(dir, "synced")) },
		"only archives left": func(dir string) (err error) {
			plain, _ := filepath.Glob(filepath.Join(dir, "events-*.seg"))
			for _, path := range plain {
				err = errors.Join(err, os.Remove(path))
			}
			return err
		},
		"all removed": func(dir string) (err error) {
			all, _ := filepath.Glob(filepath.Join(dir, "events-*"))
			for _, path := range all {
				err = errors.Join(err, os.Remove(path))
			}
			return err
		},
	} {
		dir := t.TempDir()
		if err := errors.Join(os.CopyFS(dir, os.DirFS(whole)), harm(dir)); err != nil {
			t.Fatal(err)
		}
		cfg := eventlog.Config{Dir: dir, SegmentBytes: 700}
		_, err := eventlog.Open(cfg)
		var lost *eventlog.CorruptError
		if !errors.As(err, &lost) || lost.End == nil || lost.Position != lost.End.Position+1 || !strings.Contains(err.Error(), lost.Lost()) {
			t.Fatalf("%s: %v", what, err)
		}
		marked := !strings.HasPrefix(what, "mark")
		if marked && lost.Until != uint64(len(said)) {
			t.Errorf("%s: %s, want up to %d", what, lost.Lost(), len(said))
		}
		if _, again := eventlog.Open(cfg); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: opening changed something: %v, before %v", what, again, err)
		}
		if err := eventlog.Salvage(cfg); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		l := open(t, cfg)
		if l.Head() != *lost.End || marked && l.Owed() != uint64(len(said)) {
			t.Errorf("%s: it ends at %d, not at %d; %d are owed", what, l.Head().Position, lost.End.Position, l.Owed())
		}
		for i, what := range said[l.Head().Position:] { // and goes on there
			say(t, l, what)
			if i == 3 {
				break
			}
		}
		if _, err := l.Verify(context.Background()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		head := l.Head()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l = open(t, cfg); l.Head() != head {
			t.Errorf("%s: reopened at %d, not at %d", what, l.Head().Position, head.Position)
		}
	}
}
