package reconcile

import (
	"iter"
	"math/rand/v2"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/state"
)

// item is what is known of one key.
type item struct {
	seen     base.Position // of the last event about it, at the last look
	present  bool          // it was there at the last look
	due      time.Time     // when to work on it; the zero time is "not by itself"
	running  bool
	moved    bool // it moved while it was worked on
	failures int
}

// queue knows when each key is due. It has no goroutine and no clock: its owner
// says what time it is.
type queue struct {
	cfg     Config
	items   map[base.Ref]*item
	running int
	looked  time.Time
	// spread makes pauses uneven, so that what failed together is not tried
	// again together.
	spread func(time.Duration) time.Duration
}

func newQueue(cfg Config, spread func(time.Duration) time.Duration) *queue {
	return &queue{cfg: cfg, items: map[base.Ref]*item{}, spread: spread}
}

// uneven is a random time between three and five quarters of a pause.
func uneven(pause time.Duration) time.Duration {
	return pause*3/4 + rand.N(pause/2+1)
}

// look makes due what is new, has moved, or is gone since the last look.
func (q *queue) look(now time.Time, keys iter.Seq[base.Ref], s *state.State) {
	q.looked = now
	for _, i := range q.items {
		i.present = false
	}
	for key := range keys {
		i := q.items[key]
		if i == nil {
			i = &item{}
			q.items[key] = i
			q.mark(i, now)
		}
		i.present = true
		if entry, ok := s.Entry(key); ok && entry.Resource.Common().Last != i.seen {
			i.seen = entry.Resource.Common().Last
			q.mark(i, now)
		}
	}
	for key, i := range q.items {
		switch {
		case i.present:
		case i.seen != 0:
			i.seen = 0 // told once that it is gone
			q.mark(i, now)
		case !i.running && i.due.IsZero():
			delete(q.items, key) // it never was there
		}
	}
}

func (q *queue) mark(i *item, now time.Time) {
	if i.running {
		i.moved = true
		return
	}
	i.due, i.failures = now, 0
}

// next takes a key that is due, while workers are free.
func (q *queue) next(now time.Time) (base.Ref, bool) {
	if q.running >= q.cfg.Workers {
		return "", false
	}
	best := base.Ref("")
	for key, i := range q.items {
		if i.running || i.due.IsZero() || i.due.After(now) {
			continue
		}
		if best == "" || i.due.Before(q.items[best].due) || i.due.Equal(q.items[best].due) && key < best {
			best = key
		}
	}
	if best == "" {
		return "", false
	}
	i := q.items[best]
	i.running, i.moved, i.due = true, false, time.Time{}
	q.running++
	return best, true
}

// finish takes in what a port said.
func (q *queue) finish(now time.Time, o outcome) {
	q.running--
	i := q.items[o.key]
	i.running = false
	switch {
	case i.moved:
		i.failures = 0
		i.due = now
	case o.err != nil:
		i.due = now.Add(q.spread(q.pause(i.failures)))
		i.failures++
	case !i.present:
		delete(q.items, o.key)
	default:
		i.failures = 0
		if q.cfg.Resync > 0 {
			i.due = now.Add(q.cfg.Resync)
		}
	}
}

// pause grows with the failures.
func (q *queue) pause(failures int) time.Duration {
	pause := q.cfg.Backoff
	for range failures {
		if pause *= 2; pause >= q.cfg.BackoffMax {
			return q.cfg.BackoffMax
		}
	}
	return pause
}

// idle is how long to sleep when nothing is due.
const idle = time.Hour

// sleep is how long nothing happens by itself.
func (q *queue) sleep(now time.Time) time.Duration {
	until := idle
	if pace := q.looked.Add(q.cfg.Pace).Sub(now); pace > 0 {
		until = pace
	}
	if q.running >= q.cfg.Workers {
		return until
	}
	for _, i := range q.items {
		if !i.running && !i.due.IsZero() {
			until = min(until, max(i.due.Sub(now), 0))
		}
	}
	return until
}
