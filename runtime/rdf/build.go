package rdf

// build makes all indexes of a list of quads, which it may change. It sorts by
// counting, one stable pass over the ids for each place: four passes make SPOG,
// and each further order is one pass away from an earlier one.
func build(quads []IDQuad, ids int, epoch uint64) (trees [orders]tree) {
	ends := make([]uint32, ids+2)
	a, b := quads, make([]IDQuad, len(quads))
	sortBy(a, b, ends, placeG)
	sortBy(b, a, ends, placeO)
	sortBy(a, b, ends, placeP)
	sortBy(b, a, ends, placeS)
	a = distinct(a)
	b = b[:len(a)]
	c := make([]IDQuad, len(a))
	plant := func(o Order, sorted []IDQuad) {
		i := -1
		trees[o] = grow(len(sorted), epoch, func() key { i++; return o.key(sorted[i]) })
	}
	plant(SPOG, a)
	sortBy(a, b, ends, placeG)
	plant(GSPO, b)
	sortBy(a, b, ends, placeO)
	plant(OSPG, b)
	sortBy(b, c, ends, placeG)
	plant(GOSP, c)
	sortBy(b, c, ends, placeP)
	plant(POSG, c)
	sortBy(c, a, ends, placeG)
	plant(GPOS, a)
	return trees
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
