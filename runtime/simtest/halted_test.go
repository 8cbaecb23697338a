package simtest

import "slices"

// certain is what may be judged of a cluster that halted because a majority of the
// voters lost what they voted. What was acknowledged last may lie in the Raft log
// of one node only, of whom nobody is left to say that it is committed: so what
// stands behind the end of all event logs is neither there nor gone. All before it
// is judged as ever.
func (h *history) certain() *history {
	var end uint64
	if log := h.reference(); len(log) > 0 {
		end = log[len(log)-1].last()
	}
	sure := *h
	sure.ops = slices.Clone(h.ops)
	for i, o := range sure.ops {
		if o.position > end {
			sure.ops[i].outcome = outcomeUnknown
		}
	}
	sure.states = slices.DeleteFunc(slices.Clone(h.states), func(s stateAt) bool { return s.position > end })
	sure.seen = map[string][]entry{}
	for name, seen := range h.seen {
		sure.seen[name] = slices.DeleteFunc(slices.Clone(seen), func(e entry) bool { return e.first > end })
	}
	return &sure
}
