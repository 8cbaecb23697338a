package desk

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
)

// Kind is what sort of work it is.
type Kind string

const (
	Query  Kind = "query"
	Update Kind = "update"
	Live   Kind = "live" // one evaluation of a live query
)

// Work is what somebody asks for.
type Work struct {
	ID       string   // unique, such as the id of the request; "" for a random one
	Caller   base.Ref // who asks
	Kind     Kind
	Endpoint string // path that it was sent to
	Text     string
}

// Config bounds a desk. Zero means the default.
type Config struct {
	Running          int           // at once; 16
	RunningPerCaller int           // of them, of one caller; half, rounded up
	Kept             int           // of Running, for callers who have none running; 1 of four or more, negative for none
	Waiting          int           // for their turn; 64, negative for none
	WaitingPerCaller int           // of them, of one caller; half, rounded up
	Patience         time.Duration // that work waits for its turn; 10 s
	MemoryBytes      int64         // that all operators keep together; 512 MiB
	// Departed is told of all that leaves, the refused included. It must not
	// block and must not call the desk.
	Departed func(Departure)
}

// WithDefaults is the configuration with the default in the place of each zero.
func (c Config) WithDefaults() Config {
	if c.Running == 0 {
		c.Running = 16
	}
	if c.RunningPerCaller == 0 {
		c.RunningPerCaller = (c.Running + 1) / 2
	}
	if c.Kept == 0 && c.Running >= 4 {
		c.Kept = 1
	}
	if c.Waiting == 0 {
		c.Waiting = 64
	}
	if c.WaitingPerCaller == 0 {
		c.WaitingPerCaller = (c.Waiting + 1) / 2
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	if c.MemoryBytes == 0 {
		c.MemoryBytes = 512 << 20
	}
	return c
}

// Desk is safe for concurrent use.
type Desk struct {
	cfg  Config
	pool *sparql.Pool

	mu      sync.Mutex
	entries map[string]*Entry
	aside   map[string]*Entry // that wait for something else; some are at the desk too
	waiting []*Entry          // the longest wait first
	running int
	callers map[base.Ref]int // running, of each
}

// New makes an empty desk.
func New(cfg Config) *Desk {
	cfg = cfg.WithDefaults()
	return &Desk{cfg: cfg, pool: sparql.NewPool(cfg.MemoryBytes), entries: map[string]*Entry{}, aside: map[string]*Entry{}, callers: map[base.Ref]int{}}
}

// Config is what the desk is bounded by, defaults filled in.
func (d *Desk) Config() Config { return d.cfg }

// Enter waits until work may begin. Whoever is let in calls Leave when it is
// done. The error is a *base.Error (Unavailable) when there is no place, the
// cause of ctx when that ends first, an *Ended when somebody ended the wait.
func (d *Desk) Enter(ctx context.Context, w Work) (*Entry, error) {
	e := &Entry{desk: d, work: w, meter: sparql.NewMeter(d.pool), asked: time.Now(), turn: make(chan struct{})}
	if e.work.ID == "" {
		e.work.ID = rand.Text()
	}
	e.work.Text = excerpt(w.Text)
	e.ctx, e.cancel = context.WithCancelCause(ctx)
	if err := d.admit(e); err != nil {
		e.cancel(nil)
		d.told(Departure{Kind: w.Kind, Reason: Refused})
		return nil, err
	}
	if err := e.wait(d.cfg.Patience); err != nil {
		return nil, err
	}
	return e, nil
}

// admit puts an entry on the list, where there is room.
func (d *Desk) admit(e *Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.entries[e.work.ID] != nil {
		return &base.Error{Code: base.Conflict, Detail: fmt.Sprintf("there is work with the id %s already", e.work.ID)}
	}
	if err := d.room(e.work.Caller); err != nil {
		return err
	}
	d.entries[e.work.ID] = e
	d.waiting = append(d.waiting, e)
	d.next()
	return nil
}

// room refuses what could neither begin nor wait.
func (d *Desk) room(caller base.Ref) error {
	own := 0
	for _, e := range d.waiting {
		if e.work.Caller == caller {
			own++
		}
	}
	switch {
	case d.free(caller):
		return nil
	case own >= d.cfg.WaitingPerCaller:
		return &base.Error{Code: base.Unavailable, RetryAfter: d.rounds(), Detail: fmt.Sprintf(
			"%d queries of yours run and %d wait, and one caller may have no more; try again in a moment", d.callers[caller], own)}
	case len(d.waiting) >= d.cfg.Waiting:
		return &base.Error{Code: base.Unavailable, RetryAfter: d.rounds(), Detail: fmt.Sprintf(
			"%d queries run and %d wait already; try again in a moment", d.running, len(d.waiting))}
	}
	return nil
}

// free reports that there is a place for a caller. Those who have one already
// leave a few to others, who are so not behind a house full of long queries.
func (d *Desk) free(caller base.Ref) bool {
	has, places := d.callers[caller], d.cfg.Running
	if has > 0 {
		places -= max(0, d.cfg.Kept)
	}
	return d.running < places && has < d.cfg.RunningPerCaller
}

// rounds is how often all places must become free until those who wait have had
// their turn, which is as good a guess of seconds as any.
func (d *Desk) rounds() int { return 1 + len(d.waiting)/d.cfg.Running }

// next lets begin whoever may.
func (d *Desk) next() {
	for d.running < d.cfg.Running {
		at := -1
		for i, e := range d.waiting {
			if d.free(e.work.Caller) && (at < 0 || d.callers[e.work.Caller] < d.callers[d.waiting[at].work.Caller]) {
				at = i
			}
		}
		if at < 0 {
			return
		}
		e := d.waiting[at]
		d.waiting = slices.Delete(d.waiting, at, at+1)
		d.running++
		d.callers[e.work.Caller]++
		e.begun = time.Now()
		close(e.turn)
	}
}

// remove takes an entry from the list and gives its place to the next. It
// reports when the entry's turn came, if it did.
func (d *Desk) remove(e *Entry) (begun time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.entries, e.work.ID)
	if at := slices.Index(d.waiting, e); at >= 0 {
		d.waiting = slices.Delete(d.waiting, at, at+1)
		return time.Time{}
	}
	d.running--
	if d.callers[e.work.Caller]--; d.callers[e.work.Caller] == 0 {
		delete(d.callers, e.work.Caller)
	}
	d.next()
	return e.begun
}

