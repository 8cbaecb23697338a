package consensus

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Raft's timing. A follower asks whether it should lead after one to three times
// the election timeout without its leader; another agrees only if it misses the
// leader too (see doubt). Disks count for nothing in it, since heartbeats pass them
// by.
const (
	electionTimeout = 500 * time.Millisecond
	leaseTimeout    = 450 * time.Millisecond
)

// entriesPerMessage is how many entries are read for one message to a follower;
// MaxMessage then bounds what is sent of them.
const entriesPerMessage = 32

func (n *Node) raftConfig() *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(n.raftID)
	c.Logger = n.store.logger
	c.NoSnapshotRestoreOnStart = true // the event log and the fold's checkpoint are the state
	c.NoLegacyTelemetry = true
	c.BatchApplyCh = true
	c.MaxAppendEntries = entriesPerMessage
	c.CommitTimeout = commitTimeout
	c.SnapshotInterval = n.cfg.SnapshotInterval
	c.SnapshotThreshold = n.cfg.SnapshotEntries
	c.TrailingLogs = n.cfg.TrailingLogs
	c.ShutdownOnRemove = false // who is removed goes on reading, and may come again
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = electionTimeout, electionTimeout, leaseTimeout
	return c
}

func (n *Node) startRaft() error {
	conf, s := n.raftConfig(), n.store
	n.carrier = newCarrier(n.cfg.Transport, n.raftID, n.history, n.hang.hanging, s.log.Settled)
	n.carrier.holds, n.carrier.stop = n.holds, n.stop
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
	if n.raft, err = n.newRaft(conf); err != nil {
		return errors.Join(ErrStoreDamaged, err)
	}
	n.carrier.raft.Store(n.raft)
	if err := n.rememberMembers(); err != nil {
		return err
	}
	alone := soleVoter(n.raft.GetConfiguration().Configuration(), conf.LocalID)
	n.tasks.Go(func() { n.carrier.run(n.stop, n.raft, alone) })
	return nil
}

// rememberMembers takes note of the members that the newest snapshot stands for,
// if Raft's log holds none after them: they were committed, and Raft does not say
// so again. Later ones it says once they are.
func (n *Node) rememberMembers() error {
	list, err := n.store.snapshots.List()
	if err != nil {
		return fmt.Errorf("read Raft's snapshots: %w", err)
	}
	latest := n.raft.GetConfiguration()
	if err := latest.Error(); err != nil {
		return fmt.Errorf("read Raft's configuration: %w", err)
	}
	if len(list) > 0 && slices.Equal(latest.Configuration().Servers, list[0].Configuration.Servers) {
		n.configured(list[0].Configuration, list[0].ConfigurationIndex)
	}
	return nil
}

// history tells the generation of the event log and whether there is nothing in
// it.
func (n *Node) history() (generation uint64, empty bool) {
	head := n.log.Head()
	return eventlog.Generation(head.Position), head.Position == 0
}

// holds tells whether all that a leader's snapshot stands for is here already, in
// the log or behind an own snapshot. Such a snapshot came late or twice, and Raft
// would drop the whole log for it, with entries behind it that this node has
// acknowledged.
func (n *Node) holds(q *raft.InstallSnapshotRequest) bool {
	if q.Term < n.raft.CurrentTerm() {
		return false // Raft refuses it
	}
	if n.store.log.Settle(q.LastLogIndex) != nil {
		return false
	}
	if q.LastLogIndex <= n.raft.AppliedIndex() {
		return true
	}
	var l raft.Log
	return n.store.log.GetLog(q.LastLogIndex, &l) == nil && l.Term == q.LastLogTerm
}

func soleVoter(c raft.Configuration, id raft.ServerID) bool {
	for _, s := range c.Servers {
		if (s.ID == id) != (s.Suffrage == raft.Voter) {
			return false
		}
	}
	return len(c.Servers) > 0
}
