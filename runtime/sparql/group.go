package sparql

// groupNode groups its rows by keys and computes aggregates. Without keys
// there is one group even of no rows (section 18.5.1).
type groupNode struct {
	input      node
	keys       []assignment
	aggregates []aggregate
	// all are the slots of the input's variables, for COUNT(DISTINCT *).
	all []int
}

func (n *groupNode) inputs() []node { return []node{n.input} }

func (n *groupNode) run(e *exec, r row, yield func(row) bool) bool {
	groups := newRowTable(e, len(n.keys), len(n.keys))
	defer groups.free()
	states := newPaged[accumulator](len(n.aggregates))
	stateSize := 32 + stateCost*len(n.aggregates)
	defer func() {
		for at := range states.size {
			for i := range n.aggregates {
				states.at(at)[i].free(e)
			}
		}
		e.release(stateSize * states.size)
	}()
	key := make(row, len(n.keys))
	start := func() {
		e.charge(stateSize)
		state := states.extend()
		for i, a := range n.aggregates {
			state[i] = a.start(e, len(n.all))
		}
	}
	ok := n.input.run(e, r, func(r row) bool {
		e.solution++
		for i, k := range n.keys {
			key[i] = k.expr.id(e, r)
		}
		at, fresh := groups.insert(key)
		if e.err != nil {
			return false
		}
		if fresh {
			start()
		}
		state := states.at(at)
		for i := range n.aggregates {
			n.aggregates[i].add(e, &state[i], r, n.all)
		}
		return e.err == nil
	})
	if !ok {
		return false
	}
	if len(n.keys) == 0 && states.size == 0 {
		groups.insert(key)
		start()
	}
	return n.results(e, r, groups, &states, yield)
}

func (n *groupNode) results(e *exec, r row, groups *rowTable, states *paged[accumulator], yield func(row) bool) bool {
	slots := make([]int, 0, len(n.keys)+len(n.aggregates))
	for _, k := range n.keys {
		slots = append(slots, k.slot)
	}
	for _, a := range n.aggregates {
		slots = append(slots, a.slot)
	}
	out := make(row, len(slots))
	for g := range groups.size {
		copy(out, groups.row(g))
		for i := range n.aggregates {
			out[len(n.keys)+i] = n.aggregates[i].result(e, &states.at(g)[i])
		}
		if !e.tick() || !merge(e, r, slots, out, yield) {
			return false
		}
	}
	return e.err == nil
}
