package rdf

// Leaves and inner nodes are of fixed size, each in one piece of memory that
// fills a size class of the allocator, and leaves hold no pointer. Small nodes
// make changes cheap (what a change copies after a snapshot); DESIGN.md has the figures.
const (
	kidMax  = 12           // 448 bytes
	kidMin  = kidMax/2 - 1 // as leafMin
	kidFill = kidMax - kidMax/8
	// maxDepth suffices for 10·4^14 keys, more than memory can hold.
	maxDepth = 14
)

// tree is a set of keys: a B+ tree whose inner nodes know how many keys are
// below them, so that the rank of a key costs one descent. Copying the struct
// is a snapshot once the writer has moved to a new epoch: nodes of older epochs
// are copied before a change.
type tree struct {
	root *inner // nil when empty
	size int
}

// inner holds inner nodes or leaves with the smallest key and the number of
// the keys of each.
type inner struct {
	epoch  uint64
	n      int
	first  [kidMax]key
	size   [kidMax]uint32
	kids   [kidMax]*inner // or all nil
	leaves [kidMax]*leaf  // or all nil
}

// branch is a node as its parent knows it: inner or leaf is nil.
type branch struct {
	first key
	size  uint32
	inner *inner
	leaf  *leaf
}

func (n *inner) branch(i int) branch { return branch{n.first[i], n.size[i], n.kids[i], n.leaves[i]} }

func (n *inner) set(i int, b branch) {
	n.first[i], n.size[i], n.kids[i], n.leaves[i] = b.first, b.size, b.inner, b.leaf
}

// describe is a node that is not empty as its parent knows it.
func (n *inner) describe() branch {
	b := branch{first: n.first[0], inner: n}
	for _, size := range n.size[:n.n] {
		b.size += size
	}
	return b
}

// kid is the index of the kid that k belongs to: the last one that does not
// begin behind it.
func (n *inner) kid(k key) int {
	lo, hi := 1, n.n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if k.less(n.first[mid]) {
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
	for {
		i := n.kid(k)
		for _, size := range n.size[:i] {
			rank += int(size)
		}
		if l := n.leaves[i]; l != nil {
			j, found := l.search(k)
			return rank + j, found
		}
		n = n.kids[i]
	}
}

// nth is the key with a rank, which must be less than the size of the tree.
func (t tree) nth(rank int) key {
	n := t.root
	for {
		i := 0
		for ; rank >= int(n.size[i]); i++ {
			rank -= int(n.size[i])
		}
		if l := n.leaves[i]; l != nil {
			return l.at(rank)
		}
		n = n.kids[i]
	}
}

// has reports whether k is in the tree.
func (t tree) has(k key) bool {
	n := t.root
	if n == nil {
		return false
	}
	for {
		i := n.kid(k)
		if l := n.leaves[i]; l != nil {
			_, found := l.search(k)
			return found
		}
		n = n.kids[i]
	}
}

// grow builds a tree of size keys that next yields in ascending order.
func grow(size int, epoch uint64, next func() key) tree {
	if size == 0 {
		return tree{}
	}
	level := make([]branch, 0, size/leafFill+1)
	var room [leafFill]key
	for _, n := range shares(size, leafFill) {
		keys := room[:n]
		for i := range keys {
			keys[i] = next()
		}
		level = packLeaves(level, keys, epoch, nil)
	}
	return plant(level, epoch)
}

// plant makes a tree above leaves or other nodes of one level.
func plant(level []branch, epoch uint64) tree {
	t := tree{}
	for _, b := range level {
		t.size += int(b.size)
	}
	for len(level) > 1 || len(level) == 1 && level[0].inner == nil {
		var above []branch
		for _, n := range shares(len(level), kidFill) {
			above = append(above, (&inner{epoch: epoch}).fill(level[:n]).describe())
			level = level[n:]
		}
		level = above
	}
	if len(level) == 1 {
		t.root = level[0].inner
	}
	return t
}

// fill gives a node its kids.
func (n *inner) fill(kids []branch) *inner {
	for i := range kids {
		n.set(i, kids[i])
	}
	for i := len(kids); i < n.n; i++ {
		n.set(i, branch{})
	}
	n.n = len(kids)
	return n
}

// shares divides n entries evenly over as few nodes as have room.
func shares(n, room int) []int {
	out := make([]int, (n+room-1)/room)
	for i := range out {
		out[i] = n*(i+1)/len(out) - n*i/len(out)
	}
	return out
}
