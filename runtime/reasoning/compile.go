package reasoning

import "slices"

// access is how a step finds its facts.
type access uint8

const (
	byTest   access = iota
	byTriple        // everything is bound
	bySP
	byPO
	byP
	byS
	byO
	byAll
)

// step extends a match by one more atom, or tests it.
type step struct {
	access access
	atom   atom
	known  [3]bool // bound before the step
	fresh  [3]bool // bound by it
	from   int     // which atom of the body it is; -1 of a test
	less   bool    // the fact must be older than the pivot, not only no younger
}

// plan is a way through a rule: what is bound at its start, and the steps.
type plan struct {
	rule  *parsed
	pivot int // the atom of the body that is given, -1 for none
	start step
	steps []step
}

// program is a rule table ready to run. It is immutable and shared by engines.
type program struct {
	*names
	known vocabulary
	rules []parsed
	false []*plan
	// Forward plans, by what their pivot asks of a fact. own[p] are those of a
	// constant predicate or relation; any those of a variable one.
	own     byPredicate[*pivots]
	any     [relationsMax]*pivots // by relation
	guards  []guard
	guarded byPredicate[[]guard]
	back    byPredicate[[]*plan]  // by the head's constant predicate or relation
	backAny [relationsMax][]*plan // by the relation of a head with a variable predicate
}

const relationsMax = 1 << (32 - idBits)

// byPredicate is a table by constant predicate, or by relation.
type byPredicate[T any] struct {
	names     []T // by id
	relations [relationsMax]T
}

func (b *byPredicate[T]) at(p uint32) *T {
	if rel := p >> idBits; rel != 0 {
		return &b.relations[rel]
	}
	for int(p) >= len(b.names) {
		b.names = append(b.names, *new(T))
	}
	return &b.names[p]
}

// get reads; a predicate beyond the names of the program has nothing.
func (b *byPredicate[T]) get(p uint32) (v T) {
	if rel := p >> idBits; rel != 0 {
		return b.relations[rel]
	}
	if int(p) < len(b.names) {
		return b.names[p]
	}
	return v
}

// guard is what a term must be part of before a rule can match with it:
// (?t p ?) for a subject guard, (? p ?t) for an object guard.
type guard struct {
	p      uint32
	object bool // the guarded term is the object
	other  id   // what the other place must be, 0 for anything
	bit    uint64
}

// pivots are the plans that one kind of fact can start.
type pivots struct {
	always []*plan
	by     [3][]guardedPlan // guard on subject, predicate, object
	union  [3]uint64
}

type guardedPlan struct {
	bit uint64
	*plan
}

func compile(groups ...[]rule) *program {
	g := &program{names: newNames()}
	g.know()
	for _, rules := range groups {
		for _, r := range rules {
			g.rules = append(g.rules, g.parse(r))
		}
	}
	for i := range g.rules {
		r := &g.rules[i]
		if r.head == nil {
			g.false = append(g.false, planOf(r, -1, nil))
			continue
		}
		for k := range r.body {
			g.forward(planOf(r, k, nil))
		}
		for h := range r.head {
			g.backward(r, h)
		}
	}
	g.knowAxioms()
	return g
}

// forward enters a plan where facts will find it.
func (g *program) forward(p *plan) {
	a := p.start.atom
	at := &g.any[a.rel>>idBits]
	if a.places[1].v < 0 {
		at = g.own.at(a.rel | a.places[1].c)
	}
	if *at == nil {
		*at = &pivots{}
	}
	place, bit := g.guard(p)
	if bit == 0 {
		(*at).always = append((*at).always, p)
		return
	}
	(*at).by[place] = append((*at).by[place], guardedPlan{bit, p})
	(*at).union[place] |= bit
}

