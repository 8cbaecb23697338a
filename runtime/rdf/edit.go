package rdf

import "slices"

// wish is a quad that shall come, or one that shall go.
type wish struct {
	quad IDQuad
	gone bool
}

// change is a key that comes, or one that goes.
type change struct {
	key  key
	gone bool
}

// keepMax is after how many changes at once an editor keeps its buffers.
const keepMax = 1 << 12

// editor carries changes out in a tree. Nodes of other epochs are copied. It
// goes through the tree once, whatever the number of changes.
type editor struct {
	epoch uint64
	out   []branch // a stack: what replaces the nodes that are being edited
	keys  []key    // of the leaf that is being edited
	words []uint64 // of it, where its frame stays
	list  []change // of the tree that is being edited
}

// carryOut changes one index. The effects are sorted as SPOG is, each quad once.
func (e *editor) carryOut(t *tree, o Order, effects []wish) {
	e.list = e.list[:0]
	for _, w := range effects {
		e.list = append(e.list, change{o.key(w.quad), w.gone})
	}
	if o != SPOG {
		slices.SortFunc(e.list, func(a, b change) int { return a.key.compare(b.key) })
	}
	e.apply(t, e.list)
}

// apply carries out changes that are sorted by key, have no key twice, and are
// of effect: what goes is there and what comes is not. There must be one.
func (e *editor) apply(t *tree, changes []change) {
	e.out = e.out[:0]
	if t.root == nil {
		e.edit(branch{leaf: &leaf{epoch: e.epoch}}, changes)
	} else {
		e.inner(t.root, changes)
	}
	*t = plant(e.out, e.epoch)
	for t.root != nil && t.root.n == 1 && t.root.kids[0] != nil {
		t.root = t.root.kids[0]
	}
}

// edit carries out changes below a branch and pushes what replaces it.
func (e *editor) edit(b branch, changes []change) {
	if b.leaf != nil {
		e.leaf(b.leaf, changes)
	} else {
		e.inner(b.inner, changes)
	}
}

// inner edits the kids that changes belong to. As long as each is replaced by
// one that is large enough, the node keeps its shape.
func (e *editor) inner(n *inner, changes []change) {
	for len(changes) > 0 {
		i := n.kid(changes[0].key)
		mine := n.upTo(i, changes)
		base := len(e.out)
		e.edit(n.branch(i), mine)
		changes = changes[len(mine):]
		if len(e.out) != base+1 || e.out[base].small() {
			e.reshape(n, i, base, changes)
			return
		}
		n = e.own(n)
		n.set(i, e.out[base])
		e.out = e.out[:base]
	}
	e.out = append(e.out, n.describe())
}

// upTo is those changes, of sorted ones that begin in kid i or later, that
// belong to kid i.
func (n *inner) upTo(i int, changes []change) []change {
	if i+1 == n.n {
		return changes
	}
	end := 0
	for end < len(changes) && changes[end].key.less(n.first[i+1]) {
		end++
	}
	return changes[:end]
}

// reshape goes on where kid i of a node has become none, several or a small
// one, which are on the stack from base on: it edits the other kids, evens them out
// and packs them into as many nodes as they need.
func (e *editor) reshape(n *inner, i, base int, changes []change) {
	var before [kidMax]branch
	for j := range i {
		before[j] = n.branch(j)
	}
	e.out = slices.Insert(e.out, base, before[:i]...)
	for i++; i < n.n; i++ {
		mine := n.upTo(i, changes)
		if len(mine) == 0 {
			e.out = append(e.out, n.branch(i))
			continue
		}
		e.edit(n.branch(i), mine)
		changes = changes[len(mine):]
	}
	e.even(base)
	e.pack(n, base)
}

// even joins each small node on the stack, from base on, with its neighbours.
func (e *editor) even(base int) {
	for i := base; i < len(e.out); i++ {
		if !e.out[i].small() || len(e.out) == base+1 {
			continue
		}
		from, to := max(base, i-1), min(len(e.out), i+2)
		var room [4]branch
		joined := e.join(room[:0], e.out[from:to])
		e.out = slices.Replace(e.out, from, to, joined...)
		i = from + len(joined) - 1
	}
}

// join packs the entries of neighbours anew.
func (e *editor) join(out, nodes []branch) []branch {
	if nodes[0].leaf != nil {
		e.keys = e.keys[:0]
		for _, b := range nodes {
			e.keys = b.leaf.append(e.keys, 0, int(b.leaf.n))
		}
		return packLeaves(out, e.keys, e.epoch, nil)
	}
	kids := make([]branch, 0, len(nodes)*kidMax)
	for _, b := range nodes {
		for i := range b.inner.n {
			kids = append(kids, b.inner.branch(i))
		}
	}
	return packInner(out, kids, e.epoch, nil)
}

// pack replaces the kids on the stack, from base on, by nodes that hold them.
func (e *editor) pack(n *inner, base int) {
	kids := slices.Clone(e.out[base:])
	e.out = packInner(e.out[:base], kids, e.epoch, n)
}

// packInner appends nodes that hold the kids; the first may be n, if it is of this epoch.
func packInner(out, kids []branch, epoch uint64, n *inner) []branch {
	room := kidFill
	if len(kids) <= kidMax {
		room = kidMax
	}
	for _, share := range shares(len(kids), room) {
		if n == nil || n.epoch != epoch {
			n = &inner{epoch: epoch}
		}
		out = append(out, n.fill(kids[:share]).describe())
		kids, n = kids[share:], nil
	}
	return out
}

// leaf merges changes into a leaf: word by word if its frame has room for them.
func (e *editor) leaf(l *leaf, changes []change) {
	if l.n > 0 && !l.wide && e.merge(l, changes) {
		return
	}
	e.keys = e.keys[:0]
	from := 0
	for _, c := range changes {
		i, _ := l.search(c.key)
		e.keys = l.append(e.keys, from, i)
		if from = i; c.gone {
			from++
		} else {
			e.keys = append(e.keys, c.key)
		}
	}
	e.keys = l.append(e.keys, from, int(l.n))
	e.out = packLeaves(e.out, e.keys, e.epoch, l)
}

// merge does so unless a key has no place in the frame or there are none or too
// many then.
func (e *editor) merge(l *leaf, changes []change) bool {
	e.words = e.words[:0]
	from := 0
	for _, c := range changes {
		w, fits := l.word(c.key)
		if !fits {
			return false
		}
		i := l.below(w)
		e.words = append(e.words, l.words[from:i]...)
		if from = i; c.gone {
			from++
		} else {
			e.words = append(e.words, w)
		}
	}
	e.words = append(e.words, l.words[from:l.n]...)
	if len(e.words) == 0 || len(e.words) > leafMax {
		return false
	}
	if l.epoch != e.epoch {
		l = &leaf{epoch: e.epoch, frame: l.frame}
	}
	l.n = uint8(copy(l.words[:], e.words))
	e.out = append(e.out, l.describe())
	return true
}

// own is the node itself if this epoch made it, else a copy that may change.
func (e *editor) own(n *inner) *inner {
	if n.epoch == e.epoch {
		return n
	}
	copied := *n
	copied.epoch = e.epoch
	return &copied
}

// small reports that a node should be joined with a neighbour.
func (b branch) small() bool {
	if b.leaf != nil {
		return b.leaf.small()
	}
	return b.inner.n < kidMin
}
