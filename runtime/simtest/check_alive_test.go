package simtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// checkAlive: no node met what its disk had not done to it; and once the faults
// have ended the cluster serves: it has a leader soon, who then answers. Unless a
// majority of the voters lost what they voted: then nobody leads.
func checkAlive(h *history) error {
	if len(h.broken) > 0 {
		return errors.New(h.broken[0])
	}
	if h.halted {
		return nil
	}
	if h.steady == 0 {
		return fmt.Errorf("no leader within %s after the faults", recovery)
	}
	served := 0
	for _, o := range h.ops {
		if o.kind != opWrite || o.from < h.steady {
			continue
		}
		if o.outcome != outcomeUnknown {
			served++
		} else if strings.Contains(o.err, context.DeadlineExceeded.Error()) {
			return fmt.Errorf("after all faults had ended: %s", o)
		}
	}
	if served == 0 {
		return errors.New("no write was answered after the faults")
	}
	return nil
}
