package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/picloud/picloud/runtime/catchup"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
)

// fetch gives a node that was let in what came before its time: the history, and
// the place in the consensus from which Raft goes on. It begins where an earlier
// start ended. A node whose log was damaged gets back what it lost.
func (n *Node) fetch(ctx context.Context) error {
	m, owed := n.record.Load(), n.log.Owed()
	switch {
	case m != nil && !m.Seeded:
		n.await(fetchesHistory)
		return n.seed(ctx, *m)
	case owed > 0 && len(n.others()) > 0: // else Raft's log brings it, see damage.go
		n.await("this node fetches what its damaged event log lost")
		return n.restore(ctx, owed)
	}
	return nil
}

// fetchesHistory is what a node waits for that begins.
const fetchesHistory = "this node fetches the history of its cluster"

// seed fetches the history up to where a member stood, and takes its place there.
func (n *Node) seed(ctx context.Context, m record) error {
	// What was begun may have been lost again, with the number that it had.
	if lost, err := consensus.IncarnationLost(n.consensusConfig(), m.Incarnation); err != nil {
		return err
	} else if lost {
		if m, err = n.number(m); err != nil {
			return err
		}
	}
	at, err := ofAny(ctx, n, n.standingOf)
	if err != nil {
		return err
	}
	n.await(fetchesHistory)
	if err := n.outdated(ctx); err != nil {
		return err
	}
	if err := n.puller(n.appendFetched, nil).To(ctx, at.Position); err != nil {
		return fmt.Errorf("fetch the history of the cluster: %w", err)
	}
	if err := n.whole(ctx, func() error { return consensus.Seed(n.consensusConfig(), n.log, at) }); err != nil && !errors.Is(err, consensus.ErrFormed) {
		return fmt.Errorf("take a place in the consensus: %w", err)
	}
	m.Seeded = true
	return n.keep(m)
}

// restore fetches what this node had acknowledged, which its place in the consensus
// stands on, and no more: Raft's log may end there.
func (n *Node) restore(ctx context.Context, owed uint64) error {
	if err := n.puller(n.appendFetched, nil).To(ctx, owed); err != nil {
		return fmt.Errorf("fetch what the damaged event log lost: %w", err)
	}
	return nil
}

// whole does what reads the log, and does it again once what is damaged there was
// fetched from other members. Damage in a sealed segment does not show when the log
// is opened, but when the start has to fold it.
func (n *Node) whole(ctx context.Context, do func() error) error {
	err := do()
	if !errors.Is(err, eventlog.ErrCorrupt) || len(n.others()) == 0 {
		return err
	}
	n.await("this node fetches what its damaged event log lost")
	n.cfg.Logger.Error("the event log is damaged; what it lost is fetched from other members", "error", err)
	if err := n.puller(n.appendFetched, nil).Heal(ctx, n.log); err != nil {
		return fmt.Errorf("the event log is damaged, and no other member could give back what it lost: %w", err)
	}
	return do()
}

// appendFetched takes what was fetched before the consensus is there.
func (n *Node) appendFetched(_ context.Context, index uint64, batches []eventlog.Batch) error {
	_, err := n.log.Append(index, batches)
	return err
}

// puller fetches what the log lacks from other members.
func (n *Node) puller(accept func(context.Context, uint64, []eventlog.Batch) error, settle func()) *catchup.Puller {
	return catchup.New(catchup.Config{
		Client: n.port.Client(), Peers: n.others, Head: n.log.Head, Accept: accept, Settle: settle, Logger: n.cfg.Logger,
	})
}

// refill fetches what Raft cannot bring any more when the node was away, and heals
// what was damaged in the log.
func (n *Node) refill(ctx context.Context) {
	puller := n.puller(n.consensus.Take, n.consensus.Settle)
	mended := make(chan struct{})
	go func() {
		defer close(mended)
		puller.Mend(ctx, n.log)
	}()
	defer func() { <-mended }()
	var learned time.Time
	for {
		select {
		case position := <-n.consensus.Lacking():
			if err := puller.To(ctx, position); err != nil && ctx.Err() == nil {
				n.cfg.Logger.Error("what the event log lacks cannot be fetched", "position", position, "error", err)
			}
		case <-n.strangers:
			if time.Since(learned) >= strangerPause { // who is refused comes again
				n.learn(ctx, puller)
				learned = time.Now()
			}
		case <-ctx.Done():
			return
		}
	}
}
