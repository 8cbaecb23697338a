package raftlog

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart with errors.Is. A log that lacks an index says
// raft.ErrLogNotFound; a full disk keeps the operating system's ENOSPC.
var (
	// ErrCorrupt is what every *CorruptError is.
	ErrCorrupt = errors.New("the log of Raft is corrupt")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("the log of Raft is closed")
)

// CorruptError names bytes that were once durable and are no longer what was
// written.
type CorruptError struct {
	File   string // path of the segment
	Offset int64  // bytes from its start
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the log of Raft is corrupt: %s at byte %d: %s; restore this node from another or a backup", e.File, e.Offset, e.Reason)
}

// Is makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }
