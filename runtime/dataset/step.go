package dataset

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/state"
)

// kind is what a step does to a dataset.
type kind uint8

const (
	opened     kind = iota // the dataset begins here, or is to be read as far as here
	changed                // quads left and came
	configured             // its resource was declared anew
	seen                   // an event that the state set aside
)

// step is one event on its way into a dataset.
type step struct {
	kind           kind
	position       base.Position
	chain          [32]byte // of the log's batch
	removed, added []byte   // of changed, packed
	quads          int64    // of changed: how many there are then
	inference      string   // of opened and configured
	spilled        bool     // removed and added are to be read from the log
}

func (s step) size() int { return len(s.removed) + len(s.added) }

// push puts a step in line and sees to it that somebody works on it. Beyond the
// bound a change leaves its bytes in the log. It is called with d.mu held.
func (d *Datasets) push(s *set, next step) {
	if size := next.size(); d.waiting+size > d.cfg.Waiting && size > 0 {
		next.removed, next.added, next.spilled = nil, nil, true
	}
	d.waiting += next.size()
	s.pending = append(s.pending, next)
	if !s.busy && !d.closed {
		s.busy = true
		d.running.Go(func() { d.work(s) })
	}
}

// recall reads a step's bytes from the log again.
func (d *Datasets) recall(s *set, next step) (step, error) {
	batch, err := d.cfg.Log.ReadAt(uint64(next.position))
	if err != nil {
		return next, err
	}
	events, err := state.DecodeBatch(base.Position(batch.First), base.TimeOf(batch.Time), batch.Payload)
	if err != nil {
		return next, err
	}
	for _, e := range events.Events {
		if change, ok := e.Payload.(domain.DatasetChange); ok && e.Position == next.position && e.Subject == s.ref {
			next.removed, next.added, next.quads = change.Change()
			next.spilled = false
			return next, nil
		}
	}
	return next, fmt.Errorf("the log has no change of %s at position %d", s.ref, next.position)
}
