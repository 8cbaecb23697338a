package feed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/http/feed"
	"github.com/picloud/picloud/runtime/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a log and how much of it reads show.
type source struct {
	log   *eventlog.Log
	index uint64

	mu    sync.Mutex
	shown base.Position
	later chan struct{}
}

func begin(t rapid.TB) *source {
	t.Helper()
	log, err := eventlog.Open(eventlog.Config{Dir: "/log", SegmentBytes: 8 << 10, FS: faulty.New(rand.New(rand.NewPCG(1, 2)))})
	if err != nil {
		t.Fatal(err)
	}
	return &source{log: log, later: make(chan struct{})}
}

// append puts a batch of n events into the log; reads do not show it yet.
func (s *source) append(n int) error {
	s.index++
	var batch state.Batch
	for range n {
		batch.Events = append(batch.Events, &domain.Event{Subject: "/products/app", Actor: "/tokens/admin", Payload: &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "1.0.0", Description: &description}}})
	}
	_, err := s.log.Append(s.index, []eventlog.Batch{{Count: uint32(n), Time: time.Unix(1, 0).UTC(), Payload: state.AppendBatch(nil, batch)}})
	return err
}

// show makes reads show all that the log holds.
func (s *source) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = base.Position(s.log.Head().Position)
	close(s.later)
	s.later = make(chan struct{})
}

func (s *source) seen() (base.Position, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown, s.later
}

// description makes a few events fill what a walk reads at once.
var description = strings.Repeat("x", 2000)

func encode(b []byte, e *domain.Event) []byte { return fmt.Appendf(b, `{"id":"%d"}`, e.Position) }

func (s *source) feed(ctx context.Context, kept int) *feed.Feed {
	return feed.New(ctx, feed.Config{Log: s.log, Seen: s.seen, Encode: encode, Kept: kept})
}

// hear listens until an event and checks each one; who dawdles waits at times
// until up to so many more are there.
func (s *source) hear(f *feed.Feed, after, until, dawdle base.Position) error {
	l := f.Join(after)
	defer l.Leave()
	for at := after; at < until; {
		for shown, later := s.seen(); shown < min(at+rand.N(dawdle+1), until); shown, later = s.seen() {
			<-later
		}
		events, more, err := l.Next()
		if err != nil {
			return err
		}
		shown, _ := s.seen()
		for i := range events {
			e := &events[i]
			line := fmt.Sprintf("{\"id\":\"%d\"}\n", e.Position)
			switch {
			case e.Position != at+1:
				return fmt.Errorf("after %d came %d", at, e.Position)
			case e.Position > shown:
				return fmt.Errorf("%d was told when reads showed %d", e.Position, shown)
			case string(e.Line()) != line || string(e.SSE()) != fmt.Sprintf("id: %d\nevent: ProductDeclared\ndata: %s\n", e.Position, line):
				return fmt.Errorf("event %d is %q", e.Position, e.SSE())
			}
			at = e.Position
		}
		if len(events) == 0 && more != nil {
			<-more
		}
	}
	return nil
}

// Whoever listens from anywhere hears each event once and in order, and none
// before reads show it, however much the feed keeps.
func TestListenersMissAndRepeatNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := begin(t)
		defer func() { _ = s.log.Close() }()
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		f := s.feed(ctx, rapid.SampledFrom([]int{1, 500, 5000, 0}).Draw(t, "kept"))
		for range rapid.IntRange(0, 30).Draw(t, "before") {
			if err := s.append(2); err != nil {
				t.Fatal(err)
			}
		}
		s.show()
		batches := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 60).Draw(t, "batches")
		until := base.Position(s.log.Head().Position)
		for _, n := range batches {
			until += base.Position(n)
		}
		starts := rapid.SliceOfN(rapid.Uint64Range(0, uint64(until)), 1, 6).Draw(t, "starts")
		heard := make([]error, len(starts))
		var all sync.WaitGroup
		for i, after := range starts {
			all.Go(func() { heard[i] = s.hear(f, base.Position(after), until, base.Position(i%3*40)) })
		}
		for i, n := range batches {
			if err := s.append(n); err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 || i == len(batches)-1 {
				s.show()
			}
		}
		all.Wait()
		if err := errors.Join(heard...); err != nil {
			t.Fatal(err)
		}
	})
}

// A log that cannot be read ends those who listen, after what was there; who
// comes later begins anew.
func TestDamageIsTold(t *testing.T) {
	s := begin(t)
	defer func() { _ = s.log.Close() }()
	bad := errors.New("no CloudEvent")
	f := feed.New(t.Context(), feed.Config{Log: s.log, Seen: s.seen, Encode: encode})
	l := f.Join(0)
	s.index++
	if _, err := s.log.Append(s.index, []eventlog.Batch{{Count: 1, Time: time.Unix(1, 0).UTC(), Payload: []byte("{")}}); err != nil {
		t.Fatal(err)
	}
	s.show()
	for bad != nil {
		_, more, err := l.Next()
		if bad = nil; err == nil {
			bad = errors.New("again")
			<-more
		}
	}
	l.Leave()
	if err := s.append(1); err != nil {
		t.Fatal(err)
	}
	s.show()
	if err := s.hear(f, 1, 2, 0); err != nil {
		t.Error(err)
	}
}

// A crowd is told in few goes: what comes while it is told gathers.
func TestACrowdIsToldManyEventsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd, events = 200, 100
		s := begin(t)
		defer func() { _ = s.log.Close() }()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		f := s.feed(ctx, 0)
		wakes := make([]int, crowd)
		var all sync.WaitGroup
		for i := range crowd {
			all.Go(func() {
				l := f.Join(0)
				defer l.Leave()
				for heard := 0; heard < events; {
					told, more, err := l.Next()
					if err != nil {
						t.Error(err)
						return
					}
					if heard += len(told); len(told) > 0 {
						wakes[i]++
						continue
					}
					<-more
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		for range events { // a thousand events a second
			if err := s.append(1); err != nil {
				t.Fatal(err)
			}
			s.show()
			<-time.After(time.Millisecond)
		}
		all.Wait()
		if took := time.Since(began); took > 140*time.Millisecond {
			t.Errorf("the last event was told after %s", took)
		}
		for _, n := range wakes {
			if n > 8 {
				t.Fatalf("%d times for %d events in 100 ms", n, events)
			}
		}
	})
}
