package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// Config bounds a hub. Zero means the default.
type Config struct {
	Limits        sparql.Limits // of one run; its time-out is 10 s if it has none
	Rows          int           // of one answer; 10,000
	AnswerBytes   int64         // of one answer; 8 MiB
	Bytes         int64         // of all answers and histories; 256 MiB
	Subscriptions int           // at the same time; 4,096
	PerCaller     int           // of them, of one caller; 1,024
	Workers       int           // that run queries; 2
	// Keep is how long the rows of a query that nobody subscribes to any more wait
	// for somebody to resume; 5 min.
	Keep time.Duration
	// Asleep is how many such queries are kept; 1,024.
	Asleep int
	// Desk, where there is one, lets each run in.
	Desk *desk.Desk
}

func (c Config) withDefaults() Config {
	def := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	def(&c.Rows, 10_000)
	def(&c.Subscriptions, 4096)
	def(&c.PerCaller, 1024)
	def(&c.Workers, 2)
	def(&c.Asleep, 1024)
	if c.Limits.Timeout == 0 {
		c.Limits.Timeout = 10 * time.Second
	}
	if c.AnswerBytes == 0 {
		c.AnswerBytes = 8 << 20
	}
	if c.Bytes == 0 {
		c.Bytes = 256 << 20
	}
	if c.Keep == 0 {
		c.Keep = 5 * time.Minute
	}
	return c
}

// Hub runs live queries. It is safe for concurrent use; Close ends it.
type Hub struct {
	cfg      Config
	ctx      context.Context
	cancel   context.CancelCauseFunc
	routines sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	feeds   map[string]*feed
	groups  map[key]*group // those that sleep too
	callers map[base.Ref]int
	total   int   // subscriptions
	asleep  int   // groups
	bytes   int64 // of all groups
	ready   []*group
	workers int // that run; they end when nothing is ready
	sweeper *time.Timer
	runs    int64
}

// ErrClosed is what subscriptions end with when the hub does.
var ErrClosed = errors.New("the live queries are ended")

// New makes a hub. At rest it has no goroutine.
func New(cfg Config) *Hub {
	h := &Hub{cfg: cfg.withDefaults(), feeds: map[string]*feed{}, groups: map[key]*group{}, callers: map[base.Ref]int{}}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	return h
}

// Close ends all subscriptions and waits for the goroutines of the hub.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	h.cancel(ErrClosed)
	for _, f := range h.feeds {
		f.close()
	}
	for _, g := range h.groups {
		g.end(ErrClosed)
	}
	if h.sweeper != nil {
		h.sweeper.Stop()
	}
	h.mu.Unlock()
	h.routines.Wait()
}

// Stats are figures of a hub.
type Stats struct {
	Subscriptions int
	Queries       int   // distinct ones that somebody subscribes to
	Asleep        int   // whose rows wait for somebody to resume
	Bytes         int64 // of rows and histories
	Runs          int64 // of queries, so far
}

// Stats of the hub at present.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{Subscriptions: h.total, Queries: len(h.groups) - h.asleep, Asleep: h.asleep, Bytes: h.bytes, Runs: h.runs}
}

// enqueue has a query run when it may. The hub is locked.
func (h *Hub) enqueue(g *group) {
	if g.queued || g.running || g.feed == nil || g.err != nil {
		return
	}
	g.queued = true
	if wait := time.Until(g.pause); wait > 0 {
		time.AfterFunc(wait, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.push(g)
		})
		return
	}
	h.push(g)
}

func (h *Hub) push(g *group) {
	if h.closed {
		return
	}
	h.ready = append(h.ready, g)
	if h.workers < h.cfg.Workers {
		h.workers++
		h.routines.Go(h.worker)
	}
}

// turn is one run of a query on a view of its feed.
type turn struct {
	group *group
	feed  *feed
	view  View
	old   []string // its rows so far
	fresh bool     // there are none
}

