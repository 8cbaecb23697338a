package node

import (
	"context"
	"errors"
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
		for _, id := range n.others() {
			if _, err := ask(ctx, id); errors.Is(err, peer.ErrRefused) {
				n.fail(n.removed(n.state()))
				return
			}
		}
	}
}
