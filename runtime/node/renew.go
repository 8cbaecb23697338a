package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/membership"
)

// lostItsPlace reports whether the node's part in the consensus was lost or
// damaged, and others are there from whom it can have another.
func (n *Node) lostItsPlace(err error) bool {
	lost := errors.Is(err, consensus.ErrStoreDamaged) || errors.Is(err, consensus.ErrRaftLost) || errors.Is(err, consensus.ErrLogLost)
	return lost && n.record.Load() != nil && len(n.others()) > 0
}

// numbered checks that the number beside Raft's store is not lost. Without it the
// node would take a former place, in which it is refused, or votes a second time.
func (n *Node) numbered() error {
	m := n.record.Load()
	if m == nil {
		return nil
	}
	lost, err := consensus.IncarnationLost(n.consensusConfig(), m.Incarnation)
	if err != nil || !lost {
		return err
	}
	return fmt.Errorf("%w: the number of this node's place is lost; if the rest of %s is as the node left it, write the number %d into %s, else restore a backup",
		consensus.ErrRaftLost, n.path("raft"), m.Incarnation, n.path("raft/incarnation"))
}

// renew gives the node another place in the consensus, under its next
// incarnation: whoever lost what it voted must not vote again in its name. The
// leader takes it in as a learner.
func (n *Node) renew(ctx context.Context, cause error) error {
	n.cfg.Logger.Error("this node's place in the consensus is lost; it asks for another", "error", cause)
	m := *n.record.Load()
	m.Seeded = false
	if err := n.keep(m); err != nil {
		return err
	}
	if _, err := n.number(m); err != nil {
		return err
	}
	return n.fetch(ctx)
}

// number gives the node its next incarnation. Its own count stands beside what was
// lost, and may be lost with it; nothing is folded yet that could tell.
func (n *Node) number(m record) (record, error) {
	raftID, err := consensus.Renew(n.consensusConfig(), m.Incarnation)
	if err != nil {
		return m, err
	}
	m.Incarnation = consensus.IncarnationOf(raftID)
	return m, n.keep(m)
}

// noteIncarnation makes up for an end between the two writes of renew: the number
// beside the lost store was counted on, and its copy was not.
func (n *Node) noteIncarnation() error {
	m := n.record.Load()
	now := consensus.IncarnationOf(n.consensus.RaftID())
	if m == nil || m.Incarnation >= now {
		return nil
	}
	next := *m
	next.Incarnation = now
	return n.keep(next)
}

// keep notes durably what the node is a member of.
func (n *Node) keep(m record) error {
	n.record.Store(&m)
	return n.remember(membershipName, m)
}

// generationEvery is how often a node that sees no leader asks the others whether
// the cluster was recovered without it.
const generationEvery = 5 * time.Second

// watchGeneration ends a node whose cluster was recovered from the loss of its
// majority, or from a backup, without it: its next start begins with the history
// that the others have.
func (n *Node) watchGeneration(ctx context.Context) {
	ask := membership.Asking(n.port.Client())
	ticker := time.NewTicker(generationEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		m := n.record.Load()
		if n.leader() != "" || m == nil || !m.Seeded {
			continue
		}
		own := eventlog.Generation(n.log.Head().Position)
		for _, id := range n.others() {
			other, err := ask(ctx, id)
			if err != nil || eventlog.Generation(uint64(other.Position)) <= own {
				continue
			}
			anew := *m
			anew.Anew = true
			if err := n.keep(anew); err != nil {
				n.cfg.Logger.Error("that the node has to begin anew could not be noted", "error", err)
				continue
			}
			n.fail(fmt.Errorf("the cluster %s was recovered while this node, %s, was away; started again it takes over the history of the others and keeps its own in %s", m.Domain, m.Name, n.path(formerName)))
			return
		}
	}
}

// formerName is where a node keeps a history that the cluster did not go on from.
const formerName = "former"

// beginAnew puts the node's history aside, so that it fetches that of the others.
func (n *Node) beginAnew(m record) error {
	if _, err := os.Stat(n.path("log")); err == nil { // else it was moved already
		if err := os.RemoveAll(n.path(formerName)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(n.path(formerName), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"log", "datasets", "state.checkpoint"} {
		if err := os.Rename(n.path(name), n.path(formerName+"/"+name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	raftID, err := consensus.Renew(n.consensusConfig(), m.Incarnation)
	if err != nil {
		return err
	}
	m.Incarnation = consensus.IncarnationOf(raftID)
	m.Anew, m.Seeded, m.Known = false, false, false
	return n.keep(m)
}
