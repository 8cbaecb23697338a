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
	leaf    *leaf
	i       int // of the next key in leaf
	stop    int // of the first one behind the range
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
			c.leaf = l
			c.i, _ = l.search(k)
			c.limit(n, i)
			return
		}
		n = n.kids[i]
	}
}

// advance goes to the next leaf, or reports that the range has none.
func (c *Cursor) advance() bool {
	if c.root == nil || c.stop < int(c.leaf.n) {
		return false
	}
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
	c.leaf, c.i = l, 0
	c.limit(at.n, at.i)
	return true
}

// limit finds out how much of the leaf, kid i of a node, is in the range. If the next
// one begins in it, all is.
func (c *Cursor) limit(n *inner, i int) {
	if i+1 < n.n && !c.end.less(n.first[i+1]) {
		c.stop = int(c.leaf.n)
		return
	}
	c.stop = c.leaf.upTo(c.end, c.i)
}

// Next moves to the next quad and reports whether there is one.
func (c *Cursor) Next() bool {
	for {
		if c.i >= c.stop {
			if !c.advance() {
				return false
			}
			continue
		}
		c.i++
		if !c.filter || c.pattern.matches(c.Quad()) {
			return true
		}
	}
}

// Quad is the quad that Next moved to.
func (c *Cursor) Quad() IDQuad {
	if l := c.leaf; !l.wide { // most are not, so this spares them a call
		return c.order.quad(l.key(l.words[c.i-1]))
	}
	return c.order.quad(c.leaf.at(c.i - 1))
}

// Seek moves so that the next quad is the first one that, in the cursor's
// order, does not come before q. It never moves back. Joins skip with it.
func (c *Cursor) Seek(q IDQuad) {
	if c.sole != Any && q.G != c.sole {
		if q.G > c.sole {
			c.end, c.stop = key{}, 0 // all graphs come before
		}
		return
	}
	if c.root == nil {
		return
	}
	k := c.order.key(q)
	at := c.path[c.depth-1]
	last := at.i+1 == at.n.n
	if !last && !k.less(at.n.first[at.i+1]) {
		c.descend(k)
		return
	}
	if c.i = c.leaf.after(k, c.i); last && c.i == int(c.leaf.n) && c.leaf.at(c.i-1).less(k) {
		c.descend(k)
	}
}
