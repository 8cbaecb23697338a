package simtest

import "fmt"

// checkOnce: a key takes effect once, however often it was sent, and is always
// answered with the same position.
func checkOnce(h *history) error {
	at := map[string]uint64{}
	for _, e := range h.reference() {
		if before, twice := at[e.payload.Key]; twice {
			return fmt.Errorf("%s took effect at %d and at %d", e.payload.Key, before, e.first)
		}
		at[e.payload.Key] = e.first
	}
	for _, o := range h.ops {
		if o.kind == opWrite && o.outcome == outcomeOK && at[o.command.Key] != o.position {
			return fmt.Errorf("%s: it took effect at %d", o, at[o.command.Key])
		}
	}
	return nil
}
