package eventlog

import (
	"errors"
	"fmt"
	"syscall"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrCorrupt is what every *CorruptError is.
	ErrCorrupt = errors.New("event log is corrupt")
	// ErrFull means that the disk has no room: nothing was appended, the log
	// is as before, and the same append may be tried again.
	ErrFull = errors.New("no space left for the event log")
	// ErrClosed means that the log was closed.
	ErrClosed = errors.New("event log is closed")
	// ErrDiverged is what every *DivergedError is.
	ErrDiverged = errors.New("event logs have diverged")
	// ErrNotFound means that the log has no such position (yet).
	ErrNotFound = errors.New("position is not in the event log")
)

// CorruptError names bytes that were once durable and are no longer what was
// written. The log heals only from another copy: a peer (Heal, Salvage) or a backup.
type CorruptError struct {
	File     string // path of the file
	Offset   int64  // bytes from its start, before compression
	Position uint64 // of the first event that is lost with them; 0 if unknown
	Until    uint64 // of the last one; 0 if unknown
	Reason   string
	// End is where the log would end after Salvage, for damage at its end.
	End *Head
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("event log is corrupt: %s at byte %d: %s; %s cannot be read; a node with peers fetches it again from them, a node alone needs a backup",
		e.File, e.Offset, e.Reason, e.Lost())
}

// Lost says which events are lost: "positions 12 to 15".
func (e *CorruptError) Lost() string {
	switch {
	case e.Position == 0:
		return "an unknown part"
	case e.Until == 0:
		return fmt.Sprintf("position %d and what follows it", e.Position)
	case e.Until <= e.Position:
		return fmt.Sprintf("position %d", e.Position)
	}
	return fmt.Sprintf("positions %d to %d", e.Position, e.Until)
}

// Is makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// DivergedError says that another node's log holds something else at a position
// than this one: one of the two was not written by this cluster's consensus.
type DivergedError struct {
	Position     uint64
	Theirs, Ours Digest // of the chain there
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("event logs have diverged: at position %d the other node's chain digest is %s, this node's %s; restore the one that the majority contradicts",
		e.Position, e.Theirs, e.Ours)
}

// Is makes errors.Is(err, ErrDiverged) true.
func (e *DivergedError) Is(target error) bool { return target == ErrDiverged }

// named turns an operating system's "no room" into ErrFull and keeps the cause.
func named(op string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: %w: %w", op, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}
