package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/reconcile"
	"github.com/picloud/picloud/runtime/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a projection that a test moves, and a port that notes when it was
// asked about which key.
type world struct {
	t        *testing.T
	views    *projection.Projection
	position uint64

	mu    sync.Mutex
	calls map[base.Ref][]time.Time
	fail  map[base.Ref]error
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, views: projection.Anew(projection.Config{Root: "https://picloud.local"}),
		calls: map[base.Ref][]time.Time{}, fail: map[base.Ref]error{},
	}
}

// event folds and publishes one event.
func (w *world) event(ref base.Ref, p domain.Payload) {
	w.t.Helper()
	w.position++
	b := eventlog.Batch{First: w.position, Count: 1, Time: time.Now(), Payload: state.AppendBatch(nil, state.Batch{
		Events: []*domain.Event{{Subject: ref, Actor: "/tokens/admin", Payload: p}},
	})}
	if err := w.views.Fold(b); err != nil {
		w.t.Fatal(err)
	}
	w.views.Publish(eventlog.Head{})
}

func (w *world) declare(name string) base.Ref {
	ref := base.Ref("/products/" + name)
	w.event(ref, &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "1.0.0"}})
	return ref
}

func (w *world) change(ref base.Ref) {
	w.event(ref, &domain.ProductChanged{Spec: domain.ProductSpec{Version: "1.0.1"}, Changed: []string{"/version"}})
}

func (w *world) port(_ context.Context, key base.Ref) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[key] = append(w.calls[key], time.Now())
	return w.fail[key]
}

func (w *world) count(key base.Ref) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls[key])
}

// products are what the loop of a test is responsible for.
func products(s *state.State) iter.Seq[base.Ref] {
	return func(yield func(base.Ref) bool) {
		for entry := range s.List("/products", "") {
			if !yield(entry.Resource.Common().Ref) {
				return
			}
		}
	}
}

// pass lets virtual time pass and everything come to rest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestLoopLooksAtWhatIsThereAndWhatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shop := w.declare("shop")
		l := reconcile.Start(reconcile.Config{Views: w.views, Keys: products, Port: w.port})
		defer l.Close()
		pass(time.Second)
		if n := w.count(shop); n != 1 {
			t.Fatalf("it looked %d times at what was there", n)
		}
		photo := w.declare("photo")
		for range 100 {
			w.change(photo) // a burst is one look, or two
		}
		pass(time.Second)
		if n := w.count(photo); n < 1 || n > 2 {
			t.Errorf("it looked %d times at what moved 101 times at once", n)
		}
		if n := w.count(shop); n != 1 {
			t.Errorf("it looked %d times at what did not move", n)
		}
		before := w.count(photo) // the loop may look as soon as the event is there
		w.event(photo, &domain.ProductDeleted{})
		pass(time.Hour)
		if n := w.count(photo); n != before+1 {
			t.Errorf("it looked %d times at what is gone", n-before)
		}
	})
}

func TestPortSeesAtLeastWhatMadeItsKeyDirty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shop := w.declare("shop")
		var seen []base.Position
		l := reconcile.Start(reconcile.Config{Views: w.views, Keys: products, Port: func(_ context.Context, key base.Ref) error {
			seen = append(seen, w.views.View().State.Get(key).Common().Last)
			return nil
		}})
		pass(time.Second)
		for range 5 {
			w.change(shop)
			pass(time.Second)
		}
		l.Close()
		if want := []base.Position{1, 2, 3, 4, 5, 6}; !slices.Equal(seen, want) {
			t.Errorf("the port saw %v, want %v", seen, want)
		}
	})
}

func TestFailuresAreTriedAgainLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shop := w.declare("shop")
		w.fail[shop] = errors.New("it is down")
		l := reconcile.Start(reconcile.Config{Views: w.views, Keys: products, Port: w.port, Backoff: time.Second, BackoffMax: 8 * time.Second})
		defer l.Close()
		pass(60 * time.Second)
		calls := w.calls[shop]
		for i, want := range []time.Duration{1, 2, 4, 8, 8, 8} {
			want *= time.Second
			if got := calls[i+1].Sub(calls[i]); got < want*3/4 || got > want*5/4 {
				t.Errorf("pause %d is %v, want about %v", i, got, want)
			}
		}
		w.mu.Lock()
		w.fail[shop] = nil
		w.mu.Unlock()
		pass(10 * time.Second)
		before := w.count(shop)
		pass(time.Hour)
		if n := w.count(shop); n != before {
			t.Errorf("it looked %d times more after the port was content", n-before)
		}
	})
}

func TestPortThatAlwaysFindsSomethingNewCallsItselfSlowly(t *testing.T) {
	for _, err := range []error{nil, errors.New("it is down")} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			const self base.Ref = "/nodes/pi-1"
			w.event(self, &domain.NodeJoined{})
			calls := 0
			l := reconcile.Start(reconcile.Config{
				Views: w.views, Keys: func(*state.State) iter.Seq[base.Ref] { return slices.Values([]base.Ref{self}) },
				Port: func(context.Context, base.Ref) error {
					calls++
					w.event(self, &domain.NodeObserved{Status: domain.NodeStatus{Hostname: fmt.Sprint(calls)}, Changed: []string{"/hostname"}})
					return err
				},
			})
			pass(time.Minute)
			l.Close()
			if calls < 5 || calls > 65 {
				t.Errorf("it was called %d times in a minute", calls)
			}
		})
	}
}

func TestOneSlowKeyHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := w.declare("slow")
		release := make(chan struct{})
		l := reconcile.Start(reconcile.Config{Views: w.views, Keys: products, Workers: 2, Port: func(ctx context.Context, key base.Ref) error {
			if key == slow {
				<-release
			}
			return w.port(ctx, key)
		}})
		for i := range 10 {
			w.declare(fmt.Sprintf("p%d", i))
		}
		pass(time.Second)
		for i := range 10 {
			if n := w.count(base.Ref(fmt.Sprintf("/products/p%d", i))); n != 1 {
				t.Errorf("p%d was looked at %d times while another key was slow", i, n)
			}
		}
		close(release)
		l.Close()
	})
}

func TestCloseEndsRunningPortsAndWaitsForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.declare("shop")
		ended := false
		l := reconcile.Start(reconcile.Config{Views: w.views, Keys: products, Port: func(ctx context.Context, _ base.Ref) error {
			<-ctx.Done()
			<-time.After(time.Second) // to put things in order
			ended = true
			return context.Cause(ctx)
		}})
		pass(time.Second)
		l.Close()
		if !ended {
			t.Error("a port was still running after Close")
		}
	})
}
