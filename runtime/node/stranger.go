package node

import (
	"context"
	"time"

	"github.com/picloud/picloud/runtime/catchup"
	"github.com/picloud/picloud/runtime/membership"
)

// strangerPause is between two looks for what this node missed, so that one that
// was removed and knocks on causes little.
const strangerPause = time.Second

// stranger notes that a key was refused which the cluster's authority vouches
// for. If this node was away, it may be of a member that came meanwhile, and that
// leads now: Raft alone would never get through.
func (n *Node) stranger(string) {
	select {
	case n.strangers <- struct{}{}:
	default: // it is looked already
	}
}

// learn fetches what members that this node knows have, and it lacks.
func (n *Node) learn(ctx context.Context, puller *catchup.Puller) {
	ask := membership.Asking(n.port.Client())
	for _, id := range n.others() {
		asking, cancel := context.WithTimeout(ctx, standingTime)
		other, err := ask(asking, id)
		cancel()
		if err != nil || uint64(other.Position) <= n.log.Head().Position {
			continue
		}
		if err = puller.To(ctx, uint64(other.Position)); err == nil {
			return
		}
		n.cfg.Logger.Warn("what this node missed could not be fetched", "member", id, "error", err)
	}
}
