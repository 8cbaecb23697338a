package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// ErrSilent: the server that is to lead answers nothing now, or has not yet caught up
// with what it lacked when it was to lead before.
var ErrSilent = errors.New("it does not answer, or lags behind")

// heardWithin is how lately a server must have answered to be handed the leadership.
// The leader asks many times within it.
const heardWithin = 2 * electionTimeout

// balks remembers up to where servers had to come when they did not take the
// leadership over. Raft waits for them without a limit when they are asked a second
// time before that, and lets nobody write meanwhile.
type balks struct {
	mu   sync.Mutex
	upTo map[string]uint64 // index, by Raft id
}

func (b *balks) add(raftID string, index uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.upTo == nil {
		b.upTo = map[string]uint64{}
	}
	b.upTo[raftID] = index
}

func (b *balks) bar(p Peer) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return p.LastIndex < b.upTo[p.ID]
}

// TransferLeadership hands the leadership to a voter, or with "" to the one that
// has most of the log. It returns once this node leads no longer; who leads then
// is up to the voters. A voter that is silent is none to hand it to: ErrSilent.
func (n *Node) TransferLeadership(ctx context.Context, to string) error {
	leadership, over := n.Leadership()
	if !leadership.Leading {
		return ErrNotLeader
	}
	to, err := n.successor(to)
	if err != nil {
		return err
	}
	return n.ask(ctx, func() error {
		upTo := n.raft.LastIndex()
		if err := n.raft.LeadershipTransferToServer(raft.ServerID(to), addressOf(to)).Error(); err != nil {
			n.balks.add(to, upTo)
			return fmt.Errorf("hand the leadership over: %w", err)
		}
		select {
		case <-over: // Raft knows it first
		case <-n.stop:
		}
		return nil
	})
}

// successor finds who can lead: a server, or with "" the best.
func (n *Node) successor(to string) (string, error) {
	var best Peer
	found := false
	for _, s := range n.members.Load().servers {
		if !s.Voter || s.ID == n.raftID || to != "" && s.ID != to {
			continue
		}
		found = true
		p := n.carrier.contacts.of(s)
		if time.Since(p.LastContact) < heardWithin && !n.balks.bar(p) && (best.ID == "" || p.LastIndex > best.LastIndex) {
			best = p
		}
	}
	switch {
	case !found && to != "":
		return "", fmt.Errorf("%w: %q is no other voter", ErrMember, to)
	case !found:
		return "", fmt.Errorf("%w: there is no other voter", ErrMember)
	case best.ID == "" && to != "":
		return "", fmt.Errorf("hand the leadership to %s: %w", to, ErrSilent)
	case best.ID == "":
		return "", fmt.Errorf("hand the leadership to any other voter: %w", ErrSilent)
	}
	return best.ID, nil
}
