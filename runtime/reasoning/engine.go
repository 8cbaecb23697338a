package reasoning

import (
	"context"
	"time"
)

// engine keeps one graph closed under the rules of a program.
type engine struct {
	program  *program
	terms    *terms
	table    *table
	limits   Limits
	trivial  bool
	slack    int   // rows and terms out of use that are not worth building anew
	stopped  error // why nothing is inferred at present
	hopeful  bool  // stopped: so much has left since that it may fit now
	spare    int   // stopped: given facts that were no premises and may leave before it fits
	changes  []row // whose visibility may have changed in this change
	queue    []row // doomed
	given    int   // asserted facts
	trusting bool  // axioms of the house are coming: terms of others are theirs to define

	match match // at work on a fact, kept lest each fact needs one
	proof match // at work on why a fact stays, likewise
	work  int   // steps since the start of the change
	ctx   context.Context
	until time.Time
	err   error // why this change cannot be finished
}

// slack is the usual one: some 300 KB.
const slack = 1 << 12

func newEngine(p *program, foreign func(string) bool, l Limits, trivial bool) *engine {
	return &engine{program: p, terms: newTerms(p.names, foreign), table: newTable(), limits: l, trivial: trivial, slack: slack}
}

const checkEvery = 1 << 12 // steps, well under a millisecond

// tick counts a step and reports whether to go on.
func (e *engine) tick() bool {
	e.work++
	if e.work%checkEvery == 0 && e.err == nil {
		e.check()
	}
	return e.err == nil
}

func (e *engine) check() {
	switch {
	case e.ctx.Err() != nil:
		e.err = context.Cause(e.ctx)
	case !e.until.IsZero() && time.Now().After(e.until):
		e.err = &Exceeded{What: "time", Limit: int(e.limits.Time.Milliseconds()), Unit: "ms"}
	case e.table.instances > e.limits.Derivations:
		e.err = &Exceeded{What: "derivations", Limit: e.limits.Derivations, Unit: "derivations"}
	}
}

// finish ends the work of a change: what did not end it in between may do so now.
func (e *engine) finish() {
	if e.err == nil {
		e.check()
	}
	if e.table.live > e.limits.Facts {
		e.tooMany()
	}
}

func (e *engine) tooMany() {
	if e.err == nil {
		e.err = &Exceeded{What: "quads", Limit: e.limits.Facts, Unit: "quads, asserted and inferred together"}
	}
}

// matched is told of each match of a plan.
func (e *engine) matched(m *match) {
	switch m.mode {
	case adding:
		for _, r := range m.rows[:len(m.plan.rule.body)] {
			e.table.facts[r].flags |= used
		}
		for i := range m.plan.rule.head {
			e.derive(m.head(&m.plan.rule.head[i]))
		}
	case deleting:
		for i := range m.plan.rule.head {
			e.withdraw(m.head(&m.plan.rule.head[i]))
		}
	case proving:
		m.found = true
	}
	if m.each != nil {
		m.each(m)
	}
}

// derive counts one more instance for a fact, which may be new.
func (e *engine) derive(s, p, o uint32) {
	if e.refused(s, p, o) {
		return
	}
	e.table.instances++
	r := e.table.find(s, p, o)
	if r != 0 && e.table.facts[r].alive() {
		e.table.facts[r].count++
		return
	}
	e.add(fact{s: s, p: p, o: o, count: 1}, r)
}

// add appends a fact; before is its row that is gone, or 0.
func (e *engine) add(f fact, before row) {
	if e.table.live >= e.limits.Facts+e.limits.margin() {
		e.tooMany()
		return
	}
	if before != 0 {
		f.flags |= e.table.facts[before].flags & (logged | was)
	}
	if r := e.enter(f); f.flags&logged == 0 {
		e.log(r, false)
	}
}

// enter appends a fact and tells the guards of its terms.
func (e *engine) enter(f fact) row {
	for _, g := range e.program.guarded.get(f.p) {
		term, other := f.s, f.o
		if g.object {
			term, other = f.o, f.s
		}
		if g.other == 0 || g.other == other {
			e.terms.mask[term] |= g.bit
		}
	}
	return e.table.add(f)
}

