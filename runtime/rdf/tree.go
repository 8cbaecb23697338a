package rdf

import "slices"

// Nodes hold at most this many entries. Small nodes make changes cheap (what a
// change copies after a snapshot), large ones save memory; DESIGN.md has the
// figures.
const (
	nodeMax = 24
	nodeMin = nodeMax / 4
	// bulkFill leaves room in each node of a bulk load, so that the first
	// inserts do not split everything.
	bulkFill = nodeMax - nodeMax/8
	// maxDepth suffices for 6^12 keys, more than memory can hold.
	maxDepth = 12
)

// tree is a set of keys: a B+ tree whose inner nodes know how many keys are
// below them, so that the rank of a key costs one descent. Copying the struct
// is a snapshot once the writer has moved to a new epoch: nodes of older epochs
// are copied before a change.
type tree struct {
	root *node
	size int
}

// node is a leaf with keys or an inner node with kids.
type node struct {
	epoch uint64 // of the writer that may change it in place
	keys  []key
	kids  []branch
}

// branch is a kid with its smallest key and the number of its keys.
type branch struct {
	first key
	size  int
	node  *node
}

func (n *node) leaf() bool { return n.kids == nil }

// entries is the number of keys or kids of the node itself.
func (n *node) entries() int { return len(n.keys) + len(n.kids) }

// branch describes a node that is not empty to its parent.
func (n *node) branch() branch {
	if n.leaf() {
		return branch{first: n.keys[0], size: len(n.keys), node: n}
	}
	b := branch{first: n.kids[0].first, node: n}
	for i := range n.kids {
		b.size += n.kids[i].size
	}
	return b
}

// search is the number of keys in a leaf that are less than k.
func (n *node) search(k key) int {
	lo, hi := 0, len(n.keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if n.keys[mid].less(k) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// kid is the index of the kid that k belongs to: the last one that does not
// begin behind it.
func (n *node) kid(k key) int {
	lo, hi := 1, len(n.kids)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if k.less(n.kids[mid].first) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo - 1
}

// rank is the number of keys in the tree that are less than k, and whether k
// is in the tree.
func (t tree) rank(k key) (rank int, found bool) {
	n := t.root
	if n == nil {
		return 0, false
	}
	for !n.leaf() {
		i := n.kid(k)
		for j := range n.kids[:i] {
			rank += n.kids[j].size
		}
		n = n.kids[i].node
	}
	i := n.search(k)
	return rank + i, i < len(n.keys) && n.keys[i] == k
}

// has reports whether k is in the tree.
func (t tree) has(k key) bool {
	n := t.root
	if n == nil {
		return false
	}
	for !n.leaf() {
		n = n.kids[n.kid(k)].node
	}
	i := n.search(k)
	return i < len(n.keys) && n.keys[i] == k
}

// insert adds a key that is not in the tree.
func (t *tree) insert(k key, epoch uint64) {
	t.size++
	if t.root == nil {
		t.root = &node{epoch: epoch, keys: []key{k}}
		return
	}
	left, right := t.root.insert(k, epoch)
	if right != nil {
		left = &node{epoch: epoch, kids: []branch{left.branch(), right.branch()}}
	}
	t.root = left
}

// remove takes a key out that is in the tree.
func (t *tree) remove(k key, epoch uint64) {
	t.size--
	t.root = t.root.remove(k, epoch)
	for len(t.root.kids) == 1 {
		t.root = t.root.kids[0].node
	}
	if t.size == 0 {
		t.root = nil
	}
}

// own is the node itself if this epoch made it, else a copy that may change.
func (n *node) own(epoch uint64) *node {
	if n.epoch == epoch {
		return n
	}
	if n.leaf() {
		return &node{epoch: epoch, keys: roomy(n.keys)}
	}
	return &node{epoch: epoch, kids: roomy(n.kids)}
}

// roomy copies a slice with room for a few more entries: less than append
// would take, because most nodes stay as they are.
func roomy[T any](from []T) []T {
	return append(make([]T, 0, min(nodeMax+1, len(from)+2)), from...)
}

// insertAt inserts an entry at an index.
func insertAt[T any](s []T, i int, v T) []T {
	if len(s) == cap(s) {
		s = append(make([]T, 0, min(nodeMax+1, len(s)+8)), s...)
	}
	return slices.Insert(s, i, v)
}

func (n *node) insert(k key, epoch uint64) (left, right *node) {
	n = n.own(epoch)
	if n.leaf() {
		n.keys = insertAt(n.keys, n.search(k), k)
	} else {
		i := n.kid(k)
		kid, split := n.kids[i].node.insert(k, epoch)
		if split == nil {
			b := &n.kids[i]
			b.node, b.size = kid, b.size+1
			if k.less(b.first) {
				b.first = k
			}
		} else {
			n.kids[i] = kid.branch()
			n.kids = insertAt(n.kids, i+1, split.branch())
		}
	}
	if n.entries() <= nodeMax {
		return n, nil
	}
	return n.split(epoch)
}

// split halves a node of this epoch.
func (n *node) split(epoch uint64) (left, right *node) {
	half := n.entries() / 2
	right = &node{epoch: epoch}
	if n.leaf() {
		n.keys, right.keys = roomy(n.keys[:half]), roomy(n.keys[half:])
	} else {
		n.kids, right.kids = roomy(n.kids[:half]), roomy(n.kids[half:])
	}
	return n, right
}

func (n *node) remove(k key, epoch uint64) *node {
	n = n.own(epoch)
	if n.leaf() {
		i := n.search(k)
		n.keys = slices.Delete(n.keys, i, i+1)
		return n
	}
	i := n.kid(k)
	kid := n.kids[i].node.remove(k, epoch)
	n.kids[i].node = kid
	n.kids[i].size--
	switch {
	case kid.entries() < nodeMin && len(n.kids) > 1:
		n.join(max(0, i-1), epoch)
	case kid.entries() > 0 && n.kids[i].first == k:
		n.kids[i] = kid.branch()
	}
	return n
}

// join melts the kids i and i+1, and halves them again if they are too many.
func (n *node) join(i int, epoch uint64) {
	a, b := n.kids[i].node.own(epoch), n.kids[i+1].node
	a.keys = append(a.keys, b.keys...)
	a.kids = append(a.kids, b.kids...)
	if a.entries() <= nodeMax {
		n.kids = slices.Delete(n.kids, i+1, i+2)
	} else {
		_, right := a.split(epoch)
		n.kids[i+1] = right.branch()
	}
	n.kids[i] = a.branch()
}

// grow builds a tree of size keys that next yields in ascending order.
func grow(size int, epoch uint64, next func() key) tree {
	if size == 0 {
		return tree{}
	}
	level := make([]branch, 0, size/bulkFill+1)
	for _, n := range shares(size) {
		leaf := &node{epoch: epoch, keys: make([]key, n)}
		for i := range leaf.keys {
			leaf.keys[i] = next()
		}
		level = append(level, leaf.branch())
	}
	for len(level) > 1 {
		var above []branch
		for _, n := range shares(len(level)) {
			parent := &node{epoch: epoch, kids: slices.Clone(level[:n])}
			above = append(above, parent.branch())
			level = level[n:]
		}
		level = above
	}
	return tree{root: level[0].node, size: size}
}

// shares divides n entries evenly over nodes.
func shares(n int) []int {
	nodes := (n + bulkFill - 1) / bulkFill
	out := make([]int, nodes)
	for i := range out {
		out[i] = n*(i+1)/nodes - n*i/nodes
	}
	return out
}
