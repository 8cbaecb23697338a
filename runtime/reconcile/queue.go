package reconcile

import (
	"crypto/rand"
	"encoding/binary"
	"iter"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/state"
)

// item is what is known of one key.
type item struct {
	seen     base.Position // of the last event about it, at the last look
	revision base.Position // of its declaration, at the last look
	present  bool          // it was there at the last look
	due      time.Time     // when to work on it; the zero time is "not by itself"
	ended    time.Time     // when work on it ended last
	running  bool
	moved    bool // it moved while it was worked on
	declared bool // so did its declaration
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
	var b [8]byte
	rand.Read(b[:])
	return pause*3/4 + time.Duration(binary.NativeEndian.Uint64(b[:])%uint64(pause/2+1))
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
			q.mark(i, now, true)
		}
		i.present = true
		if entry, ok := s.Entry(key); ok && entry.Resource.Common().Last != i.seen {
			head := entry.Resource.Common()
			q.mark(i, now, head.Revision != i.revision)
			i.seen, i.revision = head.Last, head.Revision
		}
	}
	for key, i := range q.items {
		switch {
		case i.present:
		case i.seen != 0:
			i.seen, i.revision = 0, 0 // told once that it is gone
			q.mark(i, now, true)
		case !i.running && i.due.IsZero():
			delete(q.items, key) // it never was there
		}
	}
}

// mark makes a key due that moved: at once if its declaration did. What was only
// observed may be the port's own report, so it waits a while lest a port that
// always finds something new calls itself without end; and what fails has its
// time already.
func (q *queue) mark(i *item, now time.Time, declared bool) {
	switch {
	case i.running:
		i.moved, i.declared = true, i.declared || declared
	case declared:
		i.due, i.failures = now, 0
	case i.failures == 0:
		i.due = sooner(i.due, i.ended.Add(q.cfg.Calm))
	}
}

// sooner is the earlier of two times, where the zero time is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
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
	i.running, i.due = true, time.Time{}
	q.running++
	return best, true
}

// finish takes in what a port said.
func (q *queue) finish(now time.Time, o outcome) {
	q.running--
	i := q.items[o.key]
	moved, declared := i.moved, i.declared
	i.running, i.moved, i.declared, i.ended = false, false, false, now
	switch {
	case declared:
		i.due, i.failures = now, 0
	case o.err != nil:
		i.due = now.Add(q.spread(q.pause(i.failures)))
		i.failures++
	case moved:
		i.due, i.failures = now.Add(q.cfg.Calm), 0
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
