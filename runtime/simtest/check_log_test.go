package simtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// reference is the longest log, of several that of the first name: the others are
// its beginnings.
func (h *history) reference() (longest []entry) {
	for _, node := range slices.Sorted(maps.Keys(h.logs)) {
		if log := h.logs[node]; len(log) > len(longest) {
			longest = log
		}
	}
	return longest
}

// checkLog: every acknowledged write is in every member's log, once and in
// order. All logs are one log, whose time never goes back, whatever clocks do; and
// what was acknowledged before something else was asked stands before it.
func checkLog(h *history) error {
	log := h.reference()
	for _, node := range slices.Sorted(maps.Keys(h.logs)) {
		if err := beginsAs(h.logs[node], log); err != nil {
			return fmt.Errorf("the log of %s: %w", node, err)
		}
	}
	at := map[uint64]entry{}
	for i, e := range log {
		if i > 0 && e.first != log[i-1].last()+1 || i == 0 && e.first != 1 {
			return fmt.Errorf("position %d does not continue the log", e.first)
		}
		if i > 0 && e.time < log[i-1].time {
			return fmt.Errorf("the time of position %d is before that of the one before", e.first)
		}
		at[e.first] = e
	}
	for _, o := range h.ops {
		if o.kind == opWrite && o.outcome == outcomeOK && at[o.position].payload.Key != o.command.Key {
			return fmt.Errorf("%s was acknowledged, but there is %q", o, at[o.position].payload.Key)
		}
	}
	for _, node := range h.members {
		if l := h.logs[node]; len(l) != len(log) {
			return fmt.Errorf("the log of member %s has %d batches of %d", node, len(l), len(log))
		}
	}
	return inRealTime(h.acknowledged())
}

func beginsAs(l, log []entry) error {
	for i, e := range l {
		if e != log[i] {
			return fmt.Errorf("batch %d is %v, elsewhere %v", i, e, log[i])
		}
	}
	return nil
}

// effect is what became of a key: asked first at, acknowledged first at.
type effect struct {
	key      string
	invoked  int
	returned int
	position uint64
}

// acknowledged gives each key that was acknowledged, in the order of asking.
func (h *history) acknowledged() (effects []effect) {
	asked, known := map[string]int{}, map[string]bool{}
	for _, o := range h.ops {
		if _, before := asked[o.command.Key]; o.kind == opWrite && !before {
			asked[o.command.Key] = o.invoked
		}
	}
	answered := slices.Clone(h.ops)
	slices.SortFunc(answered, func(a, b op) int { return cmp.Compare(a.returned, b.returned) })
	for _, o := range answered {
		if o.kind == opWrite && o.outcome == outcomeOK && !known[o.command.Key] {
			known[o.command.Key] = true
			effects = append(effects, effect{o.command.Key, asked[o.command.Key], o.returned, o.position})
		}
	}
	slices.SortFunc(effects, func(a, b effect) int { return cmp.Compare(a.invoked, b.invoked) })
	return effects
}

// inRealTime takes effects in the order of asking.
func inRealTime(effects []effect) error {
	done := slices.Clone(effects)
	slices.SortFunc(done, func(a, b effect) int { return cmp.Compare(a.returned, b.returned) })
	var latest effect
	next := 0
	for _, e := range effects {
		for ; next < len(done) && done[next].returned < e.invoked; next++ {
			if done[next].position > latest.position {
				latest = done[next]
			}
		}
		if e.position < latest.position {
			return fmt.Errorf("%s stands at %d, but was asked for after %s was acknowledged at %d", e.key, e.position, latest.key, latest.position)
		}
	}
	return nil
}
