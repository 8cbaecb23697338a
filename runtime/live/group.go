package live

import (
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
)

// group is one query of all who ask the same and may read the same. It is under
// the hub's lock; while it runs, only its worker changes rows.
type group struct {
	key       key
	tag       string
	query     *sparql.Query
	footprint sparql.Footprint
	sight     Sight
	caller    base.Ref // who asked first
	endpoint  string

	born   time.Time
	feed   *feed // nil while nobody subscribes
	users  int
	asleep bool // its rows wait for somebody to resume
	slept  time.Time

	dirty   bool          // it has to run
	until   base.Position // if so: the rows that the run before gave stand up to here
	queued  bool
	running bool
	pause   time.Time // it does not run before

	vars    []string
	rows    []string // in the order of the answer; replaced whole, never written to
	bytes   int64    // of all that is kept of it, roughly
	history []span   // the last is that of rows
	first   int      // number of history[0]
	err     error    // that it ended with
	news    chan struct{}
}

// span is a time in which the rows stayed the same, and what began it.
type span struct {
	from, until    base.Position // the last one has no until yet
	removed, added []string
	bytes          int64
	shown          bool // somebody was given its rows or its change
}

// Bounds of the history of one query. Who resumes behind its beginning begins
// anew.
const (
	historySpans = 256
	historyBytes = 1 << 20
)

// mark notes that the rows may be others after a position.
func (g *group) mark(until base.Position) {
	if g.dirty {
		return
	}
	g.dirty, g.until = true, until
	if !g.running {
		g.close(until)
	}
}

// close ends the last span.
func (g *group) close(until base.Position) {
	if n := len(g.history); n > 0 {
		g.history[n-1].until = max(g.history[n-1].from, until)
	}
}

// settled reports that the last span reaches up to the feed's view.
func (g *group) settled() bool { return !g.dirty && !g.running && len(g.history) > 0 }

func (g *group) last() *span { return &g.history[len(g.history)-1] }

// end is the number behind the last span.
func (g *group) endOfHistory() int { return g.first + len(g.history) }

// begin adds the span that begins with a run at a position.
func (g *group) begin(at base.Position, rows, removed, added []string) {
	s := span{from: at, removed: removed, added: added, bytes: size(removed) + size(added), shown: len(removed)+len(added) > 0}
	if n := len(g.history); n > 0 && !s.shown && !g.last().shown {
		g.history = g.history[:n-1] // of a change of nothing that nobody saw
	}
	g.history = append(g.history, s)
	g.rows = rows
	if g.dirty {
		g.close(g.until)
	}
	bytes := int64(0)
	for _, s := range g.history {
		bytes += s.bytes
	}
	for len(g.history) > 1 && (len(g.history) > historySpans || bytes > historyBytes) {
		bytes -= g.history[0].bytes
		g.history[0] = span{}
		g.history = g.history[1:]
		g.first++
	}
	g.bytes = bytes + size(rows) + g.cost()
}

// end ends the query for all who subscribe to it.
func (g *group) end(err error) {
	if g.err == nil {
		g.err = err
		g.tell()
	}
}

// tell wakes all who wait for news.
func (g *group) tell() {
	close(g.news)
	g.news = make(chan struct{})
}

// find gives the number of the span in which a position lies.
func (g *group) find(p, now base.Position) (number int, ok bool) {
	for i := len(g.history) - 1; i >= 0; i-- {
		s := g.history[i]
		until := s.until
		if i == len(g.history)-1 && g.settled() {
			until = now
		}
		if s.from <= p {
			return g.first + i, p <= max(s.from, until)
		}
	}
	return 0, false
}

// cost is what a query takes itself, roughly: its text, its algebra and its
// place in the index.
func (g *group) cost() int64 { return 4096 + 16*int64(len(g.key.text)) }

func size(rows []string) (n int64) {
	for _, r := range rows {
		n += int64(len(r)) + 16
	}
	return n
}
