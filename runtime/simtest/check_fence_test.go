package simtest

import "fmt"

// checkFence: every batch in the log was decided on the very history before it,
// by the leader of its time. What a stale leader decided is not there.
func checkFence(h *history) error {
	var term uint64
	for _, e := range h.reference() {
		switch {
		case e.payload.Basis+1 != e.first:
			return fmt.Errorf("%s at position %d was decided at position %d", e.payload.Key, e.first, e.payload.Basis)
		case e.payload.Term < term:
			return fmt.Errorf("%s at position %d was decided in term %d, after one of term %d", e.payload.Key, e.first, e.payload.Term, term)
		}
		term = e.payload.Term
	}
	return nil
}
