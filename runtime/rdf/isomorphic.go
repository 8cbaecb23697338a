package rdf

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/picloud/picloud/gen/base"
)

// Isomorphic reports whether two sets of quads are the same up to the labels
// of their blank nodes (RDF 1.1 Semantics, section 3.6). Duplicates do not count.
//
// It colours blank nodes by what is around them until the colours no longer
// split, and where several keep one colour tries them in turn. Data made to
// have many symmetric blank nodes makes that slow, so it is for tests and small
// answers, not for what strangers send.
func Isomorphic(a, b []base.Quad) bool {
	a, b = distinctQuads(a), distinctQuads(b)
	return len(a) == len(b) && match(a, b, colours(a, nil), colours(b, nil))
}

type colour [sha256.Size]byte

func distinctQuads(quads []base.Quad) []base.Quad {
	seen := make(map[base.Quad]bool, len(quads))
	var out []base.Quad
	for _, q := range quads {
		if !seen[q] {
			seen[q] = true
			out = append(out, q)
		}
	}
	return out
}

// places are the four terms of a quad.
func places(q base.Quad) [4]base.Term { return [4]base.Term{q.S, q.P, q.O, q.G} }

// colours refines a colouring of the blank nodes until it no longer splits.
func colours(quads []base.Quad, start map[string]colour) map[string]colour {
	now := map[string]colour{}
	for _, q := range quads {
		for _, t := range places(q) {
			if t.Kind == base.BlankTerm {
				now[t.Value] = start[t.Value]
			}
		}
	}
	for classes := 0; ; {
		around := map[string][]colour{}
		for _, q := range quads {
			for i, t := range places(q) {
				if t.Kind == base.BlankTerm {
					around[t.Value] = append(around[t.Value], paint(q, i, now))
				}
			}
		}
		next := make(map[string]colour, len(now))
		for node, colours := range around {
			slices.SortFunc(colours, func(a, b colour) int { return slices.Compare(a[:], b[:]) })
			h := sha256.New()
			own := now[node]
			h.Write(own[:])
			for _, c := range colours {
				h.Write(c[:])
			}
			next[node] = colour(h.Sum(nil))
		}
		if n := len(group(next)); n == classes {
			return next
		} else {
			classes = n
		}
		now = next
	}
}

// paint is the colour of a quad as seen from its term i.
func paint(q base.Quad, i int, now map[string]colour) colour {
	line := []byte{byte(i)}
	for j, t := range places(q) {
		switch {
		case t.Kind != base.BlankTerm:
			line = append(appendTerm(append(line, byte(t.Kind)), t), ' ')
		case t.Value == places(q)[i].Value:
			line = append(line, 's', byte(j))
		default:
			c := now[t.Value]
			line = append(append(line, 'b'), c[:]...)
		}
	}
	return sha256.Sum256(line)
}

// group lists the nodes of each colour.
func group(of map[string]colour) map[colour][]string {
	out := map[colour][]string{}
	for node, c := range of {
		out[c] = append(out[c], node)
	}
	return out
}

// match decides whether colourings can be made one bijection that maps a to b.
func match(a, b []base.Quad, ca, cb map[string]colour) bool {
	ga, gb := group(ca), group(cb)
	if len(ga) != len(gb) {
		return false
	}
	var tied []colour
	for c, nodes := range ga {
		if len(gb[c]) != len(nodes) {
			return false
		}
		if len(nodes) > 1 {
			tied = append(tied, c)
		}
	}
	if len(tied) == 0 {
		return same(a, b, ca, gb)
	}
	first := slices.MinFunc(tied, func(x, y colour) int {
		return cmp.Or(cmp.Compare(len(ga[x]), len(ga[y])), slices.Compare(x[:], y[:]))
	})
	for _, other := range gb[first] {
		if match(a, b, colours(a, mark(ca, ga[first][0])), colours(b, mark(cb, other))) {
			return true
		}
	}
	return false
}

// mark gives one node a colour that no other has.
func mark(of map[string]colour, node string) map[string]colour {
	out := map[string]colour{}
	for n, c := range of {
		out[n] = c
	}
	c := of[node]
	out[node] = sha256.Sum256(append(c[:], "marked"...))
	return out
}

// same checks that the bijection of the colours maps a to b.
func same(a, b []base.Quad, ca map[string]colour, gb map[colour][]string) bool {
	in := make(map[base.Quad]bool, len(b))
	for _, q := range b {
		in[q] = true
	}
	to := func(t base.Term) base.Term {
		if t.Kind == base.BlankTerm {
			t.Value = gb[ca[t.Value]][0]
		}
		return t
	}
	for _, q := range a {
		if !in[base.Quad{S: to(q.S), P: to(q.P), O: to(q.O), G: to(q.G)}] {
			return false
		}
	}
	return true
}
