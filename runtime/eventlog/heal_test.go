package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

// from fetches from another log.
func from(t testing.TB, l *eventlog.Log) eventlog.Fetch {
	return func(_ context.Context, after eventlog.Head, until uint64) (io.ReadCloser, error) {
		if digest, err := l.DigestAt(after.Position); err != nil || digest != after.Digest {
			return nil, fmt.Errorf("digest %s at %d: %w", digest, after.Position, err)
		}
		var all []byte
		for r, at := l.Raw(after.Position), after.Position; at < until; {
			var err error
			if all, at, _, err = r.Next(all); err != nil {
				break
			}
		}
		return io.NopCloser(bytes.NewReader(all)), nil
	}
}

// twins are two logs of the same history, with all forms of segments.
func twins(t *testing.T) (good, bad string, said []string) {
	good, bad = t.TempDir(), t.TempDir()
	for i := range 120 {
		said = append(said, fmt.Sprintf("%c=%d", 'a'+i%7, i))
	}
	for _, dir := range []string{good, bad} {
		l := open(t, eventlog.Config{Dir: dir, SegmentBytes: 700})
		for i, what := range said {
			if i == 60 {
				if err := l.Archive(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			say(t, l, what)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return good, bad, said
}

func TestDamagedSegmentsAreNamedAndHealedFromAnotherLog(t *testing.T) {
	good, bad, said := twins(t)
	source := open(t, eventlog.Config{Dir: good, SegmentBytes: 700})
	names, err := filepath.Glob(filepath.Join(bad, "events-*"))
	if err != nil || len(names) < 6 {
		t.Fatal(names, err)
	}
	archives := 0
	for i, name := range names[:len(names)-1] {
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".arc") {
			archives++
		}
		for _, at := range []int{0, 20, len(whole) / 2, len(whole) - 20} {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(bad)); err != nil {
				t.Fatal(err)
			}
			damage(t, filepath.Join(dir, filepath.Base(name)), at)
			damage(t, filepath.Join(dir, filepath.Base(names[(i+1)%(len(names)-1)])), 30) // the next one too
			l := open(t, eventlog.Config{Dir: dir, SegmentBytes: 700})
			if _, err := l.Verify(context.Background()); !errors.Is(err, eventlog.ErrCorrupt) || !strings.Contains(err.Error(), "events-") {
				t.Fatalf("%s byte %d: %v", name, at, err)
			}
			for _, err := range l.Read(0) {
				if err != nil {
					<-l.Damaged()
				}
			}
			healed, err := l.Heal(context.Background(), from(t, source))
			if err != nil || len(healed) != 2 {
				t.Fatalf("%s byte %d: %v, %v", name, at, healed, err)
			}
			expect(t, l, said, 0)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = open(t, eventlog.Config{Dir: dir, SegmentBytes: 700})
			expect(t, l, said, 0)
		}
	}
	if archives == 0 {
		t.Error("no archive was there to be damaged")
	}
}

func damage(t *testing.T, path string, at int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[at] ^= 0x10
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLogThatDoesNotFitHealsNothing(t *testing.T) {
	_, bad, _ := twins(t)
	other := open(t, eventlog.Config{Dir: t.TempDir(), SegmentBytes: 700})
	for i := range 130 {
		say(t, other, fmt.Sprint("other ", i))
	}
	names, _ := filepath.Glob(filepath.Join(bad, "events-*"))
	damage(t, names[0], 100)
	l := open(t, eventlog.Config{Dir: bad, SegmentBytes: 700})
	healed, err := l.Heal(context.Background(), from(t, other))
	if err == nil || len(healed) > 0 {
		t.Fatal(healed, err)
	}
	if _, err := l.Verify(context.Background()); !errors.Is(err, eventlog.ErrCorrupt) {
		t.Error("the damage is no longer named:", err)
	}
}

func TestSalvagedLogOpensUpToTheDamage(t *testing.T) {
	dir := build(t, 0, 10, 0)
	names, _ := filepath.Glob(filepath.Join(dir, "events-*.seg"))
	for i, harm := range []func(dir string){
		func(dir string) { damage(t, filepath.Join(dir, filepath.Base(names[0])), 1000) },
		func(dir string) { damage(t, filepath.Join(dir, filepath.Base(names[0])), 8) },
		func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, "synced"), make([]byte, 1024), 0o600); err != nil {
				t.Fatal(err)
			}
			damage(t, filepath.Join(dir, filepath.Base(names[0])), 1000)
		},
	} {
		dir, want := copied(t, dir, "none", nil), uint64(30)
		if i == 2 { // nothing says any more what was durable
			want = 0
		}
		harm(dir)
		cfg := eventlog.Config{Dir: dir}
		if _, err := eventlog.Open(cfg); !errors.Is(err, eventlog.ErrCorrupt) {
			t.Fatal(err)
		}
		if err := eventlog.Salvage(cfg); err != nil {
			t.Fatal(err)
		}
		l := open(t, cfg)
		if !l.Recovered().Cut() || l.Head().Position >= 30 {
			t.Errorf("%+v", l.Recovered())
		}
		check(t, l)
		if owed := l.Owed(); owed != want {
			t.Errorf("%d is owed, %d was durable", owed, want)
		}
		for l.Head().Position < 30 {
			entry(t, l, 1, 2)
		}
		if owed := l.Owed(); owed != 0 {
			t.Errorf("%d is still owed", owed)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, cfg)
		check(t, l)
		if copies, _ := filepath.Glob(filepath.Join(dir, "*.damaged")); len(copies) != 1 {
			t.Error("no copy was set aside")
		}
	}
}

