package simtest

import (
	"fmt"
	"maps"
	"slices"
)

// checkSubscribers: who follows the log, on one node after the other, is given
// each batch once, in order, as it stands, and in the end all of them.
func checkSubscribers(h *history) error {
	log := h.reference()
	for _, name := range slices.Sorted(maps.Keys(h.seen)) {
		seen := h.seen[name]
		for i, e := range seen {
			if i >= len(log) || e != log[i] {
				return fmt.Errorf("%s was given %v as number %d", name, e, i)
			}
		}
		if len(seen) != len(log) && !h.halted { // they are given the end by who leads
			return fmt.Errorf("%s was given %d batches of %d", name, len(seen), len(log))
		}
	}
	return nil
}
