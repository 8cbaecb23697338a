package command

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/state"
)

// Check is a law about one command alone that shapes cannot express. It is pure,
// may take long, and runs on the caller's goroutine before anything is decided,
// once the command keeps all its shapes.
type Check func(c domain.Command, check *base.Check)

// Rule is a law that the ontology names but cannot express. It judges what a
// request would make of the state, at log time, and refuses with a *base.Error.
// It runs in every decision: it looks first whether the request touches what it
// protects.
type Rule func(before, after *state.State, at base.Time) error

func (t *trial) checkRules() error {
	for _, rule := range t.door.cfg.Rules {
		if err := rule(t.before, t.state(), t.time); err != nil {
			return err
		}
	}
	return nil
}
