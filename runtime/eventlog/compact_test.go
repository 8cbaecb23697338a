package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

// say appends a batch that says something of keys: "a=3,b=4" is superseded when
// newer batches say a and b, "!..." stays for ever.
func say(t testing.TB, l *eventlog.Log, what string) {
	t.Helper()
	h := l.Head()
	if _, err := l.Append(h.Index+1, []eventlog.Batch{{Count: 1, Time: time.Unix(int64(h.Index)+1, 0), Payload: []byte(what)}}); err != nil {
		t.Fatal(err)
	}
}

func keysOf(b eventlog.Batch) (keys []string) {
	if strings.HasPrefix(string(b.Payload), "!") {
		return nil
	}
	for pair := range strings.SplitSeq(string(b.Payload), ",") {
		key, _, _ := strings.Cut(pair, "=")
		keys = append(keys, key)
	}
	return keys
}

// compaction drops batches all of whose keys were said again.
func compaction(through uint64) eventlog.Compaction {
	last := map[string]uint64{}
	return eventlog.Compaction{
		Through: through,
		Note: func(b eventlog.Batch) error {
			for _, key := range keysOf(b) {
				last[key] = b.First
			}
			return nil
		},
		Judge: func(b eventlog.Batch) ([]byte, eventlog.Fate) {
			keys := keysOf(b)
			switch {
			case keys == nil:
				return nil, eventlog.Keep
			case slices.ContainsFunc(keys, func(key string) bool { return last[key] <= b.First }):
				return nil, eventlog.Later
			}
			return []byte(keys[0]), eventlog.Drop
		},
	}
}

// boundaries are the positions up to which compaction may go.
func boundaries(l *eventlog.Log) (all []uint64) {
	for s := int64(1); s <= int64(l.Head().Index)+1; s++ {
		if p := l.Compactable(time.Unix(s, 0)); p != 0 && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// raw is the log as a peer would get it.
func raw(t testing.TB, l *eventlog.Log) (all []byte) {
	t.Helper()
	r := l.Raw(0)
	for {
		out, position, _, err := r.Next(all)
		if err != nil {
			if position != l.Head().Position {
				t.Fatalf("ends at %d of %d: %v", position, l.Head().Position, err)
			}
			return out
		}
		all = out
	}
}

// expect compares a log with what was said and what compaction through a position
// leaves of it.
func expect(t testing.TB, l *eventlog.Log, said []string, through uint64) {
	t.Helper()
	last := map[string]uint64{}
	for i, what := range said[:through] {
		for _, key := range keysOf(eventlog.Batch{Payload: []byte(what)}) {
			last[key] = uint64(i) + 1
		}
	}
	n := uint64(0)
	for b, err := range l.Read(0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		what := said[b.First-1]
		keys := keysOf(eventlog.Batch{Payload: []byte(what)})
		dropped := b.First <= through && keys != nil && !slices.ContainsFunc(keys, func(key string) bool { return last[key] <= b.First })
		want := what
		if dropped {
			want = keys[0]
		}
		if b.First != n || b.Dropped != dropped || string(b.Payload) != want || int(b.Length) != len(what) {
			t.Fatalf("position %d (%s, through %d): %+v", n, what, through, b)
		}
		at, err := l.ReadAt(n)
		if err != nil || at.Digest != b.Digest || at.Dropped != dropped {
			t.Fatalf("position %d: %+v, %v", n, at, err)
		}
	}
	if n != uint64(len(said)) {
		t.Fatalf("%d of %d positions", n, len(said))
	}
	if head, err := l.Verify(context.Background()); err != nil || head != l.Head() {
		t.Fatalf("verified to %+v: %v", head, err)
	}
}

func draw(r *rand.Rand, n int) (said []string) {
	for i := range n {
		switch r.IntN(6) {
		case 0:
			said = append(said, fmt.Sprintf("!permanent %d", i))
		case 1:
			said = append(said, fmt.Sprintf("%c=%d,%c=%d", 'a'+r.IntN(5), i, 'a'+r.IntN(5), i))
		default:
			said = append(said, fmt.Sprintf("%c=%d", 'a'+r.IntN(5), i))
		}
	}
	return said
}

// Whatever steps a node takes, and wherever it is interrupted and reopened: the log
// that is left is the same, and so are the places where segments begin.
func TestCompactionComesToTheSameHoweverItIsDone(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		said := draw(r, rapid.IntRange(20, 120).Draw(rt, "batches"))
		one, two := eventlog.Config{Dir: "/one", SegmentBytes: 500, FS: faulty.New(r)}, eventlog.Config{Dir: "/two", SegmentBytes: 500, FS: faulty.New(r)}
		a, b := mustOpen(rt, one), mustOpen(rt, two)
		for _, what := range said {
			say(t, a, what)
			say(t, b, what)
			if rapid.IntRange(0, 9).Draw(rt, "meanwhile") > 0 {
				continue
			}
			if all := boundaries(a); len(all) > 0 && rapid.Bool().Draw(rt, "compact") {
				if err := a.Compact(ctx, compaction(rapid.SampledFrom(all).Draw(rt, "through"))); err != nil {
					rt.Fatal(err)
				}
			} else if err := errors.Join(a.Archive(ctx), a.Close()); err != nil {
				rt.Fatal(err)
			} else {
				a = mustOpen(rt, one)
			}
		}
		through := uint64(0)
		if all := boundaries(b); len(all) > 0 {
			through = all[len(all)-1]
			for _, l := range []*eventlog.Log{a, b} {
				if err := l.Compact(ctx, compaction(through)); err != nil {
					rt.Fatal(err)
				}
			}
		}
		expect(t, a, said, through)
		expect(t, b, said, through)
		if !bytes.Equal(raw(t, a), raw(t, b)) {
			rt.Fatal("the logs differ")
		}
	})
}

