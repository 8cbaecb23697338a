package consensus

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Raft's timing.
const (
	electionTimeout = 600 * time.Millisecond
	leaseTimeout    = 500 * time.Millisecond
)

// entriesPerMessage bounds one message to a follower, in entries.
const entriesPerMessage = 64

func (n *Node) raftConfig() *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(n.raftID)
	c.Logger = n.store.logger
	c.NoSnapshotRestoreOnStart = true // the event log and the fold's checkpoint are the state
	c.NoLegacyTelemetry = true
	c.BatchApplyCh = true
	c.MaxAppendEntries = entriesPerMessage
	c.SnapshotInterval = n.cfg.SnapshotInterval
	c.SnapshotThreshold = n.cfg.SnapshotEntries
	c.TrailingLogs = n.cfg.TrailingLogs
	c.ShutdownOnRemove = false // who is removed goes on reading, and may come again
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = electionTimeout, electionTimeout, leaseTimeout
	return c
}

func (n *Node) startRaft() error {
	conf, s := n.raftConfig(), n.store
	n.carrier = newCarrier(n.cfg.Transport, n.raftID, n.history)
	if n.cfg.Bootstrap {
		if err := s.undoHalf(); err != nil {
			return fmt.Errorf("read Raft's store: %w", err)
		}
	}
	formed, err := raft.HasExistingState(s.log, s.stable, s.snapshots)
	if err != nil {
		return fmt.Errorf("read Raft's store: %w", err)
	}
	switch {
	case formed:
	case n.cfg.Bootstrap:
		err = raft.BootstrapCluster(conf, s.log, s.stable, s.snapshots, n.carrier, raftServers([]Server{{ID: n.raftID, Voter: true}}))
	case n.cfg.Transport == nil:
		err = ErrUnformed
	}
	if err != nil {
		return fmt.Errorf("form the cluster: %w", err)
	}
	if n.raft, err = raft.NewRaft(conf, n.machine, s.log, watchedStable{s.stable, n.fail}, gate{s.snapshots, n}, n.carrier); err != nil {
		return errors.Join(ErrStoreDamaged, err)
	}
	alone := soleVoter(n.raft.GetConfiguration().Configuration(), conf.LocalID)
	n.tasks.Go(func() { n.carrier.run(n.stop, alone) })
	return nil
}

// history tells the generation of the event log and whether there is nothing in
// it.
func (n *Node) history() (generation uint64, empty bool) {
	head := n.log.Head()
	return eventlog.Generation(head.Position), head.Position == 0
}

func soleVoter(c raft.Configuration, id raft.ServerID) bool {
	for _, s := range c.Servers {
		if (s.ID == id) != (s.Suffrage == raft.Voter) {
			return false
		}
	}
	return len(c.Servers) > 0
}
