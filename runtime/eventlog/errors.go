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
	// ErrNotFound means that the log has no such position (yet).
	ErrNotFound = errors.New("position is not in the event log")
)

// CorruptError names bytes that were once durable and are no longer what was
// written. The log heals only from another copy (a peer or a backup).
type CorruptError struct {
	File     string // path of the file
	Offset   int64  // bytes from its start
	Position uint64 // position of the event expected there; 0 if unknown
	Reason   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("event log is corrupt: %s at byte %d (position %d): %s; restore this file from another node or a backup",
		e.File, e.Offset, e.Position, e.Reason)
}

// Is makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// named turns an operating system's "no room" into ErrFull and keeps the cause.
func named(op string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: %w: %w", op, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}
