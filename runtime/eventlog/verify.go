package eventlog

import (
	"context"
	"errors"
	"io"
	"io/fs"
)

// Verify reads every segment whole, checks every checksum and the digest chain
// from the beginning to the head at the call, and returns that head. It works
// beside the appender.
func (l *Log) Verify(ctx context.Context) (Head, error) {
	v := l.view.Load()
	head := v.segments[0].before
	for i, seg := range v.segments {
		if !seg.damaged && !head.begins(seg.before) {
			return head, &CorruptError{File: seg.path, Position: seg.first(), Reason: "the header of the segment does not continue the segment before it"}
		}
		after, err := l.verify(ctx, seg, v.limit(i))
		for errors.Is(err, fs.ErrNotExist) && l.view.Load().segments[i] != seg { // rewritten meanwhile
			seg = l.view.Load().segments[i]
			after, err = l.verify(ctx, seg, seg.size)
		}
		if err != nil {
			return after, err
		}
		head = after
	}
	if head != v.head {
		return head, &CorruptError{File: v.active().path, Offset: v.end, Position: head.Position, Reason: "the file is not what was appended"}
	}
	return head, nil
}

func (l *Log) verify(ctx context.Context, seg *segment, limit int64) (Head, error) {
	head := seg.before
	again, err := l.inspect(seg.path)
	if err != nil {
		return head, err
	}
	if seg.damaged || again == nil || again.before != seg.before || again.number != seg.number {
		return head, l.told(&CorruptError{File: seg.path, Position: seg.first(), Reason: errHeaderBad.Error()})
	}
	sc := newScanner(l.fs, seg, segmentHeader, limit)
	for {
		if err := ctx.Err(); err != nil {
			return head, context.Cause(ctx)
		}
		at := sc.offset
		f, err := sc.next()
		if errors.Is(err, io.EOF) {
			return head, nil
		}
		if err == nil {
			if head, err = head.follow(f.batch, f.raw); err != nil {
				err = &frameError{at, err}
			}
		}
		if err != nil {
			return head, l.told(seg.corrupt(err, head.Position+1))
		}
	}
}