func (e *engine) log(r row, visible bool) {
	f := &e.table.facts[r]
	if f.flags&logged != 0 {
		return
	}
	f.flags |= logged
	if visible {
		f.flags |= was
	}
	e.changes = append(e.changes, r)
}

// forward matches all facts from a row on, which makes more of them.
func (e *engine) forward(from row) {
	for r := from; int(r) < len(e.table.facts) && e.tick(); r++ {
		if f := e.table.facts[r]; f.alive() {
			e.matchAll(adding, r, f)
		}
	}
}

// assert adds facts that are given.
func (e *engine) assert(s, p, o id, as flags) {
	r := e.table.find(s, p, o)
	if r != 0 && e.table.facts[r].alive() {
		f := &e.table.facts[r]
		if f.flags&asserted == 0 && as == asserted {
			e.given++
		}
		e.log(r, e.visible(f))
		f = &e.table.facts[r]
		f.flags |= as
		return
	}
	if as == asserted {
		e.given++
	}
	e.add(fact{s: s, p: p, o: o, flags: as}, r)
}

// retract takes back facts that were given, and then all that no longer
// follows from what is left. It is DRed with counts: each lost instance of a
// rule is seen once. A fact that loses one goes if no instance is left, or none
// from facts that are older than itself; so that no circle of facts supports
// itself. Those that went though instances are left come again, as young ones.
func (e *engine) retract(rows []row) {
	e.queue = e.queue[:0]
	for _, r := range rows {
		f := &e.table.facts[r]
		e.log(r, e.visible(f))
		f.flags &^= asserted
		e.given--
	}
	for _, r := range rows {
		e.judge(r)
	}
	for i := 0; i < len(e.queue) && e.tick(); i++ {
		r := e.queue[i]
		e.matchAll(deleting, r, e.table.facts[r])
		f := &e.table.facts[r]
		e.log(r, e.visible(f))
		f.flags |= gone
		e.table.live--
	}
	if e.err != nil {
		return
	}
	for _, r := range e.queue {
		if f := e.table.facts[r]; f.count > 0 {
			e.add(fact{s: f.s, p: f.p, o: f.o, count: f.count}, r)
		}
	}
}

// withdraw counts one instance less for a fact.
func (e *engine) withdraw(s, p, o uint32) {
	if e.refused(s, p, o) {
		return
	}
	r := e.table.find(s, p, o)
	e.table.facts[r].count--
	e.table.instances--
	e.judge(r)
}

// judge dooms a fact that has lost its reason.
func (e *engine) judge(r row) {
	f := &e.table.facts[r]
	if f.flags&(asserted|axiom|gone|doomed) != 0 {
		return
	}
	if f.count > 0 && e.prove(r, nil) {
		return
	}
	e.table.facts[r].flags |= doomed
	e.queue = append(e.queue, r)
}

// prove looks for an instance of a rule that gives a fact from older ones, and
// shows it.
func (e *engine) prove(r row, show func(*match)) bool {
	f := e.table.facts[r]
	m := &e.proof
	*m = match{e: e, mode: proving, row: r, each: show}
	for _, plans := range [2][]*plan{e.program.back.get(f.p), e.program.backAny[f.p>>idBits]} {
		for _, m.plan = range plans {
			if m.run(&f); m.found {
				return true
			}
		}
	}
	return false
}

// visible tells whether a fact is one of the inferred quads.
func (e *engine) visible(f *fact) bool {
	if f.flags&(gone|asserted) != 0 || f.p > idMask || f.flags&axiom != 0 && !e.trivial {
		return false
	}
	mask := e.terms.mask
	return mask[f.s]&isLiteral == 0 && mask[f.p]&isIRI != 0 &&
		(e.trivial || mask[f.s]&isContainer == 0 && !e.program.trivial(f))
}

// trivial tells whether everybody knows a fact: x is a thing, x is the same as
// x, a class is below itself.
func (g *program) trivial(f *fact) bool {
	switch f.p {
	case g.known.sameAs, g.known.equivalentClass, g.known.equivalentProperty:
		return f.s == f.o
	case g.known.subPropertyOf:
		return f.s == f.o
	case g.known.subClassOf:
		return f.s == f.o || f.o == g.known.thing || f.o == g.known.resource || f.s == g.known.nothing
	case g.known.rdfType:
		return f.o == g.known.thing || f.o == g.known.resource
	}
	return false
}
