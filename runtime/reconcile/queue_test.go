package reconcile

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/state"
)

var errDown = errors.New("it is down")

// clockwork is a queue with a clock that stands still until told.
type clockwork struct {
	t   *testing.T
	q   *queue
	now time.Time
}

// exact leaves a pause as it is.
func exact(pause time.Duration) time.Duration { return pause }

func newClockwork(t *testing.T, cfg Config) *clockwork {
	return &clockwork{t, newQueue(cfg.withDefaults(), exact), time.Unix(1_000_000, 0)}
}

func (c *clockwork) look(keys ...base.Ref) {
	c.q.look(c.now, slices.Values(keys), state.New())
}

// take demands which keys are handed out now.
func (c *clockwork) take(want ...base.Ref) {
	c.t.Helper()
	var got []base.Ref
	for key, ok := c.q.next(c.now); ok; key, ok = c.q.next(c.now) {
		got = append(got, key)
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("handed out %v, want %v", got, want)
	}
}

func TestKeyIsNeverWorkedOnTwiceAtOnce(t *testing.T) {
	c := newClockwork(t, Config{})
	c.look("/nodes/a")
	c.take("/nodes/a")
	c.q.mark(c.q.items["/nodes/a"], c.now, true) // it moves meanwhile
	c.take()
	c.q.finish(c.now, outcome{"/nodes/a", nil})
	c.take("/nodes/a") // once more
	c.q.finish(c.now, outcome{"/nodes/a", nil})
	c.take()
}

func TestFailingKeyWaitsLongerEachTimeAndHoldsUpNobody(t *testing.T) {
	c := newClockwork(t, Config{Backoff: time.Second, BackoffMax: 4 * time.Second})
	c.look("/nodes/a", "/nodes/b")
	c.take("/nodes/a", "/nodes/b")
	c.q.finish(c.now, outcome{"/nodes/b", nil})
	for _, pause := range []time.Duration{1, 2, 4, 4} {
		c.q.finish(c.now, outcome{"/nodes/a", errDown})
		c.now = c.now.Add(pause*time.Second - 1)
		c.take()
		if sleep := c.q.sleep(c.now); sleep != 1 {
			t.Fatalf("it would sleep %v, want 1ns", sleep)
		}
		c.now = c.now.Add(1)
		c.take("/nodes/a")
	}
}

func TestWorkersAreBounded(t *testing.T) {
	c := newClockwork(t, Config{Workers: 2})
	c.look("/nodes/a", "/nodes/b", "/nodes/c")
	c.take("/nodes/a", "/nodes/b")
	c.q.finish(c.now, outcome{"/nodes/b", nil})
	c.take("/nodes/c")
}

func TestContentKeyIsLookedAtAgainAfterResync(t *testing.T) {
	c := newClockwork(t, Config{Resync: time.Minute})
	c.look("/nodes/a")
	c.take("/nodes/a")
	c.q.finish(c.now, outcome{"/nodes/a", nil})
	c.take()
	c.now = c.now.Add(time.Minute)
	c.take("/nodes/a")
}

func TestGoneKeyIsToldOnceAndForgotten(t *testing.T) {
	c := newClockwork(t, Config{})
	c.look("/nodes/a")
	c.take("/nodes/a")
	c.q.finish(c.now, outcome{"/nodes/a", nil})
	c.q.items["/nodes/a"].seen = 7
	c.look()
	c.take("/nodes/a")
	c.q.finish(c.now, outcome{"/nodes/a", nil})
	if len(c.q.items) != 0 {
		t.Errorf("it still knows %v", c.q.items)
	}
}
