package feed

import (
	"cmp"
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/eventlog"
)

const (
	step = 1 << 20 // bytes of log that one publication takes in
	// Telling all who listen takes time for each of them, so the more there are, the
	// more a publication gathers: a pause of share for each, and of longest at most.
	share   = 100 * time.Microsecond
	longest = 40 * time.Millisecond
)

// Config is what a feed is of.
type Config struct {
	Log *eventlog.Log
	// Seen is the position that reads of this node show, and a channel that is
	// closed when they show a later one.
	Seen   func() (base.Position, <-chan struct{})
	Encode Encode
	// Kept is how many bytes of events a window holds; 0 means 4 MiB.
	Kept int
}

// Feed follows the log while somebody listens.
type Feed struct {
	cfg Config
	ctx context.Context // ends the feed

	mu        sync.Mutex
	listeners int
	stop      context.CancelFunc // while somebody listens
	count     atomic.Int64       // listeners
	current   atomic.Pointer[window]
}

// New makes a feed that ends with ctx.
func New(ctx context.Context, cfg Config) *Feed {
	if cfg.Kept == 0 {
		cfg.Kept = 4 << 20
	}
	return &Feed{cfg: cfg, ctx: ctx}
}

// window is the events after from up to to, all of them. It never changes.
type window struct {
	from, to base.Position
	events   []Event
	err      error // why nothing will follow
	bytes    int
	newer    chan struct{} // closed when there is a newer one
}

// Join begins to listen after a position. Whoever does must leave.
func (f *Feed) Join(after base.Position) *Listener {
	f.enter()
	return &Listener{feed: f, walk: NewWalk(f.cfg.Log, f.cfg.Encode, after)}
}

func (f *Feed) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners++; f.listeners == 1 {
		ctx, stop := context.WithCancel(f.ctx)
		f.stop = stop
		at, _ := f.cfg.Seen()
		first := &window{from: at, to: at, newer: make(chan struct{})}
		f.current.Store(first)
		go f.run(ctx, first)
	}
	f.count.Store(int64(f.listeners))
}

func (f *Feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners--; f.listeners == 0 {
		f.stop()
		f.current.Store(nil)
	}
	f.count.Store(int64(f.listeners))
}

// after are the events of the window after a position.
func (w *window) after(position base.Position) []Event {
	n, _ := slices.BinarySearchFunc(w.events, position+1, func(e Event, at base.Position) int { return cmp.Compare(e.Position, at) })
	return w.events[n:]
}

// run publishes windows until ctx ends or the log cannot be read. What comes
// after a quiet time is told at once; what follows it gathers for a pause.
func (f *Feed) run(ctx context.Context, w *window) {
	reader := f.cfg.Log.Reader(uint64(w.to))
	done := w.to // may be beyond w.to: the log passes over positions
	for told := (time.Time{}); ; {
		seen, more := f.cfg.Seen()
		if seen == done {
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
			continue
		}
		if !pause(ctx, f.pause()-time.Since(told)) {
			return
		}
		seen, _ = f.cfg.Seen()
		next, all := f.advance(w, reader, seen)
		if all {
			done = seen
		}
		if !f.publish(ctx, w, next) || next.err != nil {
			return
		}
		w, told = next, time.Now()
	}
}

func (f *Feed) pause() time.Duration {
	return min(time.Duration(f.count.Load())*share, longest)
}

func pause(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// advance is the window with what the log has behind it up to a position, and
// whether that is all.
func (f *Feed) advance(w *window, reader *eventlog.Reader, until base.Position) (next *window, all bool) {
	next = &window{from: w.from, to: w.to, events: w.events, bytes: w.bytes, newer: make(chan struct{})}
	for taken := 0; taken < step; {
		batch, err := reader.Until(uint64(until))
		if err == io.EOF {
			all = true
			break
		}
		var events []Event
		if err == nil {
			events, err = Decode(f.cfg.Encode, batch)
		}
		if err != nil {
			next.err = err
			break
		}
		for i := range events {
			next.bytes += len(events[i].text)
		}
		taken += len(batch.Payload)
		next.events, next.to = append(next.events, events...), base.Position(batch.Last())
	}
	next.trim(f.cfg.Kept)
	return next, all
}

// trim forgets the oldest events when there are too many, half of them, so that
// what is copied stays a small part of what comes.
func (w *window) trim(kept int) {
	if w.bytes <= kept {
		return
	}
	n := 0
	for ; n < len(w.events)-1 && w.bytes > kept/2; n++ {
		w.bytes -= len(w.events[n].text)
		w.from = w.events[n].Position
	}
	w.events = slices.Clone(w.events[n:])
}

// publish shows a window, unless nobody listens any more.
func (f *Feed) publish(ctx context.Context, before, w *window) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	f.current.Store(w)
	close(before.newer)
	return true
}