func (d *Desk) told(e Departure) {
	if d.cfg.Departed != nil {
		d.cfg.Departed(e)
	}
}

// List is what runs and waits, in the order in which it was asked for.
func (d *Desk) List() []Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Status, 0, len(d.entries))
	for _, e := range d.entries {
		list = append(list, e.status())
	}
	for id, e := range d.aside {
		if d.entries[id] == nil {
			list = append(list, e.status())
		}
	}
	slices.SortFunc(list, func(a, b Status) int {
		if order := a.Asked.Compare(b.Asked); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// Find is the state of the work with an id.
func (d *Desk) Find(id string) (Status, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.find(id)
	if e == nil {
		return Status{}, false
	}
	return e.status(), true
}

// End ends the work with an id, in whose name by acts, and reports whether
// there was any. It leaves the list once it has noticed.
func (d *Desk) End(id string, by base.Ref) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range []*Entry{d.aside[id], d.entries[id]} { // the context of the second is below that of the first
		if e != nil {
			e.ending = true
			e.cancel(&Ended{By: by})
		}
	}
	return d.find(id) != nil
}

// Count is how many run and wait.
func (d *Desk) Count() (running, waiting int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running, len(d.waiting)
}

// Memory is how many bytes the operators of all that runs keep.
func (d *Desk) Memory() int64 { return d.pool.Used() }
