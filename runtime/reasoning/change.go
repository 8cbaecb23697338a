package reasoning

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// triple is what a change names.
type triple [3]id

// begin takes in the axioms of the house and closes them.
func (e *engine) begin(axioms []base.Quad) error {
	e.start(context.Background(), 0)
	e.trusting = true
	for _, q := range axioms {
		e.assert(e.terms.intern(q.S), e.terms.intern(q.P), e.terms.intern(q.O), axiom)
	}
	e.forward(1)
	e.trusting = false
	for r := range e.table.facts {
		e.table.facts[r].flags = e.table.facts[r].flags&^(logged|was) | axiom
	}
	e.changes = e.changes[:0]
	return e.err
}

func (e *engine) start(ctx context.Context, limit time.Duration) {
	e.ctx, e.err, e.until, e.work = ctx, nil, time.Time{}, 0
	if limit > 0 {
		e.until = time.Now().Add(limit)
	}
	if ctx.Err() != nil {
		e.err = context.Cause(ctx)
	}
}

// lookup gives the ids of a quad's triple without making any.
func (e *engine) lookup(q *base.Quad) (t triple, known bool) {
	for i, term := range [3]*base.Term{&q.S, &q.P, &q.O} {
		if t[i] = e.terms.find(*term); t[i] == 0 {
			return t, false
		}
	}
	return t, true
}

// intern gives ids to a quad's triple. It reports false for one that the
// authority refuses, which the reasoner does as if it were not there.
func (e *engine) intern(q *base.Quad) (triple, bool) {
	t := triple{e.terms.intern(q.S), e.terms.intern(q.P), e.terms.intern(q.O)}
	return t, !e.refused(t[0], t[1], t[2])
}

// retractAll takes back the given ones among some quads.
func (e *engine) retractAll(quads []base.Quad) {
	var rows []row
	for i := range quads {
		t, known := e.lookup(&quads[i])
		if !known {
			continue
		}
		r := e.table.find(t[0], t[1], t[2])
		if f := &e.table.facts[r]; r != 0 && f.alive() && f.flags&asserted != 0 && !slices.Contains(rows[max(0, len(rows)-1):], r) {
			rows = append(rows, r)
		}
	}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	if e.stopped != nil {
		e.drop(rows)
		return
	}
	e.retract(rows)
}

// drop forgets given facts where nothing is inferred, and notes when what is
// left may fit the limits.
func (e *engine) drop(rows []row) {
	for _, r := range rows {
		f := &e.table.facts[r]
		if e.spare--; e.spare < 0 || f.flags&used != 0 {
			e.hopeful = true
		}
		f.flags &^= asserted
		e.given--
		if f.flags&axiom == 0 {
			f.flags |= gone
			e.table.live--
		}
	}
}

// change applies one change of the given facts, and leaves in changes what it
// did. It fails when a limit is exceeded or the context ends; then nothing is
// inferred until a later change fits the limits again.
func (e *engine) change(ctx context.Context, axioms []base.Quad, removed, added []base.Quad) (Delta, error) {
	e.start(ctx, e.limits.Time)
	if e.stopped != nil {
		return e.revive(axioms, removed, added)
	}
	from := row(len(e.table.facts))
	e.retractAll(removed)
	if e.err == nil {
		for i := range added {
			if t, ok := e.intern(&added[i]); ok {
				e.assert(t[0], t[1], t[2], asserted)
			}
		}
		e.forward(from)
	}
	e.finish()
	if e.err != nil {
		return e.stop(axioms, removed, added), e.stopped
	}
	d := e.delta()
	e.tidy()
	return d, nil
}

// delta reads what the logged changes come to.
func (e *engine) delta() (d Delta) {
	for _, r := range e.changes {
		f := &e.table.facts[r]
		before := f.flags&was != 0
		f.flags &^= logged | was
		now := e.table.find(f.s, f.p, f.o)
		if now != r {
			e.table.facts[now].flags &^= logged | was
		}
		after := e.visible(&e.table.facts[now])
		switch {
		case before && !after:
			d.Removed = append(d.Removed, e.quad(r))
		case after && !before:
			d.Added = append(d.Added, e.quad(r))
		}
	}
	e.changes = e.changes[:0]
	return d
}

func (e *engine) quad(r row) base.Quad {
	f := &e.table.facts[r]
	return base.Quad{S: e.terms.term(f.s), P: e.terms.term(f.p & idMask), O: e.terms.term(f.o)}
}

// inferred yields the rows of the inferred quads.
func (e *engine) inferred() iter.Seq[row] {
	return func(yield func(row) bool) {
		if e.stopped != nil {
			return
		}
		for r := 1; r < len(e.table.facts); r++ {
			if e.visible(&e.table.facts[r]) && !yield(row(r)) {
				return
			}
		}
	}
}

// stop gives up: everything that was shown is taken back, the given facts
// are kept as they are after the change.
func (e *engine) stop(axioms, removed, added []base.Quad) (d Delta) {
	for r := 1; r < len(e.table.facts); r++ {
		f := &e.table.facts[r]
		shown := e.visible(f)
		if f.flags&logged != 0 {
			shown = f.flags&was != 0 && e.table.find(f.s, f.p, f.o) == row(r)
		}
		if shown {
			d.Removed = append(d.Removed, e.quad(row(r)))
		}
	}
	e.giveUp(axioms)
	e.take(removed, added)
	return d
}

