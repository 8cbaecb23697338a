package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/picloud/picloud/runtime/disk"
)

// Fate is what becomes of a batch.
type Fate int

const (
	Keep  Fate = iota // for ever
	Later             // it may be dropped by a later compaction, not yet
	Drop              // the payload goes
)

// recent is how many sealed segments stay as they are: those that other nodes ask
// for most.
const recent = 2

// Archive compresses the sealed segments that are not recent, one after the other.
// What they say stays the same, and they are read as before. It works beside the
// appender and readers; ctx ends it between two segments' batches.
func (l *Log) Archive(ctx context.Context) error {
	l.rewriting.Lock()
	defer l.rewriting.Unlock()
	segments := l.view.Load().segments
	for i := range len(segments) - 1 - recent {
		if seg := segments[i]; seg.archive == nil && seg.damage == nil {
			if err := l.rewrite(ctx, seg, segments[i+1], 0, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// rewrite puts another form of a sealed segment in its place: compressed, without
// the payloads that drop does not keep. The former one goes when the new one was
// read back from the disk. next is the segment after it.
func (l *Log) rewrite(ctx context.Context, seg, next *segment, compacted uint64, drop func(Batch) (left []byte, fate Fate)) error {
	path := archivePath(l.dir, seg.first(), compacted)
	err := disk.WriteFile(l.fs, path, 0o600, func(w io.Writer) error {
		out := l.codec.NewWriter(counted{w, &l.written}, encodeSegmentHeader(seg.number, seg.before))
		droppable := uint64(0)
		end, err := l.walk(ctx, seg, func(f frame, before Head) error {
			raw, fate, err := f.judged(before, drop)
			if err == nil {
				_, err = out.Write(raw)
			}
			if fate == Later {
				droppable++
			}
			return err
		})
		if err == nil && !next.follows(end) {
			err = l.told(seg.corrupt(&frameError{seg.size, errChain}, end.Position+1))
		}
		if err != nil {
			return err
		}
		return out.Close([2]uint64{compacted, droppable})
	})
	if err != nil {
		return named("rewrite "+seg.path, err)
	}
	now, err := l.readBack(path, seg.first())
	if err != nil {
		return err
	}
	if _, err := l.walk(ctx, now, func(f frame, _ Head) error { now.note(f.batch.First, f.at); return nil }); err != nil {
		return errors.Join(err, l.fs.Remove(path))
	}
	return l.exchange([]*segment{seg}, []*segment{now})
}

// judged is the form that drop leaves of a frame; without drop it stays.
func (f frame) judged(before Head, drop func(Batch) (left []byte, fate Fate)) (raw []byte, fate Fate, err error) {
	if drop == nil || f.batch.Dropped {
		return f.raw, Keep, nil
	}
	left, fate := drop(f.batch)
	if fate != Drop {
		return f.raw, fate, nil
	}
	if len(left) > MaxLeft {
		return nil, fate, fmt.Errorf("eventlog: compaction leaves %d bytes of the batch at %d, the limit is %d", len(left), f.batch.First, MaxLeft)
	}
	b := f.batch
	b.Dropped, b.Payload = true, left
	return appendFrame(nil, &b, before.Digest, f.more), fate, nil
}

// exchange makes readers go on with another form of segments, and removes the
// former.
func (l *Log) exchange(was, now []*segment) error {
	l.mu.Lock()
	v := l.view.Load()
	i := slices.Index(v.segments, was[0])
	if i < 0 || v.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	next := *v // the same channel: nothing was appended
	next.segments = slices.Concat(v.segments[:i], now, v.segments[i+len(was):])
	l.view.Store(&next)
	l.mu.Unlock()
	for _, seg := range was {
		if slices.ContainsFunc(now, func(s *segment) bool { return s.path == seg.path }) {
			continue
		}
		if err := l.fs.Remove(seg.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return named("remove the former form of a segment", err)
		}
	}
	return l.fs.SyncDir(l.dir)
}

// walk reads a sealed segment and checks it. It gives the head after it.
func (l *Log) walk(ctx context.Context, seg *segment, each func(f frame, before Head) error) (Head, error) {
	head := seg.before
	sc := newScanner(l.fs, seg, segmentHeader, seg.size)
	for {
		if ctx.Err() != nil {
			return head, context.Cause(ctx)
		}
		f, err := sc.next()
		if errors.Is(err, io.EOF) {
			return head, nil
		}
		before := head
		if err == nil {
			if head, err = head.follow(f.batch, f.raw); err != nil {
				err = &frameError{f.at, err}
			}
		}
		if err != nil {
			return head, l.told(seg.corrupt(err, head.Position+1))
		}
		if err := each(f, before); err != nil {
			return head, err
		}
	}
}

// counted counts the bytes that go to the disk.
type counted struct {
	io.Writer
	bytes interface{ Add(int64) int64 }
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}
