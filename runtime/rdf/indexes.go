package rdf

// indexes are the orders of one set of quads. While all quads lie in one graph,
// the orders that begin with the graph are the same sequences as those that end
// with it, so they are not kept: memory and the cost of a change halve.
type indexes struct {
	trees [orders]tree
	sole  ID // the only graph, or Any if all six orders are kept
}

// resolve finds the order that is kept and the pattern that mean the same as
// these; none says that nothing can match.
func (x *indexes) resolve(o Order, p IDQuad) (kept Order, q IDQuad, none bool) {
	if x.sole == Any {
		return o, p, false
	}
	none = p.G != Any && p.G != x.sole
	p.G = Any
	if o >= GSPO {
		o -= GSPO
	}
	return o, p, none
}

func (x *indexes) cursor(o Order, p IDQuad) Cursor {
	kept, p, none := x.resolve(o, p)
	if none {
		return Cursor{}
	}
	c := newCursor(x.trees[kept], kept, p)
	if kept != o {
		c.sole = x.sole
	}
	return c
}

// apply carries effects out, which are sorted as SPOG is, each quad once.
func (x *indexes) apply(e *editor, epoch uint64, effects []wish) {
	if len(effects) == 0 {
		return
	}
	if x.trees[SPOG].size == 0 {
		x.sole = effects[0].quad.G
	}
	for i := 0; i < len(effects) && x.sole != Any; i++ {
		if effects[i].quad.G != x.sole {
			x.split(epoch)
		}
	}
	e.epoch = epoch
	for o := range x.trees {
		if x.sole == Any || Order(o) < GSPO {
			e.carryOut(&x.trees[o], Order(o), effects)
		}
	}
	if len(effects) > keepMax {
		*e = editor{} // a large change leaves no large buffers behind
	}
}

// split makes the orders that begin with the graph, before a second one comes.
func (x *indexes) split(epoch uint64) {
	for o := SPOG; o < GSPO; o++ {
		c, by := newCursor(x.trees[o], o, IDQuad{}), o+GSPO
		x.trees[by] = grow(x.trees[o].size, epoch, func() key { c.Next(); return by.key(c.Quad()) })
	}
	x.sole = Any
}
