package state

import (
	"encoding/binary"
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// Superseded is the key under which a newer event makes this one superfluous: its
// subject and type; ok is false for events that are kept for ever.
func Superseded(e *domain.Event) (key string, ok bool) {
	t := e.Payload.Type()
	return string(e.Subject) + "\x00" + string(t), !domain.PermanentEvent(t)
}

// AppendLeft appends what compaction leaves of a batch: of each event the position
// of its subject's event before it, so that a walk back through a history passes.
func AppendLeft(buffer []byte, b Batch) []byte {
	for _, e := range b.Events {
		buffer = binary.AppendUvarint(buffer, uint64(e.Previous))
	}
	return buffer
}

// PreviousLeft reads from what AppendLeft wrote the position before the i-th event;
// 0 if it was the first of its subject.
func PreviousLeft(left []byte, i int) (base.Position, error) {
	for ; ; i-- {
		previous, n := binary.Uvarint(left)
		switch {
		case n <= 0:
			return 0, fmt.Errorf("what was left of a compacted batch has no event %d more", i)
		case i == 0:
			return base.Position(previous), nil
		}
		left = left[n:]
	}
}
