package consensus

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/eventlog"
)

// What becomes of a batch that was not committed. Tell them apart with
// errors.Is; all but ErrUncertain mean that nothing was written.
var (
	// ErrStale: the basis, the term or the time is not the log's: decide again.
	ErrStale = errors.New("the batch was decided on another history")
	// ErrNotLeader: this node does not lead, or no longer.
	ErrNotLeader = errors.New("this node is not the leader")
	// ErrUncertain: leadership or the node was lost on the way: the batch may
	// have been applied, or may yet be.
	ErrUncertain = errors.New("the batch may have been applied")
	// ErrFull: the disk is below its mark; reads go on.
	ErrFull = errors.New("the disk is too full for writes")
	// ErrBusy: more waits than MaxWaiting bytes.
	ErrBusy = errors.New("too much is waiting to be written")
	// ErrTooLarge: the batch is over MaxBatch bytes.
	ErrTooLarge = errors.New("the batch is too large")
	// ErrClosed: the node was closed or has failed.
	ErrClosed = errors.New("consensus is closed")
)

// Why a node cannot start or go on.
var (
	// ErrDiverged: this node's history is not the cluster's.
	ErrDiverged = errors.New("this node's event log has diverged from the cluster's")
	// ErrRaftLost: Raft's store ends before entries that the event log holds:
	// it was lost, or belongs to another history.
	ErrRaftLost = errors.New("the Raft store lacks entries that the event log holds")
	// ErrLogLost: the event log ends before the newest snapshot and Raft's log
	// no longer reaches back to it.
	ErrLogLost = errors.New("the event log lacks entries that Raft has truncated")
	// ErrFoldAhead: the fold knows a position that the event log lacks.
	ErrFoldAhead = errors.New("the fold is ahead of the event log")
	// ErrUnformed: the node belongs to no cluster and was not told to form one.
	ErrUnformed = errors.New("this node belongs to no cluster")
	// ErrFormed: the node belongs to a cluster, and was told to begin in one.
	ErrFormed = errors.New("this node has a Raft store already")
	// ErrStoreDamaged: Raft's store cannot be read.
	ErrStoreDamaged = errors.New("the Raft store is damaged")
)

// errHangs is why Raft is not waited for.
var errHangs = errors.New("a write to the disk hangs")

// outcomeOf says what a failed Raft future means for the batches in it.
func outcomeOf(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return fmt.Errorf("%w: %w", ErrNotLeader, err)
	case isFull(err):
		return fmt.Errorf("%w: %w: %w", ErrUncertain, ErrFull, err)
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

func isFull(err error) bool {
	return errors.Is(err, eventlog.ErrFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
