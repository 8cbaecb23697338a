package simtest

import (
	"cmp"
	"fmt"
	"slices"
)

// checkAnswers: an answer that wrote nothing, a refusal or a linearizable read,
// is what a decision at the position that it tells comes to; and that is no
// older than anything acknowledged, or read so, before it was asked for.
func checkAnswers(h *history) error {
	f := h.folded()
	done := h.acknowledged()
	for _, o := range h.ops {
		if o.kind == opRead && o.outcome == outcomeOK {
			done = append(done, effect{"a read at " + o.node, o.invoked, o.returned, o.position})
		}
	}
	slices.SortFunc(done, func(a, b effect) int { return cmp.Compare(a.returned, b.returned) })
	var latest effect
	next := 0
	for _, o := range h.ops { // in the order of asking
		for ; next < len(done) && done[next].returned < o.invoked; next++ {
			if done[next].position > latest.position {
				latest = done[next]
			}
		}
		switch {
		case o.outcome == outcomeRefused:
			set, there := f.setAt[o.position]
			if !there || !o.command.Conditional || set[o.command.Register] == o.command.If || f.values[o.position][o.command.Register] != o.value {
				return fmt.Errorf("%s: there it was set at %d to %q", o, set[o.command.Register], f.values[o.position][o.command.Register])
			}
		case o.kind != opRead || o.outcome != outcomeOK:
			continue
		}
		if o.position < latest.position {
			return fmt.Errorf("%s: but %s was answered before with %d", o, latest.key, latest.position)
		}
	}
	return nil
}