// giveUp lets go of everything inferred. What exceeded a limit stays too much
// while all its premises are there: facts that were none count by themselves
// only, and there is as much room for them as was inferred beyond the limit.
func (e *engine) giveUp(axioms []base.Quad) {
	e.stopped, e.hopeful, e.spare = e.err, true, noLimit
	if x, ok := e.err.(*Exceeded); ok && x.What != "time" {
		e.hopeful = false
		if x.What == "quads" {
			e.spare = max(0, e.table.live-e.limits.Facts-1)
		}
	}
	e.reset(axioms, used)
}

// take notes given facts where nothing is inferred. It is safe to do twice.
func (e *engine) take(removed, added []base.Quad) {
	limit := e.limits.Facts
	e.limits.Facts, e.err = maxID, nil
	e.retractAll(removed)
	for i := range added {
		if t, ok := e.intern(&added[i]); ok {
			e.assert(t[0], t[1], t[2], asserted)
		}
	}
	e.limits.Facts = limit
	e.settle()
}

// settle forgets what was logged.
func (e *engine) settle() {
	for _, r := range e.changes {
		e.table.facts[r].flags &^= logged | was
	}
	e.changes = e.changes[:0]
}

// revive tries to infer again, unless what exceeded a limit is all there still.
// More facts never infer less, so that this only skips tries that would fail.
func (e *engine) revive(axioms, removed, added []base.Quad) (Delta, error) {
	interrupted := e.err
	e.take(removed, added)
	if !e.hopeful {
		e.tidy()
		return Delta{}, e.stopped
	}
	if e.err = interrupted; e.err == nil {
		e.reset(axioms, 0)
		e.forward(1)
	}
	e.finish()
	if e.err != nil {
		e.giveUp(axioms)
		return Delta{}, e.stopped
	}
	e.stopped = nil
	e.settle()
	var d Delta
	for r := range e.inferred() {
		d.Added = append(d.Added, e.quad(r))
	}
	return d, nil
}

// reset builds the table anew from the axioms and the given facts, which keep
// some of their flags.
func (e *engine) reset(axioms []base.Quad, keep flags) {
	old, ctx, until, work, limits := e.table, e.ctx, e.until, e.work, e.limits
	e.table, e.changes, e.given = newTable(), e.changes[:0], 0
	e.limits = Limits{Facts: maxID, Derivations: noLimit}
	e.begin(axioms)
	for i := 1; i < len(old.facts); i++ {
		if f := &old.facts[i]; f.flags&asserted != 0 {
			e.assert(f.s, f.p, f.o, asserted)
			e.table.facts[e.table.find(f.s, f.p, f.o)].flags |= f.flags & keep
		}
	}
	e.settle()
	e.ctx, e.until, e.work, e.limits, e.err = ctx, until, work, limits, nil
}

// tidy builds the table anew when rows that are gone outnumber half of the
// others, and the dictionary when most of its terms are in no fact.
func (e *engine) tidy() {
	t := e.table
	if rows := len(t.facts) - 1; rows-t.live < t.live/2+e.slack {
		return
	}
	used := make([]bool, len(e.terms.list))
	terms := 0
	for i := range t.facts {
		if f := &t.facts[i]; f.alive() {
			for _, term := range [3]id{f.s, f.p & idMask, f.o} {
				if !used[term] {
					used[term] = true
					terms++
				}
			}
		}
	}
	to := func(i id) id { return i }
	if old := e.terms; len(old.list) > 2*terms+e.slack {
		e.terms = newTerms(e.program.names, old.foreign)
		to = func(i id) id {
			if i == 0 {
				return 0
			}
			return e.terms.intern(old.term(i))
		}
	}
	e.table = newTable()
	e.table.instances = t.instances
	for i := 1; i < len(t.facts); i++ {
		if f := t.facts[i]; f.alive() {
			f.s, f.p, f.o = to(f.s), f.p&^idMask|to(f.p&idMask), to(f.o)
			f.nextS, f.nextO, f.nextP = 0, 0, 0
			e.enter(f)
		}
	}
}

// load takes in a graph of a snapshot, as change does, and says nothing of
// what comes of it.
func (e *engine) load(ctx context.Context, axioms []base.Quad, s *rdf.Snapshot, g rdf.ID) error {
	e.start(ctx, e.limits.Time)
	from := row(len(e.table.facts))
	limit := e.limits.Facts
	e.limits.Facts = maxID
	e.table.facts = slices.Grow(e.table.facts, s.Count(rdf.IDQuad{G: g}))
	ids := make([]id, s.Terms()+1)
	of := func(i rdf.ID) id {
		if ids[i] == 0 {
			ids[i] = e.terms.intern(s.Term(i))
		}
		return ids[i]
	}
	for q := range s.Match(rdf.IDQuad{G: g}) {
		if sub, p, o := of(q.S), of(q.P), of(q.O); !e.refused(sub, p, o) {
			e.assert(sub, p, o, asserted)
		}
		if !e.tick() {
			break
		}
	}
	e.limits.Facts = limit
	if e.stopped == nil && e.err == nil {
		e.forward(from)
	}
	e.finish()
	if e.err != nil {
		e.giveUp(axioms)
	}
	e.settle()
	return e.stopped
}
