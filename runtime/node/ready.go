package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
)

// contactTime is how long a member waits for a leader before it serves what it
// has: reads go on without one.
const contactTime = 5 * time.Second

// awaitReady waits until the node takes part: it leads, or follows a leader. One
// that is alone has to lead; among others it goes on without, and says so.
func (n *Node) awaitReady(ctx context.Context) error {
	servers, _, err := n.consensus.Servers()
	if err != nil {
		return err
	}
	alone := slices.ContainsFunc(servers, func(s consensus.Server) bool { return s.Voter && s.ID == n.consensus.RaftID() }) &&
		!slices.ContainsFunc(servers, func(s consensus.Server) bool { return s.Voter && s.ID != n.consensus.RaftID() })
	if alone || n.record.Load() == nil {
		if err := n.awaitLeadership(ctx); err != nil {
			return err
		}
		return n.owesNothing()
	}
	n.await("this node looks for the leader of its cluster")
	asking, stop := context.WithCancel(ctx)
	out := make(chan bool, 1)
	go func() { out <- n.isRemoved(asking) }()
	defer func() {
		if stop(); out != nil {
			<-out
		}
	}()
	timer := time.NewTimer(contactTime)
	defer timer.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		if leader, _ := n.consensus.Leader(); leader != "" {
			return nil
		}
		select {
		case <-poll.C:
		case isOut := <-out:
			if out = nil; isOut {
				return n.removed(n.state())
			}
		case <-timer.C:
			n.cfg.Logger.Warn("no leader is in sight; reads are served, writes are refused until there is one", "waited", contactTime)
			return nil
		case <-n.consensus.Failed():
			return n.consensus.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// awaitLeadership waits until this node leads. Nobody else can: it is the only
// voter, so what takes long never comes.
func (n *Node) awaitLeadership(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, n.cfg.Patience, fmt.Errorf(
		"no leader appeared in %s: the cluster in %s was made by a node with another key; restore %s from a backup of this directory",
		n.cfg.Patience, n.path("raft"), n.path("keys/node.key")))
	defer cancel()
	for {
		leadership, changed := n.consensus.Leadership()
		if leadership.Leading {
			return nil
		}
		select {
		case <-changed:
		case <-n.consensus.Failed():
			return n.consensus.Err()
		case <-ctx.Done():
			return fmt.Errorf("the node did not become ready: %w", context.Cause(ctx))
		}
	}
}
