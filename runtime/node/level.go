package node

import (
	"context"
	"time"

	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/state"
)

// gate refuses what other nodes may not know yet. Before the loop begins, which is
// while a cluster is founded, nothing of a later level is asked for.
func (n *Node) gate(s *state.State, level int) error {
	if loop := n.loop.Load(); loop != nil {
		return loop.Gate(s, level)
	}
	return (&membership.Loop{}).Gate(s, level)
}

// Bounds of asking others what level the cluster has reached.
const (
	levelEvery = 2 * time.Second
	levelTime  = 2 * time.Second
)

// outdated asks the other members whether the cluster has gone beyond this program.
// What the log says of it would come too late, or never: nobody brings the log to a
// node that is not let into the consensus.
func (n *Node) outdated(ctx context.Context) error {
	ask := membership.Asking(n.port.Client())
	for _, id := range n.others() {
		asking, cancel := context.WithTimeout(ctx, levelTime)
		said, err := ask(asking, id)
		cancel()
		if err != nil {
			continue // another one may answer, or the log says it
		}
		if err := membership.Outdated(said, schema.Level, n.cfg.Version); err != nil {
			return err
		}
	}
	return nil
}

// watchLevel ends a node that hears of no leader because its program is too old.
func (n *Node) watchLevel(ctx context.Context) {
	ticker := time.NewTicker(levelEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if leader, heard := n.consensus.LeaderContact(); leader != "" && time.Since(heard) < contactTime {
			continue
		}
		if err := n.outdated(ctx); err != nil {
			n.fail(err)
			return
		}
	}
}
