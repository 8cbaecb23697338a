package eventlog

import (
	"sync"
	"time"
)

// Size is how many bytes the log takes on the disk: segments as they are, and
// compressed ones.
func (l *Log) Size() (raw, archived int64) {
	v := l.view.Load()
	for i, seg := range v.segments {
		switch {
		case i == len(v.segments)-1:
			raw += v.end
		case seg.archive != nil:
			archived += seg.stored
		default:
			raw += seg.stored
		}
	}
	return raw, archived
}

// Written is how many bytes the log wrote to its files since it was opened:
// batches, headers, marks and what rewriting segments took.
func (l *Log) Written() int64 { return l.written.Load() }

// Flow tells how fast a count grows, looked at now and then. It is safe for
// concurrent use.
type Flow struct {
	mu     sync.Mutex
	points []point // at most one an hour, the oldest a day old
}

type point struct {
	at    time.Time
	count int64
}

const (
	day       = 24 * time.Hour
	pointGap  = time.Hour
	flowLeast = 10 * time.Minute // of looking before anything is said
)

// Daily is by how much the count grew in the last day; before a day has passed, what
// a day would bring at the pace since the first look. ok is false for the first
// ten minutes.
func (f *Flow) Daily(now time.Time, count int64) (grown int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.points); n == 0 || now.Sub(f.points[n-1].at) >= pointGap {
		f.points = append(f.points, point{now, count})
	}
	for len(f.points) > 1 && now.Sub(f.points[1].at) >= day {
		f.points = f.points[1:]
	}
	first := f.points[0]
	passed := now.Sub(first.at)
	if passed < flowLeast {
		return 0, false
	}
	return int64(float64(count-first.count) * day.Seconds() / passed.Seconds()), true
}

// Daily is how many bytes the log writes in a day: see Written and Flow.
func (l *Log) Daily(now time.Time) (bytes int64, ok bool) { return l.flow.Daily(now, l.Written()) }
