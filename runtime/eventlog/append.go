package eventlog

import (
	"errors"
	"fmt"
	"time"
)

// Append adds the batches that the Raft entry at index brought, all or none,
// and sets First, Index, Digest and Length in them. It does not sync.
//
// The index must be greater than the head's, times must not go backwards. A
// batch that comes with a digest was in the log of another node already: it must
// say the same first position and digest as it gets here, else it is refused with
// a *DivergedError. With ErrFull nothing changed; after any other error of the
// file the log refuses further appends, because what the file holds is no longer
// known.
func (l *Log) Append(index uint64, batches []Batch) (Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, err := l.writable()
	switch {
	case err != nil || len(batches) == 0:
		return v.head, err
	case index <= v.head.Index:
		return v.head, fmt.Errorf("eventlog: Raft index %d is not after %d", index, v.head.Index)
	}
	if start := batches[0].generation(v.head); start != 0 {
		if v, err = l.jump(v, start); err != nil {
			return v.head, err
		}
	}
	head, err := l.encode(v.head, index, batches)
	if err != nil {
		return v.head, err
	}
	whole := int64(0)
	for _, b := range batches {
		whole += b.whole()
	}
	if v.whole+whole > l.limit && v.end > segmentHeader {
		if v, err = l.rotate(v, v.head); err != nil {
			return v.head, err
		}
	}
	if err := l.write(v); err != nil {
		return v.head, err
	}
	l.publish(v, head, batches)
	return head, nil
}

// writable is the view to go on from, unless nothing more can be written.
func (l *Log) writable() (*view, error) {
	v := l.view.Load()
	if v.closed {
		return v, ErrClosed
	}
	return v, l.failed
}

// encode fills l.buf with the frames of batches and checks them.
func (l *Log) encode(head Head, index uint64, batches []Batch) (Head, error) {
	if cap(l.buf) > 4<<20 {
		l.buf = nil // one large entry does not keep its memory
	}
	l.buf = l.buf[:0]
	for i := range batches {
		b := &batches[i]
		b.Time = b.Time.UTC()
		said := *b
		foreign := said.Digest != Digest{}
		switch {
		case b.Count == 0:
			return head, fmt.Errorf("eventlog: batch %d of Raft entry %d has no events", i, index)
		case len(b.Payload) > MaxPayload:
			return head, fmt.Errorf("eventlog: batch %d of Raft entry %d has %d bytes, the limit is %d", i, index, len(b.Payload), MaxPayload)
		case b.Time.Before(head.Time):
			return head, fmt.Errorf("eventlog: batch %d of Raft entry %d is of %s, before the log's %s", i, index, stamp(b.Time), stamp(head.Time))
		case foreign && said.First != head.Position+1:
			return head, fmt.Errorf("eventlog: batch %d of Raft entry %d is at position %d, the log goes on at %d", i, index, said.First, head.Position+1)
		case b.Dropped && len(b.Payload) > MaxLeft:
			return head, fmt.Errorf("eventlog: dropped batch %d of Raft entry %d has %d bytes left, the limit is %d", i, index, len(b.Payload), MaxLeft)
		case b.Dropped && !foreign:
			return head, fmt.Errorf("eventlog: batch %d of Raft entry %d is new and dropped at once", i, index)
		}
		b.First, b.Index = head.Position+1, index
		l.buf = appendFrame(l.buf, b, head.Digest, i < len(batches)-1)
		if foreign && b.Digest != said.Digest {
			ours := b.Digest
			*b = said
			return head, &DivergedError{Position: said.Last(), Theirs: said.Digest, Ours: ours}
		}
		head = head.after(*b)
	}
	return head, nil
}

// whole is the size of a batch's frame in bytes as it was appended.
func (b *Batch) whole() int64 { return frameHeader + int64(b.Length) }

// stored is the size of a batch's frame in bytes as it is.
func (b *Batch) stored() int64 { return frameHeader + int64(len(b.Payload)) }

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

// write puts l.buf at the end of the active segment, or leaves it as it was. A log
// that cannot do either has failed, and is not full: room would not help it.
func (l *Log) write(v *view) error {
	n, err := v.file.WriteAt(l.buf, v.end)
	l.written.Add(int64(n))
	if err == nil {
		return nil
	}
	cut := v.file.Truncate(v.end)
	if cut == nil {
		err = named("append to "+v.active().path, err)
	} else {
		err = fmt.Errorf("append to %s: %w; take back what was written of it: %w", v.active().path, err, cut)
	}
	if !errors.Is(err, ErrFull) {
		l.failed = err
	}
	return err
}

// publish shows the appended batches to readers.
func (l *Log) publish(v *view, head Head, batches []Batch) {
	at, whole := v.end, v.whole
	for i := range batches {
		v.active().note(batches[i].First, at)
		at, whole = at+batches[i].stored(), whole+batches[i].whole()
	}
	l.replace(v, &view{head: head, segments: v.segments, file: v.file, end: at, whole: whole})
}

func (l *Log) replace(old, now *view) {
	now.changed = make(chan struct{})
	l.view.Store(now)
	close(old.changed)
}
