package consensus

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Recover makes a closed node the only member of its cluster, for when the
// majority is lost for ever. What its Raft log holds is committed, though nobody
// can tell any more whether it was; the event log begins a new generation of
// positions, so that none is used for two events; and the node becomes its next
// incarnation. Nodes of the former generation take no part in the new one, nor it
// in theirs: each has to begin again (Renew) and be added; one that has committed
// something since has another history, and begins with an empty event log.
//
// The caller has made sure that the others are gone, opens the node afterwards,
// and writes into the log that this happened. After a crash in between Recover
// has to be called again.
func Recover(cfg Config, log *eventlog.Log) (raftID string, err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return "", err
	}
	n := newNode(cfg, log)
	defer n.end()
	if n.store, err = n.openStore(); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, n.store.Close()) }()
	m := newFSM(n, unfolded{})
	if err := n.store.refill(m); err != nil {
		return "", err
	}
	if err := n.store.commitAll(m); err != nil {
		return "", err
	}
	// one that nothing was written in yet is left from an attempt before
	if at := log.Head().Position; at == 0 || at != eventlog.Generation(at)<<eventlog.GenerationBits {
		if _, err := log.BeginGeneration(eventlog.Generation(at) + 1); err != nil {
			return "", fmt.Errorf("begin a new generation of positions: %w", err)
		}
	}
	last, err := cfg.incarnation()
	if err != nil {
		return "", err
	}
	if err := cfg.setIncarnation(last + 1); err != nil {
		return "", err
	}
	n.raftID = raftIDOf(cfg.ID, last+1)
	only := raftServers([]Server{{ID: n.raftID, Voter: true}})
	if err := raft.RecoverCluster(n.raftConfig(), m, n.store.log, n.store.stable, n.store.snapshots, nil, only); err != nil {
		return "", fmt.Errorf("make this node the only member: %w", err)
	}
	return n.raftID, n.Err()
}

// commitAll applies the whole of Raft's log.
func (s *store) commitAll(m *fsm) error {
	first, err1 := s.log.FirstIndex()
	last, err2 := s.log.LastIndex()
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("read Raft's log: %w", err)
	}
	if first == 0 {
		return nil
	}
	return s.reapply(m, max(first, m.node.log.Head().Index+1), last)
}

// unfolded is a Folder for a log that is folded later, by whoever opens it.
type unfolded struct{}

func (unfolded) Position() uint64          { return 0 }
func (unfolded) Fold(eventlog.Batch) error { return nil }
func (unfolded) Publish(eventlog.Head)     {}
