package rdf

import "slices"

// build makes all indexes of a list of quads, which it may change. It sorts by
// counting, one stable pass over the ids for each place: four passes make SPOG,
// and each further order is one pass away from an earlier one.
func build(quads []IDQuad, ids int, epoch uint64) indexes {
	x := indexes{sole: soleGraph(quads)}
	ends := make([]uint32, ids+2)
	a, b := quads, make([]IDQuad, len(quads))
	sort := func(place func(*IDQuad) ID) {
		sortBy(a, b, ends, place)
		a, b = b, a
	}
	plant := func(o Order) {
		i := -1
		x.trees[o] = grow(len(a), epoch, func() key { i++; return o.key(a[i]) })
	}
	// both makes an order and, where it is kept, the one that begins with the graph.
	both := func(o Order) {
		plant(o)
		if x.sole == Any {
			sortBy(a, b, ends, placeG)
			a, b = b, a
			plant(o + GSPO)
			a, b = b, a
		}
	}
	if !slices.IsSortedFunc(a, compareSPOG) { // they are in an image and after a compaction
		if x.sole == Any {
			sort(placeG)
		}
		sort(placeO)
		sort(placeP)
		sort(placeS)
	}
	a = distinct(a)
	b = b[:len(a)]
	both(SPOG)
	sort(placeO)
	both(OSPG)
	sort(placeP)
	both(POSG)
	return x
}

// soleGraph is the graph of all quads, or Any if there are several.
func soleGraph(quads []IDQuad) ID {
	for i := range quads {
		if quads[i].G != quads[0].G {
			return Any
		}
	}
	if len(quads) == 0 {
		return Any
	}
	return quads[0].G
}

func placeS(q *IDQuad) ID { return q.S }
func placeP(q *IDQuad) ID { return q.P }
func placeO(q *IDQuad) ID { return q.O }
func placeG(q *IDQuad) ID { return q.G }

// sortBy copies quads sorted by one place; equal ones keep their order. ends
// has room for every id.
func sortBy(from, to []IDQuad, ends []uint32, place func(*IDQuad) ID) {
	clear(ends)
	for i := range from {
		ends[place(&from[i])+1]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	for i := range from {
		end := &ends[place(&from[i])]
		to[*end] = from[i]
		*end++
	}
}

// distinct drops repetitions from a sorted list.
func distinct(quads []IDQuad) []IDQuad {
	out := quads[:0]
	for i, q := range quads {
		if i == 0 || q != quads[i-1] {
			out = append(out, q)
		}
	}
	return out
}
