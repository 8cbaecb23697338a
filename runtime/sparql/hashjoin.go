package sparql

// hashSide is the side of a hash join that is kept: the rows of a node, keyed
// by slots that both sides always bind. It does not see the bindings of the
// other side.
type hashSide struct {
	input node
	// slots are all that the input can bind, the key's first.
	slots    []int
	keyWidth int
	// outer are the slots that EXISTS substitutes in the input. Without any the
	// rows are always the same and are computed once for an execution.
	outer []int
	// unique keeps no row twice; all slots are then the key's.
	unique bool
}

// build runs the input. The caller hands the table back to done.
func (h *hashSide) build(e *exec, r row) (*rowTable, bool) {
	if t := e.tables[h]; t != nil {
		return t, e.err == nil
	}
	t := newRowTable(e, len(h.slots), h.keyWidth)
	start := make(row, len(r))
	for _, s := range h.outer {
		start[s] = r[s]
	}
	buffer := make(row, len(h.slots))
	ok := h.input.run(e, start, func(r row) bool {
		if h.unique {
			t.insert(pick(buffer, r, h.slots))
			return e.err == nil
		}
		return t.add(pick(buffer, r, h.slots))
	})
	if ok && len(h.outer) == 0 {
		if e.tables == nil {
			e.tables = map[*hashSide]*rowTable{}
		}
		e.tables[h] = t
		e.pinned = e.local.size
	}
	return t, ok
}

// done frees a table that no later row can use.
func (h *hashSide) done(t *rowTable) {
	if len(h.outer) > 0 {
		t.free()
	}
}

// probe merges r with each compatible row of the table. key is room for a key.
func (h *hashSide) probe(e *exec, t *rowTable, key, r row, yield func(row) bool) bool {
	key = pick(key, r, h.slots[:h.keyWidth])
	for i := t.first(key); i >= 0; i = t.after(key, i) {
		if !e.tick() || !merge(e, r, h.slots, t.row(i), yield) {
			return false
		}
	}
	return e.err == nil
}

// hashJoinNode joins with a side that must not see the bindings of the other.
type hashJoinNode struct {
	left  node
	right hashSide
}

func (n *hashJoinNode) inputs() []node { return []node{n.right.input, n.left} }

func (n *hashJoinNode) run(e *exec, r row, yield func(row) bool) bool {
	t, ok := n.right.build(e, r)
	defer n.right.done(t)
	if !ok || t.size == 0 {
		return ok
	}
	key := make(row, n.right.keyWidth)
	return n.left.run(e, r, func(r row) bool { return n.right.probe(e, t, key, r, yield) })
}

// hashLeftJoinNode is OPTIONAL with such a side.
type hashLeftJoinNode struct {
	left      node
	right     hashSide
	condition *expr // or nil
}

func (n *hashLeftJoinNode) inputs() []node { return n.condition.patterns(n.right.input, n.left) }

func (n *hashLeftJoinNode) run(e *exec, r row, yield func(row) bool) bool {
	t, ok := n.right.build(e, r)
	defer n.right.done(t)
	if !ok {
		return false
	}
	key := make(row, n.right.keyWidth)
	matched := false
	match := matching(e, n.condition, &matched, yield)
	return n.left.run(e, r, func(r row) bool {
		matched = false
		if more := n.right.probe(e, t, key, r, match); matched || !more {
			return more
		}
		return yield(r)
	})
}

// minusNode removes the rows that are compatible with a row of the right side
// and share a bound variable with it (section 18.5).
type minusNode struct {
	left  node
	right hashSide
	// shared are the columns of the right side that the left can bind too.
	shared []int
}

func (n *minusNode) inputs() []node { return []node{n.right.input, n.left} }

func (n *minusNode) run(e *exec, r row, yield func(row) bool) bool {
	t, ok := n.right.build(e, r)
	defer n.right.done(t)
	if !ok {
		return false
	}
	key := make(row, n.right.keyWidth)
	return n.left.run(e, r, func(r row) bool {
		pick(key, r, n.right.slots[:n.right.keyWidth])
		for i := t.first(key); i >= 0; i = t.after(key, i) {
			if !e.tick() {
				return false
			}
			if n.excludes(r, t.row(i)) {
				return true
			}
		}
		return e.err == nil && yield(r)
	})
}

func (n *minusNode) excludes(r, values row) bool {
	common := false
	for _, column := range n.shared {
		left, right := r[n.right.slots[column]], values[column]
		if left == 0 || right == 0 {
			continue
		}
		if left != right {
			return false
		}
		common = true
	}
	return common
}

// semiJoinNode keeps the rows of the left side whose key the right side has, or
// with not those whose key it has not.
type semiJoinNode struct {
	left  node
	right hashSide
	not   bool
}

func (n *semiJoinNode) inputs() []node { return []node{n.right.input, n.left} }

func (n *semiJoinNode) run(e *exec, r row, yield func(row) bool) bool {
	t, ok := n.right.build(e, r)
	defer n.right.done(t)
	if !ok {
		return false
	}
	key := make(row, n.right.keyWidth)
	return n.left.run(e, r, func(r row) bool {
		found := t.first(pick(key, r, n.right.slots[:n.right.keyWidth])) >= 0
		return e.err == nil && (found == n.not || yield(r))
	})
}

// semiLoopNode is the same as a nested loop.
type semiLoopNode struct {
	left, right node
	not         bool
}

func (n *semiLoopNode) inputs() []node { return []node{n.left, n.right} }

func (n *semiLoopNode) run(e *exec, r row, yield func(row) bool) bool {
	return n.left.run(e, r, func(r row) bool {
		found := false
		n.right.run(e, r, func(row) bool {
			found = true
			return false
		})
		return e.err == nil && (found == n.not || yield(r))
	})
}
