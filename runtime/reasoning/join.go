package reasoning

// mode is why a rule is matched, which says what facts may take part and what
// becomes of a match.
type mode uint8

const (
	adding   mode = iota // the pivot is new: facts up to it
	deleting             // the pivot goes: facts that are not gone
	proving              // the head is given: facts above it that stay; stops at the first match
	finding              // all facts
)

// match is the work on one plan.
type match struct {
	e     *engine
	plan  *plan
	mode  mode
	row   row // the pivot; proving: the head
	b     [12]id
	rows  [10]row // by atom of the body
	found bool    // proving
	each  func(*match)
}

// bind takes a fact for an atom: compares what is known, and notes the rest.
func (m *match) bind(s *step, f *fact) bool {
	values := [3]uint32{f.s, f.p, f.o}
	for i, place := range s.atom.places {
		v := values[i]
		if i == 1 {
			if v&^idMask != s.atom.rel {
				return false
			}
			v &= idMask
		}
		switch {
		case place.v < 0:
			if v != place.c {
				return false
			}
		case s.fresh[i]:
			m.b[place.v] = v
		case m.b[place.v] != v:
			return false
		}
	}
	return true
}

func (m *match) value(r ref) id {
	if r.v < 0 {
		return r.c
	}
	return m.b[r.v]
}

// run matches a plan that begins with a fact.
func (m *match) run(f *fact) {
	if m.bind(&m.plan.start, f) {
		if m.plan.pivot >= 0 {
			m.rows[m.plan.pivot] = m.row
		}
		m.step(0)
	}
}

// step goes on at a step of the plan with every fact that it allows.
func (m *match) step(i int) {
	if i == len(m.plan.steps) {
		m.e.matched(m)
		return
	}
	s := &m.plan.steps[i]
	a := &s.atom
	t := m.e.table
	switch s.access {
	case byTest:
		if m.test(s) {
			m.step(i + 1)
		}
	case byTriple:
		if r := t.find(m.value(a.places[0]), m.value(a.places[1])|a.rel, m.value(a.places[2])); r != 0 {
			m.try(i, s, r)
		}
	case bySP:
		p := m.value(a.places[1]) | a.rel
		for r := t.firstSP(m.value(a.places[0]), p); r != 0 && t.facts[r].p == p && m.try(i, s, r); r = t.facts[r].nextS {
		}
	case byPO:
		p := m.value(a.places[1]) | a.rel
		for r := t.firstPO(p, m.value(a.places[2])); r != 0 && t.facts[r].p == p && m.try(i, s, r); r = t.facts[r].nextO {
		}
	case byP:
		for r := t.headP[m.value(a.places[1])|a.rel]; r != 0 && m.try(i, s, r); r = t.facts[r].nextP {
		}
	case byS:
		for r := t.firstS(m.value(a.places[0])); r != 0 && m.try(i, s, r); r = t.facts[r].nextS {
		}
	case byO:
		for r := t.firstO(m.value(a.places[2])); r != 0 && m.try(i, s, r); r = t.facts[r].nextO {
		}
	case byAll:
		for r := row(1); int(r) < len(t.facts) && m.try(i, s, r); r++ {
		}
	}
}

// try takes a row for a step, if it may, and reports whether to go on.
func (m *match) try(i int, s *step, r row) bool {
	if !m.e.tick() || m.found {
		return false
	}
	f := &m.e.table.facts[r]
	if f.flags&gone != 0 || !m.may(s, r, f) || !m.bind(s, f) {
		return true
	}
	m.rows[s.from] = r
	m.step(i + 1)
	return !m.found
}

// may tells whether a fact takes part. Adding and deleting see each instance
// of a rule exactly once: at the first place of its youngest fact, and of the
// first of its facts that goes.
func (m *match) may(s *step, r row, f *fact) bool {
	switch m.mode {
	case adding:
		return r < m.row || r == m.row && !s.less
	case deleting:
		return r != m.row || !s.less
	case proving:
		return r < m.row && f.flags&doomed == 0
	}
	return true
}

func (m *match) test(s *step) bool {
	t := s.atom.test
	a := m.value(s.atom.places[0])
	if t.trait != 0 && m.e.terms.mask[a]&t.trait == 0 {
		return false
	}
	switch {
	case t.gives:
		v := t.give(m.e, a)
		if s.fresh[1] {
			m.b[s.atom.places[1].v] = v
		}
		return v != 0 && m.value(s.atom.places[1]) == v
	case t.ask != nil:
		return t.ask(m.e, a, m.value(s.atom.places[1]))
	}
	return true
}

// head is a fact that a match gives.
func (m *match) head(a *atom) (s, p, o uint32) {
	return m.value(a.places[0]), m.value(a.places[1]) | a.rel, m.value(a.places[2])
}

// matchAll starts every plan that a fact can start. The fact is a copy, since
// the table may move meanwhile.
func (e *engine) matchAll(mode mode, r row, f fact) {
	m := &e.match
	*m = match{e: e, mode: mode, row: r}
	if own := e.program.own.get(f.p); own != nil {
		m.start(own, &f)
	}
	if any := e.program.any[f.p>>idBits]; any != nil {
		m.start(any, &f)
	}
}

func (m *match) start(p *pivots, f *fact) {
	for _, m.plan = range p.always {
		m.run(f)
	}
	mask := m.e.terms.mask
	for place, term := range [3]id{f.s, f.p & idMask, f.o} {
		have := mask[term] & p.union[place]
		if have == 0 {
			continue
		}
		for i := range p.by[place] {
			if g := &p.by[place][i]; have&g.bit != 0 {
				m.plan = g.plan
				m.run(f)
			}
		}
	}
}
