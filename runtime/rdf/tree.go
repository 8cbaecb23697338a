package rdf

import "slices"

// Nodes hold at most this many entries; a leaf of quads is then 1 KiB, which is
// what a change after a snapshot has to copy.
const (
	nodeMax = 64
	nodeMin = nodeMax / 4
	// bulkFill leaves room in each node of a bulk load, so that the first
	// inserts do not split everything.
	bulkFill = nodeMax - nodeMax/8
	// maxDepth suffices for 16^8 keys, more than ids can form in memory.
	maxDepth = 9
)

// node is a node of a B+ tree. All keys are in the leaves; an inner node knows
// the smallest key and the number of keys below each kid, so that the rank of a
// key costs one descent.
type node struct {
	epoch uint64 // of the writer that may change it in place
	keys  []key  // leaf: the keys; inner: the smallest key of each kid
	kids  []*node
	sizes []int
}

// tree is a set of keys. Copying the struct is a snapshot once the writer has
// moved to a new epoch: nodes of older epochs are copied before a change.
type tree struct {
	root *node
	size int
}

func (n *node) leaf() bool { return n.kids == nil }

func (n *node) count() int {
	if n.leaf() {
		return len(n.keys)
	}
	total := 0
	for _, s := range n.sizes {
		total += s
	}
	return total
}

// search is the number of keys in the node that are less than k.
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

// kid is the index of the kid that k belongs to.
func (n *node) kid(k key) int {
	i := n.search(k)
	if i < len(n.keys) && n.keys[i] == k {
		return i
	}
	return max(0, i-1)
}

// rank is the number of keys in the tree that are less than k.
func (t tree) rank(k key) int {
	n, rank := t.root, 0
	if n == nil {
		return 0
	}
	for !n.leaf() {
		i := n.kid(k)
		for _, s := range n.sizes[:i] {
			rank += s
		}
		n = n.kids[i]
	}
	return rank + n.search(k)
}

// has reports whether k is in the tree.
func (t tree) has(k key) bool {
	n := t.root
	if n == nil {
		return false
	}
	for !n.leaf() {
		n = n.kids[n.kid(k)]
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
		left = inner(epoch, left, right)
	}
	t.root = left
}

// remove takes a key out that is in the tree.
func (t *tree) remove(k key, epoch uint64) {
	t.size--
	t.root = t.root.remove(k, epoch)
	for !t.root.leaf() && len(t.root.kids) == 1 {
		t.root = t.root.kids[0]
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
	c := &node{epoch: epoch, keys: roomy(n.keys)}
	if !n.leaf() {
		c.kids = roomy(n.kids)
		c.sizes = roomy(n.sizes)
	}
	return c
}

// roomy copies a slice with room for a few more entries: less than append
// would take, because most nodes stay as they are.
func roomy[T any](from []T) []T {
	return append(make([]T, 0, min(nodeMax+1, len(from)+4)), from...)
}

// insertAt inserts an entry at an index.
func insertAt[T any](s []T, i int, v T) []T {
	if len(s) == cap(s) {
		s = append(make([]T, 0, min(nodeMax+1, len(s)+8)), s...)
	}
	return slices.Insert(s, i, v)
}

func inner(epoch uint64, kids ...*node) *node {
	n := &node{epoch: epoch, kids: kids}
	for _, kid := range kids {
		n.keys = append(n.keys, kid.keys[0])
		n.sizes = append(n.sizes, kid.count())
	}
	return n
}

func (n *node) insert(k key, epoch uint64) (left, right *node) {
	n = n.own(epoch)
	if n.leaf() {
		n.keys = insertAt(n.keys, n.search(k), k)
	} else {
		i := n.kid(k)
		kid, split := n.kids[i].insert(k, epoch)
		n.kids[i], n.keys[i] = kid, kid.keys[0]
		n.sizes[i]++
		if split != nil {
			n.sizes[i] = kid.count()
			n.kids = insertAt(n.kids, i+1, split)
			n.keys = insertAt(n.keys, i+1, split.keys[0])
			n.sizes = insertAt(n.sizes, i+1, split.count())
		}
	}
	if len(n.keys) <= nodeMax {
		return n, nil
	}
	return n.split(epoch)
}

// split halves a node.
func (n *node) split(epoch uint64) (left, right *node) {
	half := len(n.keys) / 2
	right = &node{epoch: epoch, keys: roomy(n.keys[half:])}
	n.keys = roomy(n.keys[:half])
	if !n.leaf() {
		right.kids, right.sizes = roomy(n.kids[half:]), roomy(n.sizes[half:])
		n.kids, n.sizes = roomy(n.kids[:half]), roomy(n.sizes[:half])
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
	kid := n.kids[i].remove(k, epoch)
	n.kids[i] = kid
	n.sizes[i]--
	if len(kid.keys) > 0 {
		n.keys[i] = kid.keys[0]
	}
	if len(kid.keys) < nodeMin && len(n.kids) > 1 {
		n.join(max(0, i-1), epoch)
	}
	return n
}

// join melts the kids i and i+1, and halves them again if they are too many.
func (n *node) join(i int, epoch uint64) {
	a, b := n.kids[i].own(epoch), n.kids[i+1]
	a.keys = append(a.keys, b.keys...)
	if !a.leaf() {
		a.kids = append(a.kids, b.kids...)
		a.sizes = append(a.sizes, b.sizes...)
	}
	n.kids = slices.Delete(n.kids, i+1, i+2)
	n.keys = slices.Delete(n.keys, i+1, i+2)
	n.sizes = slices.Delete(n.sizes, i+1, i+2)
	if len(a.keys) > nodeMax {
		var right *node
		a, right = a.split(epoch)
		n.kids = insertAt(n.kids, i+1, right)
		n.keys = insertAt(n.keys, i+1, right.keys[0])
		n.sizes = insertAt(n.sizes, i+1, right.count())
	}
	n.kids[i], n.keys[i], n.sizes[i] = a, a.keys[0], a.count()
}

// grow builds a tree of size keys that next yields in ascending order.
func grow(size int, epoch uint64, next func() key) tree {
	if size == 0 {
		return tree{}
	}
	level := make([]*node, 0, size/bulkFill+1)
	for _, n := range shares(size) {
		leaf := &node{epoch: epoch, keys: make([]key, n)}
		for i := range leaf.keys {
			leaf.keys[i] = next()
		}
		level = append(level, leaf)
	}
	for len(level) > 1 {
		var above []*node
		for _, n := range shares(len(level)) {
			above = append(above, inner(epoch, slices.Clone(level[:n])...))
			level = level[n:]
		}
		level = above
	}
	return tree{root: level[0], size: size}
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
