package consensus

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Raft's timing: between nodes, and for a node that is alone and need not wait
// for anybody.
const (
	electionTimeout = 600 * time.Millisecond
	leaseTimeout    = 500 * time.Millisecond
	aloneTimeout    = 10 * time.Millisecond
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
	if n.cfg.Transport == nil {
		c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = aloneTimeout, aloneTimeout, aloneTimeout
	}
	return c
}

func (n *Node) startRaft(m *fsm) error {
	conf, transport := n.raftConfig(), n.cfg.Transport
	if transport == nil {
		_, transport = raft.NewInmemTransport(raft.ServerAddress(n.cfg.ID))
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
	if n.raft, err = raft.NewRaft(conf, m, s.log, s.stable, s.snapshots, transport); err != nil {
		return errors.Join(ErrStoreDamaged, err)
	}
	return nil
}
