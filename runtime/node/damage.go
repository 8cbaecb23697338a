package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
)

// openLog opens what the node has of the cluster's history. What is damaged at its
// end is cut off where it can be had again: from other members, or for a node that is
// alone from Raft's log.
func (n *Node) openLog(context.Context) error { return n.openLogWithout(0) }

// openLogWithout gives up what is lost for good from a position on; 0 = nothing.
func (n *Node) openLogWithout(position uint64) (err error) {
	cfg := eventlog.Config{Dir: n.path("log"), SegmentBytes: n.cfg.Segment}
	n.log, err = eventlog.Open(cfg)
	var damage *eventlog.CorruptError
	if errors.As(err, &damage) {
		if err = n.mayCut(damage, position); err == nil {
			err = eventlog.Salvage(cfg)
		}
		if err == nil {
			n.log, err = eventlog.Open(cfg)
		}
	}
	if err != nil {
		return err
	}
	n.own(n.log.Close)
	return nil
}

// mayCut says why the damaged end of the log must not be cut off; nil if it may. A
// copy of what is cut stays.
func (n *Node) mayCut(damage *eventlog.CorruptError, without uint64) error {
	if len(n.others()) > 0 {
		n.cfg.Logger.Error("the event log is damaged; what it lost is fetched from other members", "error", damage)
		return nil
	}
	if damage.End == nil {
		return damage
	}
	reaches, err := consensus.Reaches(n.consensusConfig(), damage.End.Index)
	switch {
	case reaches:
		n.cfg.Logger.Error("the event log is damaged; Raft's log brings what it lost", "lost", damage.Lost(), "error", damage)
		return nil
	case without == damage.Position:
		n.cfg.Logger.Error("the event log is damaged; what it lost is given up", "lost", damage.Lost(), "error", damage)
		return nil
	}
	return errors.Join(n.lost(damage), err)
}

// lost says what there is to do about damage that nobody can heal.
func (n *Node) lost(damage *eventlog.CorruptError) error {
	return fmt.Errorf(`%w
Nobody else has what is lost here, and Raft's log does not reach back to it. Nothing was changed. The ways on:
  a backup, in an empty directory:           picloud cluster restore FILE --dir ANOTHER
  a good copy of %s, if there is one, in its place
  without %s, for ever:   picloud cluster recover --dir %s --without %d`,
		damage, damage.File, damage.Lost(), n.cfg.Dir, damage.Position)
}

// owed is what the log lost and has not got back; nil if nothing.
func (n *Node) owed() *eventlog.CorruptError {
	head, owed := n.log.Head(), n.log.Owed()
	if owed == 0 {
		return nil
	}
	return &eventlog.CorruptError{File: n.path("log"), Position: head.Position + 1, Until: owed, Reason: "a damaged end was cut off", End: &head}
}

// owesNothing refuses to go on alone without what was acknowledged.
func (n *Node) owesNothing() error {
	if damage := n.owed(); damage != nil {
		return n.lost(damage)
	}
	return nil
}

// gaveUp tells whether the log goes on without what is lost from a position on. It is
// an error to give up what is not lost, and not to say what is.
func (n *Node) gaveUp(without uint64) (bool, error) {
	head := n.log.Head()
	reaches, err := consensus.Reaches(n.consensusConfig(), head.Index)
	if err != nil && (without == 0 || !errors.Is(err, consensus.ErrStoreDamaged)) {
		return false, err
	}
	damage := n.owed()
	switch {
	case without == 0 && (reaches || damage == nil):
		return false, nil
	case without == 0:
		return false, n.lost(damage)
	case reaches:
		return false, fmt.Errorf("nothing is lost from position %d on: Raft's log has what the event log lacks; leave --without out", without)
	case without == head.Position+1, begins(head): // the latter is left from an attempt before
		return true, nil
	}
	return false, fmt.Errorf("what is lost begins at position %d, not at %d", head.Position+1, without)
}

// begins tells whether a generation begins after a head, in which nothing was written
// yet.
func begins(head eventlog.Head) bool {
	return head.Position != 0 && head.Position == eventlog.Generation(head.Position)<<eventlog.GenerationBits
}
