package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/peer"
)

// removalEvery is how often a node that is to leave asks whether it has left.
const removalEvery = 2 * time.Second

// watchRemoval ends a node that was removed when others refuse it: the word that
// it has left never reaches it, because it has left by then.
func (n *Node) watchRemoval(ctx context.Context) {
	ask := membership.Asking(n.port.Client())
	ticker := time.NewTicker(removalEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if self, _ := n.state().Get(n.self()).(*domain.Node); self == nil || self.Phase != domain.PhaseDeleting {
			continue
		}
		if refuses(ctx, ask, n.others()) > 0 {
			n.fail(n.removed(n.state()))
			return
		}
	}
}

// askedTime bounds a question to all others whether this node is one of them.
const askedTime = 2 * time.Second

// isRemoved asks the others, of a node that was one of them and hears of no leader,
// whether it is out. One that refuses may know less of the cluster than this node;
// the most of all cannot. If this node heard that it is to leave, one is enough.
func (n *Node) isRemoved(ctx context.Context) bool {
	m, others := n.record.Load(), n.others()
	if m == nil || !m.Known || len(others) == 0 {
		return false
	}
	enough := membership.Quorum(len(others) + 1)
	if self, _ := n.state().Get(n.self()).(*domain.Node); self != nil && self.Phase == domain.PhaseDeleting {
		enough = 1
	}
	ctx, cancel := context.WithTimeout(ctx, askedTime)
	defer cancel()
	return refuses(ctx, membership.Asking(n.port.Client()), others) >= enough
}

// refuses is how many of some nodes let this one in no more.
func refuses(ctx context.Context, ask membership.Ask, others []string) (refuse int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, id := range others {
		all.Go(func() {
			if _, err := ask(ctx, id); errors.Is(err, peer.ErrRefused) {
				mu.Lock()
				defer mu.Unlock()
				refuse++
			}
		})
	}
	all.Wait()
	return refuse
}
