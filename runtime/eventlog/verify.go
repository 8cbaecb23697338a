package eventlog

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
)

// Verify reads every segment whole, checks every checksum and the digest chain
// from the beginning to the head at the call, and returns that head. It works
// beside the appender.
func (l *Log) Verify(ctx context.Context) (Head, error) {
	v := l.view.Load()
	head := v.segments[0].before
	for i, seg := range v.segments {
		if seg.damage == nil && !head.begins(seg.before) {
			return head, &CorruptError{File: seg.path, Position: seg.first(), Reason: "the header of the segment does not continue the segment before it"}
		}
		after, err := l.verify(ctx, seg, v.limit(i))
		for errors.Is(err, fs.ErrNotExist) {
			now := l.view.Load().numbered(seg.number)
			if now == seg {
				return after, l.gone(seg, err, seg.first())
			}
			seg = now // rewritten meanwhile
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

// numbered is the form that a segment has in the view.
func (v *view) numbered(number uint64) *segment {
	i := slices.IndexFunc(v.segments, func(s *segment) bool { return s.number == number })
	return v.segments[i]
}

func (l *Log) verify(ctx context.Context, seg *segment, limit int64) (Head, error) {
	head := seg.before
	if seg.damage != nil {
		return head, l.told(seg.corrupt(&frameError{0, seg.damage}, seg.first()))
	}
	again, err := l.inspect(seg.path)
	if err != nil {
		return head, err
	}
	if again == nil || again.before != seg.before || again.number != seg.number {
		return head, l.told(seg.corrupt(&frameError{0, errHeaderBad}, seg.first()))
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