func TestGenerationsJumpAndAreWalked(t *testing.T) {
	cfg := eventlog.Config{Dir: t.TempDir(), SegmentBytes: 600}
	l := open(t, cfg)
	for i := range 20 {
		say(t, l, fmt.Sprint("!first ", i))
	}
	before := l.Head()
	for _, g := range []uint64{1, 3} { // the second one finds nothing in the first
		head, err := l.BeginGeneration(g)
		if err != nil || head.Position != g<<eventlog.GenerationBits || head.Digest != before.Digest || head.Index != before.Index {
			t.Fatalf("%+v, %v", head, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l = open(t, cfg); l.Head() != head || l.Recovered().Cut() {
			t.Fatalf("reopened at %+v", l.Head())
		}
	}
	if _, err := l.BeginGeneration(3); err == nil {
		t.Error("a generation began twice")
	}
	for i := range 20 {
		say(t, l, fmt.Sprint("!second ", i))
	}
	start := uint64(3) << eventlog.GenerationBits
	if head := l.Head(); head.Position != start+20 || eventlog.Generation(head.Position) != 3 {
		t.Fatalf("%+v", head)
	}
	if err := l.Archive(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n := 0
		for b, err := range l.Read(0) {
			if err != nil || len(b.Payload) == 0 {
				t.Fatal(b, err)
			}
			n++
		}
		if n != 40 {
			t.Fatalf("%d batches", n)
		}
		for position, found := range map[uint64]bool{1: true, 20: true, 21: false, start - 5: false, start: false, start + 1: true, start + 20: true, start + 21: false} {
			if _, err := l.ReadAt(position); (err == nil) != found || !found && !errors.Is(err, eventlog.ErrNotFound) {
				t.Errorf("position %d: %v", position, err)
			}
		}
		for _, after := range []uint64{20, 25, start - 1, start} {
			b, err := l.Reader(after).Next(context.Background())
			if err != nil || b.First != start+1 {
				t.Errorf("after %d: %d, %v", after, b.First, err)
			}
		}
		for position, known := range map[uint64]bool{20: true, start: true, start + 1: true, 25: false} {
			if _, err := l.DigestAt(position); (err == nil) != known {
				t.Errorf("digest at %d: %v", position, err)
			}
		}
		if head, err := l.Verify(context.Background()); err != nil || head != l.Head() {
			t.Fatal(head, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, cfg)
	}
	// Another node learns of the generation from the batches alone.
	other := open(t, eventlog.Config{Dir: t.TempDir(), SegmentBytes: 600})
	stream := eventlog.NewStream(bytes.NewReader(raw(t, l)), other.Head())
	for {
		batches, err := stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Append(batches[0].Index, batches); err != nil {
			t.Fatal(err)
		}
	}
	if other.Head() != l.Head() || !bytes.Equal(raw(t, other), raw(t, l)) {
		t.Errorf("%+v is not %+v", other.Head(), l.Head())
	}
}

// The power goes in every change that healing makes: done again it comes to the
// same, and nothing is lost meanwhile.
func TestPowerCutInHealingLosesNothing(t *testing.T) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(8, 9))
	said := draw(r, 60)
	base := faulty.New(r)
	cfg := eventlog.Config{Dir: "/log", SegmentBytes: 700, FS: base}
	source := mustOpen(t, eventlog.Config{Dir: "/source", SegmentBytes: 700, FS: faulty.New(r)})
	l := mustOpen(t, cfg)
	for _, what := range said {
		say(t, l, what)
		say(t, source, what)
	}
	if err := errors.Join(l.Archive(ctx), l.Close()); err != nil {
		t.Fatal(err)
	}
	names, err := base.ReadDir("/log")
	if err != nil || len(names) < 6 {
		t.Fatal(names, err)
	}
	base.Flip("/log/"+names[0], 300, 1)
	if err := errors.Join(base.Remove("/log/"+names[2]), base.Remove("/log/"+names[3]), base.SyncDir("/log")); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		d := base.Copy()
		cfg.FS = d
		l := mustOpen(t, cfg)
		d.CutAt(n)
		healed, err := l.Heal(ctx, from(t, source))
		if err == nil {
			if n < 10 || len(healed) == 0 {
				t.Fatalf("%d changes, %v healed", n, healed)
			}
			expect(t, l, said, 0)
			return
		}
		cfg.FS = d.After()
		if l, err = eventlog.Open(cfg); err != nil {
			t.Fatalf("cut at change %d: %v", n, err)
		}
		if _, err := l.Heal(ctx, from(t, source)); err != nil {
			t.Fatalf("cut at change %d: %v", n, err)
		}
		expect(t, l, said, 0)
	}
}
