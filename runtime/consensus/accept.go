package consensus

import (
	"context"
	"fmt"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Accept takes in the batches that the Raft entry at index brought, as another
// member's event log has them: committed, and with their positions and digests,
// which the log checks. They go the way of those that Raft brings, and what is
// already here is passed over, by either way. What does not continue the log is
// refused with nothing written.
func (n *Node) Accept(ctx context.Context, index uint64, batches []eventlog.Batch) error {
	if err := n.Take(ctx, index, batches); err != nil {
		return err
	}
	n.Settle()
	return nil
}

// Settle shows readers what Take took in.
func (n *Node) Settle() {
	n.machine.mu.Lock()
	defer n.machine.mu.Unlock()
	if n.Err() == nil && n.alive.Err() == nil {
		n.machine.fold.Publish(n.log.Head())
	}
}

// Take is Accept, but readers see what it took in with the next Settle: showing
// each of many entries takes longer than folding it.
func (n *Node) Take(ctx context.Context, index uint64, batches []eventlog.Batch) error {
	n.machine.mu.Lock()
	defer n.machine.mu.Unlock()
	if n.Err() != nil || n.alive.Err() != nil {
		return n.closedError()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	head := n.log.Head()
	if index <= head.Index || len(batches) == 0 {
		return nil
	}
	if first := batches[0].First; first <= head.Position || batches[0].Digest == (eventlog.Digest{}) {
		return fmt.Errorf("%w: a batch at position %d with digest %s cannot follow position %d",
			ErrDiverged, first, batches[0].Digest, head.Position)
	}
	if err := n.runAhead(index); err != nil {
		return n.fail(err)
	}
	err := n.machine.take(index, batches)
	if err != nil && n.log.Failed() != nil {
		return n.fail(err) // not what was handed in, but the log
	}
	return err
}

// aheadKey is where Raft's stable store keeps the index up to which the event
// log may hold more than Raft's log: it was fetched from others. A store that
// lacks more than that was lost.
const (
	aheadKey  = "EventLogAhead"
	aheadStep = 1 << 16 // indexes; the store is written once for so many
)

// runAhead notes that the event log will hold index, whether or not Raft's log
// does.
func (n *Node) runAhead(index uint64) error {
	if index <= n.ahead || index <= n.store.log.Settled(n.raft.LastIndex()) {
		return nil
	}
	if err := n.store.stable.SetUint64([]byte(aheadKey), index+aheadStep); err != nil {
		return fmt.Errorf("note how far the event log is ahead of Raft's: %w", err)
	}
	n.ahead = index + aheadStep
	return nil
}
