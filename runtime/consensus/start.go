package consensus

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
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
	c.LocalID = raft.ServerID(n.cfg.ID)
	c.Logger = n.store.logger
	c.NoSnapshotRestoreOnStart = true // the event log and the fold's checkpoint are the state
	c.NoLegacyTelemetry = true
	c.BatchApplyCh = true
	c.MaxAppendEntries = entriesPerMessage
	c.SnapshotInterval = n.cfg.SnapshotInterval
	c.SnapshotThreshold = n.cfg.SnapshotEntries
	c.TrailingLogs = n.cfg.TrailingLogs
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = electionTimeout, electionTimeout, leaseTimeout
	return c
}

func (n *Node) startRaft(m *fsm) error {
	conf, transport := n.raftConfig(), newCarrier(n.cfg.Transport)
	if n.cfg.Transport == nil {
		_, transport.Transport = raft.NewInmemTransport(raft.ServerAddress(n.cfg.ID))
	}
	s := n.store
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
		err = raft.BootstrapCluster(conf, s.log, s.stable, s.snapshots, transport, raft.Configuration{
			Servers: []raft.Server{{Suffrage: raft.Voter, ID: conf.LocalID, Address: transport.LocalAddr()}},
		})
	case n.cfg.Transport == nil:
		err = ErrUnformed
	}
	if err != nil {
		return fmt.Errorf("form the cluster: %w", err)
	}
	if n.raft, err = raft.NewRaft(conf, m, s.log, watchedStable{s.stable, n.fail}, s.snapshots, transport); err != nil {
		return errors.Join(ErrStoreDamaged, err)
	}
	alone := soleVoter(n.raft.GetConfiguration().Configuration(), conf.LocalID)
	n.tasks.Go(func() { transport.run(n.stop, alone) })
	return nil
}

func soleVoter(c raft.Configuration, id raft.ServerID) bool {
	for _, s := range c.Servers {
		if (s.ID == id) != (s.Suffrage == raft.Voter) {
			return false
		}
	}
	return len(c.Servers) > 0
}