// guard finds the most telling condition that a rule makes on a variable of
// its pivot: a test, or an atom with a constant predicate.
func (g *program) guard(p *plan) (place int, bit uint64) {
	pivot := p.start.atom
	for _, place := range []int{1, 2, 0} {
		v := pivot.places[place].v
		if v < 0 {
			continue
		}
		for _, a := range p.rule.tests {
			if a.test.trait != 0 && a.places[0].v == v {
				return place, a.test.trait
			}
		}
		for k, a := range p.rule.body {
			if k == p.pivot || a.places[1].v >= 0 {
				continue
			}
			for _, at := range []int{0, 2} {
				if a.places[at].v != v {
					continue
				}
				other := a.places[2-at]
				w := guard{p: a.rel | a.places[1].c, object: at == 2}
				if other.v < 0 {
					w.other = other.c
				}
				if w.p == g.ids["rdf:type"] && w.other == 0 {
					continue // everything has a class, or is one
				}
				return place, g.bit(w)
			}
		}
	}
	return 0, 0
}

func (g *program) bit(w guard) uint64 {
	for _, have := range g.guards {
		if w.bit = have.bit; w == have {
			return have.bit
		}
	}
	w.bit = 1 << min(traits+len(g.guards), 63) // a shared last bit only filters less
	at := g.guarded.at(w.p)
	*at = append(*at, w)
	g.guards = append(g.guards, w)
	return w.bit
}

// backward enters the plans that find what a fact follows from.
func (g *program) backward(r *parsed, h int) {
	a := r.head[h]
	p := planOf(r, -1, &a)
	at := &g.backAny[a.rel>>idBits]
	if a.places[1].v < 0 {
		at = g.back.at(a.rel | a.places[1].c)
	}
	*at = append(*at, p)
}

// planOf orders the atoms of a rule behind its pivot, or behind its head when
// that is given.
func planOf(r *parsed, pivot int, head *atom) *plan {
	p := &plan{rule: r, pivot: pivot}
	bound := map[int8]bool{}
	if head != nil {
		p.start = newStep(*head, bound, -1)
	}
	todo := make([]int, 0, len(r.body))
	for k := range r.body {
		if k == pivot {
			p.start = newStep(r.body[k], bound, k)
		} else {
			todo = append(todo, k)
		}
	}
	pending := slices.Clone(r.tests)
	tests := func() {
		pending = slices.DeleteFunc(pending, func(a atom) bool {
			ready := a.places[0].v < 0 || bound[a.places[0].v]
			ready = ready && (a.test.gives || a.places[1].v < 0 || bound[a.places[1].v])
			if ready {
				p.steps = append(p.steps, newStep(a, bound, -1))
			}
			return ready
		})
	}
	tests()
	for len(todo) > 0 {
		best := slices.MinFunc(todo, func(a, b int) int { return cost(r.body[a], bound) - cost(r.body[b], bound) })
		s := newStep(r.body[best], bound, best)
		s.less = pivot >= 0 && best < pivot
		p.steps = append(p.steps, s)
		todo = slices.DeleteFunc(todo, func(k int) bool { return k == best })
		tests()
	}
	return p
}

// newStep notes what is bound before and by an atom, and how to find it.
func newStep(a atom, bound map[int8]bool, from int) step {
	s := step{atom: a, from: from, access: accessOf(a, bound)}
	for i, place := range a.places {
		s.known[i] = place.v < 0 || bound[place.v]
	}
	for i, place := range a.places {
		if place.v >= 0 && !bound[place.v] {
			bound[place.v], s.fresh[i] = true, true
		}
	}
	return s
}

func accessOf(a atom, bound map[int8]bool) access {
	if a.test != nil {
		return byTest
	}
	known := func(i int) bool { return a.places[i].v < 0 || bound[a.places[i].v] }
	s, p, o := known(0), known(1), known(2)
	switch {
	case s && p && o:
		return byTriple
	case s && p:
		return bySP
	case p && o:
		return byPO
	case p:
		return byP
	case s:
		return byS
	case o:
		return byO
	}
	return byAll
}

// cost guesses how much an atom widens a match: first what is wholly bound,
// then the schema, which is small, then few values of a subject before the many
// subjects of a value.
func cost(a atom, bound map[int8]bool) int {
	c := 10 * int(accessOf(a, bound))
	schema := a.rel != 0 || a.places[1].v < 0
	isType := a.rel == 0 && a.places[1].v < 0 && a.places[2].v >= 0 && !bound[a.places[2].v]
	switch {
	case accessOf(a, bound) == byTriple:
		return 0
	case schema && !isType && accessOf(a, bound) < byP:
		return c - 15
	}
	return c
}
