package rdf

// Cursor walks over the quads that match a pattern, in the order of one index.
// It allocates nothing, so a join may make millions of them. A cursor is used
// by one goroutine.
type Cursor struct {
	root    *inner
	order   Order
	filter  bool // some bound places are outside the range
	sole    ID   // of a walk asked for by graph, where there is one graph only
	pattern IDQuad
	end     key // the last key of the range
	leaf    []key
	i       int // of the next key in leaf
	depth   int
	path    [maxDepth]step
}

// step is an inner node on the way to the leaf, with the kid that was taken.
type step struct {
	n *inner
	i int
}

func newCursor(t tree, o Order, p IDQuad) Cursor {
	lo, hi, exact := o.bound(p)
	c := Cursor{root: t.root, order: o, filter: !exact, pattern: p, end: hi}
	if c.root != nil {
		c.descend(lo)
	}
	return c
}

// descend goes to the first key that is not less than k.
func (c *Cursor) descend(k key) {
	c.depth = 0
	for n := c.root; ; {
		i := n.kid(k)
		c.path[c.depth] = step{n, i}
		c.depth++
		if l := n.leaves[i]; l != nil {
			c.leaf, c.i = l.keys[:l.n], l.search(k)
			return
		}
		n = n.kids[i]
	}
}

// advance goes to the next leaf, or reports that there is none.
func (c *Cursor) advance() bool {
	d := c.depth - 1
	for d >= 0 && c.path[d].i+1 == c.path[d].n.n {
		d--
	}
	if d < 0 {
		return false
	}
	c.path[d].i++
	at := c.path[d]
	for at.n.leaves[at.i] == nil {
		at = step{at.n.kids[at.i], 0}
		d++
		c.path[d] = at
	}
	l := at.n.leaves[at.i]
	c.leaf, c.i = l.keys[:l.n], 0
	return true
}

// Next moves to the next quad and reports whether there is one.
func (c *Cursor) Next() bool {
	for {
		if c.i == len(c.leaf) && !c.advance() {
			return false
		}
		k := c.leaf[c.i]
		if c.end.less(k) {
			return false
		}
		c.i++
		if !c.filter || c.pattern.matches(c.order.quad(k)) {
			return true
		}
	}
}

// Quad is the quad that Next moved to.
func (c *Cursor) Quad() IDQuad { return c.order.quad(c.leaf[c.i-1]) }

// Seek moves so that the next quad is the first one that, in the cursor's
// order, does not come before q. It never moves back. Joins skip with it.
func (c *Cursor) Seek(q IDQuad) {
	if c.sole != Any && q.G != c.sole {
		if q.G > c.sole {
			c.end = key{} // all graphs come before
		}
		return
	}
	k := c.order.key(q)
	if c.root == nil || !c.leaf[min(c.i, len(c.leaf)-1)].less(k) {
		return
	}
	if last := len(c.leaf) - 1; k.less(c.leaf[last]) {
		// Steps are mostly short: the key is in this leaf.
		for c.leaf[c.i].less(k) {
			c.i++
		}
		return
	}
	c.descend(k)
}