// next is the query that runs next, if there is one for this worker to run.
func (h *Hub) next() (t turn, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.ready) > 0 && !h.closed {
		g := h.ready[0]
		h.ready[0] = nil
		h.ready = h.ready[1:]
		g.queued = false
		if g.feed != nil && g.err == nil && !g.running {
			g.running, g.dirty = true, false
			h.runs++
			return turn{g, g.feed, g.feed.view, g.rows, len(g.history) == 0}, true
		}
	}
	h.workers--
	return t, false
}

func (h *Hub) worker() {
	for t, ok := h.next(); ok; t, ok = h.next() {
		h.run(t)
	}
}

// A query that takes long runs at most a quarter of the time, so that a few of
// them under a stream of commits leave the workers to the others.
const (
	short  = 5 * time.Millisecond
	breath = 3
)

// patience is how long a new query tries to find its first turn.
const patience = 10 * time.Second

// run brings the rows of a query to a view.
func (h *Hub) run(t turn) {
	began := time.Now()
	vars, rows, err := h.evaluate(&t)
	took := time.Since(began)
	var removed, added []string
	if err == nil && !t.fresh {
		removed, added = difference(t.old, rows)
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	g := t.group
	g.running = false
	if took > short {
		g.pause = time.Now().Add(breath * took)
	}
	var busy *base.Error
	switch {
	case h.groups[g.key] != g: // it was forgotten meanwhile
		return
	case err == nil:
		h.bytes -= g.bytes
		g.vars = vars
		g.begin(t.view.Position, rows, removed, added)
		h.bytes += g.bytes
		g.tell()
		h.makeRoom(g)
	case errors.As(err, &busy) && busy.Code == base.Unavailable && (!t.fresh || time.Since(g.born) < patience):
		g.pause = time.Now().Add(time.Duration(max(1, busy.RetryAfter)) * time.Second)
		g.dirty, g.until = true, 0 // its rows stand no longer; it tries again
	default:
		g.end(err)
	}
	if g.dirty {
		h.enqueue(g)
	}
}

// makeRoom forgets queries that nobody subscribes to, and if that is not enough
// ends the one that grew. The hub is locked.
func (h *Hub) makeRoom(grown *group) {
	for h.bytes > h.cfg.Bytes {
		if !h.forgetOldest() {
			grown.end(&base.Error{Code: base.Unavailable, RetryAfter: 10, Detail: "the answers of all live queries together are over their bound; ask for fewer rows, or later"})
			return
		}
	}
}

// forgetOldest drops the query that has slept longest, if any sleeps.
func (h *Hub) forgetOldest() bool {
	if h.asleep == 0 {
		return false
	}
	var oldest *group
	for _, g := range h.groups {
		if g.asleep && (oldest == nil || g.slept.Before(oldest.slept)) {
			oldest = g
		}
	}
	h.forget(oldest)
	return true
}

// forget drops a query. The hub is locked.
func (h *Hub) forget(g *group) {
	if h.groups[g.key] == g {
		delete(h.groups, g.key)
	}
	h.sleeps(g, false)
	h.bytes -= g.bytes
	g.bytes = 0
}

// sleeps notes whether the rows of a query wait for somebody. The hub is locked.
func (h *Hub) sleeps(g *group, asleep bool) {
	if g.asleep == asleep {
		return
	}
	if g.asleep = asleep; asleep {
		g.slept = time.Now()
		h.asleep++
	} else {
		h.asleep--
	}
}

// sweep forgets the queries that have slept long enough.
func (h *Hub) sweep() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sweeper = nil
	next := time.Duration(-1)
	for _, g := range h.groups {
		if !g.asleep {
			continue
		}
		if left := h.cfg.Keep - time.Since(g.slept); left <= 0 {
			h.forget(g)
		} else if next < 0 || left < next {
			next = left
		}
	}
	if next >= 0 {
		h.sweepIn(next)
	}
}

func (h *Hub) sweepIn(d time.Duration) {
	if h.sweeper == nil && !h.closed {
		h.sweeper = time.AfterFunc(d, h.sweep)
	}
}