func mustOpen(t interface{ Fatal(...any) }, cfg eventlog.Config) *eventlog.Log {
	l, err := eventlog.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The power goes in every change that archiving and compaction make, and in the
// repetition again: nothing is lost, and done again it comes to the same.
func TestPowerCutInCompactionLosesNothing(t *testing.T) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(5, 6))
	said := draw(r, 90)
	base := faulty.New(r)
	cfg := eventlog.Config{Dir: "/log", SegmentBytes: 700, FS: base}
	l := mustOpen(t, cfg)
	for _, what := range said {
		say(t, l, what)
	}
	all := boundaries(l)
	through, half := all[len(all)-1], all[len(all)/2]
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	work := func(l *eventlog.Log) error {
		if err := l.Compact(ctx, compaction(half)); err != nil {
			return err
		}
		if err := l.Archive(ctx); err != nil {
			return err
		}
		return l.Compact(ctx, compaction(through))
	}
	for n := 1; ; n++ {
		d := base.Copy()
		cfg.FS = d
		l := mustOpen(t, cfg)
		d.CutAt(n)
		err := work(l)
		if err == nil {
			if n < 50 {
				t.Fatalf("only %d changes", n)
			}
			expect(t, l, said, through)
			return
		}
		again := d.After()
		cfg.FS = again
		if l, err = eventlog.Open(cfg); err != nil {
			t.Fatalf("cut at change %d: %v", n, err)
		}
		if head, err := l.Verify(ctx); err != nil || head.Position != uint64(len(said)) {
			t.Fatalf("cut at change %d: %+v, %v", n, head, err)
		}
		again.CutAt(1 + n%7)
		_ = work(l) // cut again
		cfg.FS = again.After()
		if l, err = eventlog.Open(cfg); err != nil {
			t.Fatalf("cut at change %d and again: %v", n, err)
		}
		if err := work(l); err != nil {
			t.Fatalf("cut at change %d and again: %v", n, err)
		}
		expect(t, l, said, through)
	}
}

func TestCompactionStaysOffRecentSegments(t *testing.T) {
	l := open(t, eventlog.Config{Dir: t.TempDir(), SegmentBytes: 400})
	for i := range 60 {
		say(t, l, fmt.Sprintf("a=%d", i))
	}
	head := l.Head()
	for _, through := range []uint64{1, head.Position, head.Position - 1, head.Position + 1} {
		if err := l.Compact(context.Background(), compaction(through)); err == nil {
			t.Errorf("compacted up to %d", through)
		}
	}
	if p := l.Compactable(time.Unix(0, 0)); p != 0 {
		t.Errorf("something is older than everything: %d", p)
	}
}

// Readers that are inside a segment when it is rewritten go on at the next batch, and
// so do the appender and whoever verifies.
func TestReadersGoOnWhileSegmentsAreRewritten(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l := open(t, eventlog.Config{Dir: t.TempDir(), SegmentBytes: 300 << 10})
	for i := range 3000 {
		say(t, l, fmt.Sprintf("%c=%d,%s", 'a'+i%3, i, strings.Repeat("x", 400)))
	}
	all := boundaries(l)
	done := make(chan error, 5)
	for range 3 {
		go func() {
			reader := l.Reader(0)
			for next := uint64(1); next <= 3000; next++ {
				b, err := reader.Next(ctx)
				if err != nil || b.First != next {
					done <- fmt.Errorf("position %d: %d, %w", next, b.First, err)
					return
				}
			}
			done <- nil
		}()
	}
	go func() {
		for i := range 3000 {
			h := l.Head()
			if _, err := l.Append(h.Index+1, []eventlog.Batch{{Count: 1, Time: time.Unix(int64(h.Index)+1, 0), Payload: fmt.Appendf(nil, "d=%d,%0400d", i, i)}}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	go func() {
		for range 5 {
			if _, err := l.Verify(ctx); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	if err := l.Archive(ctx); err != nil {
		t.Error(err)
	}
	for _, through := range all {
		if err := l.Compact(ctx, compaction(through)); err != nil {
			t.Error(err)
		}
	}
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
