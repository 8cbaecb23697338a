package live

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
)

// index finds the live queries that a quad can matter to. Patterns are kept by
// which of their places are bound and by the terms there, so a quad is looked up
// once for each such combination in use: eight at most, however many patterns.
type index struct {
	used [8]int // patterns of each combination
	by   map[probe][]posting
}

// probe is the bound part of a pattern.
type probe struct {
	bound   uint8 // bits of the places
	s, p, o base.Term
}

const (
	boundS = 1 << iota
	boundP
	boundO
)

type posting struct {
	group   *group
	pattern sparql.Pattern
}

func probeOf(bound uint8, s, p, o base.Term) probe {
	key := probe{bound: bound}
	if bound&boundS != 0 {
		key.s = s
	}
	if bound&boundP != 0 {
		key.p = p
	}
	if bound&boundO != 0 {
		key.o = o
	}
	return key
}

func probeFor(p sparql.Pattern) probe {
	bound := uint8(0)
	for bit, term := range map[uint8]base.Term{boundS: p.S, boundP: p.P, boundO: p.O} {
		if !term.IsZero() {
			bound |= bit
		}
	}
	return probeOf(bound, p.S, p.P, p.O)
}

func (x *index) add(g *group) {
	if x.by == nil {
		x.by = map[probe][]posting{}
	}
	for _, p := range g.footprint.Patterns {
		key := probeFor(p)
		x.by[key] = append(x.by[key], posting{g, p})
		x.used[key.bound]++
	}
}

func (x *index) remove(g *group) {
	for _, p := range g.footprint.Patterns {
		key := probeFor(p)
		list := x.by[key]
		for i := range list {
			if list[i].group == g && list[i].pattern == p {
				list[i] = list[len(list)-1]
				list[len(list)-1] = posting{}
				list = list[:len(list)-1]
				break
			}
		}
		if x.by[key] = list; len(list) == 0 {
			delete(x.by, key)
		}
		x.used[key.bound]--
	}
}

// touched calls visit for the queries that a quad can matter to, for some more
// than once.
func (x *index) touched(q base.Quad, visit func(*group)) {
	for bound, n := range x.used {
		if n == 0 {
			continue
		}
		x.look(probeOf(uint8(bound), q.S, q.P, q.O), q, visit)
		if bound&boundS == 0 {
			continue
		}
		switch document, _, fragment := strings.Cut(q.S.Value, "#"); {
		case q.S.Kind == base.BlankTerm:
			x.look(probeOf(uint8(bound), sparql.AnyBlank(), q.P, q.O), q, visit)
		case fragment:
			x.look(probeOf(uint8(bound), base.IRI(document), q.P, q.O), q, visit)
		}
	}
}

func (x *index) look(key probe, q base.Quad, visit func(*group)) {
	for _, p := range x.by[key] {
		if p.group.dirty {
			continue // it will run anyway
		}
		inDefault, named := reads(p.group.sight, p.group.query, q.G.Value)
		if p.pattern.Matches(q, inDefault, named) {
			visit(p.group)
		}
	}
}
