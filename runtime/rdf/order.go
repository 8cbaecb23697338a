package rdf

import "cmp"

// Order names the order of an index: the places of a quad from the most to the
// least significant.
type Order uint8

// The six orders. For each of the 16 ways to bind a pattern one of them begins
// with exactly the bound places, so every Match is one range and every Count is
// exact.
const (
	SPOG Order = iota
	POSG
	OSPG
	GSPO
	GPOS
	GOSP
	orders
)

func (o Order) String() string {
	return [...]string{"SPOG", "POSG", "OSPG", "GSPO", "GPOS", "GOSP"}[o]
}

// key is a quad in the order of one index, as two numbers that compare fast.
type key struct{ hi, lo uint64 }

func (a key) less(b key) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a key) compare(b key) int {
	if a.hi != b.hi {
		return cmp.Compare(a.hi, b.hi)
	}
	return cmp.Compare(a.lo, b.lo)
}

func pack(a, b, c, d ID) key { return key{uint64(a)<<32 | uint64(b), uint64(c)<<32 | uint64(d)} }

// places are the ids, from the most to the least significant.
func (k key) places() [4]ID { return [4]ID{ID(k.hi >> 32), ID(k.hi), ID(k.lo >> 32), ID(k.lo)} }

// key arranges a quad in this order.
func (o Order) key(q IDQuad) key {
	switch o {
	case SPOG:
		return pack(q.S, q.P, q.O, q.G)
	case POSG:
		return pack(q.P, q.O, q.S, q.G)
	case OSPG:
		return pack(q.O, q.S, q.P, q.G)
	case GSPO:
		return pack(q.G, q.S, q.P, q.O)
	case GPOS:
		return pack(q.G, q.P, q.O, q.S)
	default:
		return pack(q.G, q.O, q.S, q.P)
	}
}

func compareSPOG(a, b IDQuad) int { return SPOG.key(a).compare(SPOG.key(b)) }

// quad is the inverse of key.
func (o Order) quad(k key) IDQuad {
	a, b, c, d := ID(k.hi>>32), ID(k.hi), ID(k.lo>>32), ID(k.lo)
	switch o {
	case SPOG:
		return IDQuad{S: a, P: b, O: c, G: d}
	case POSG:
		return IDQuad{P: a, O: b, S: c, G: d}
	case OSPG:
		return IDQuad{O: a, S: b, P: c, G: d}
	case GSPO:
		return IDQuad{G: a, S: b, P: c, O: d}
	case GPOS:
		return IDQuad{G: a, P: b, O: c, S: d}
	default:
		return IDQuad{G: a, O: b, S: c, P: d}
	}
}

// bound is the range of keys whose leading places match the pattern, both ends
// included, and whether that covers all bound places.
func (o Order) bound(p IDQuad) (lo, hi key, exact bool) {
	k := o.key(p)
	places := k.places()
	n := 0
	for n < 4 && places[n] != Any {
		n++
	}
	exact = true
	for _, id := range places[n:] {
		exact = exact && id == Any
	}
	for i := n; i < 4; i++ {
		places[i] = Any
	}
	lo = pack(places[0], places[1], places[2], places[3])
	for i := n; i < 4; i++ {
		places[i] = ^ID(0)
	}
	return lo, pack(places[0], places[1], places[2], places[3]), exact
}

// orderFor is the order that begins with exactly the bound places.
func orderFor(p IDQuad) Order {
	const s, pr, o, g = 1, 2, 4, 8
	bits := 0
	if p.S != Any {
		bits |= s
	}
	if p.P != Any {
		bits |= pr
	}
	if p.O != Any {
		bits |= o
	}
	if p.G != Any {
		bits |= g
	}
	return [16]Order{
		s: SPOG, s | pr: SPOG, s | pr | o: SPOG, s | pr | o | g: SPOG,
		pr: POSG, pr | o: POSG,
		o: OSPG, o | s: OSPG,
		g: GSPO, g | s: GSPO, g | s | pr: GSPO,
		g | pr: GPOS, g | pr | o: GPOS,
		g | o: GOSP, g | o | s: GOSP,
	}[bits]
}

// matches tests the places of a pattern that are bound.
func (p IDQuad) matches(q IDQuad) bool {
	return (p.S == Any || p.S == q.S) && (p.P == Any || p.P == q.P) &&
		(p.O == Any || p.O == q.O) && (p.G == Any || p.G == q.G)
}
