package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
)

// Reader walks the log forward, batch by batch, and can wait at its end. It is
// for one goroutine; any number of readers work beside the appender. It holds
// no resource that needs closing.
type Reader struct {
	log   *Log
	after uint64 // last position handed out
	seg   int    // which segment the scanner is in
	scan  *scanner
}

// Reader begins after the position after; 0 means at the beginning. If after
// lies inside a batch, that batch comes first, whole.
func (l *Log) Reader(after uint64) *Reader { return &Reader{log: l, after: after} }

// Next gives the next batch and waits for one at the end of the log. Its errors
// are ctx's cause, ErrClosed, a *CorruptError, or the file system's.
func (r *Reader) Next(ctx context.Context) (Batch, error) {
	for {
		v := r.log.view.Load()
		b, err := r.read(v.head.Position)
		if err != io.EOF {
			return b, err
		}
		if v.closed {
			return Batch{}, ErrClosed
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return Batch{}, context.Cause(ctx)
		}
	}
}

// Until gives the next batch that ends at or before a position; io.EOF when the
// log has none now.
func (r *Reader) Until(position uint64) (Batch, error) {
	return r.read(min(position, r.log.view.Load().head.Position))
}

// Read walks from after (see Reader) to where the log ends at the call. The
// walk ends early after an error.
func (l *Log) Read(after uint64) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		v, r := l.view.Load(), l.Reader(after)
		for {
			b, err := r.read(v.head.Position)
			if err == io.EOF || !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// ReadAt gives the batch that holds the event at position, or ErrNotFound. A
// batch that compaction dropped comes without its payload: see Batch.Dropped.
func (l *Log) ReadAt(position uint64) (Batch, error) {
	v := l.view.Load()
	if position == 0 || position > v.head.Position {
		return Batch{}, ErrNotFound
	}
	b, err := l.Reader(position - 1).read(v.head.Position)
	if err == io.EOF || err == nil && position < b.First {
		return Batch{}, ErrNotFound // between two generations
	}
	return b, err
}

// DigestAt is the chain digest up to position, which must be where a batch ends
// or a generation begins. Otherwise it is ErrNotFound, with the digest of the
// nearest later place that has one, if the log reaches so far.
func (l *Log) DigestAt(position uint64) (Digest, error) {
	v := l.view.Load()
	if position == v.head.Position {
		return v.head.Digest, nil
	}
	next := slices.IndexFunc(v.segments, func(s *segment) bool { return position <= s.before.Position })
	if next >= 0 && position == v.segments[next].before.Position && v.segments[next].damage == nil {
		return v.segments[next].before.Digest, nil
	}
	b, err := l.ReadAt(position)
	switch {
	case err == nil && b.Last() != position:
		return b.Digest, fmt.Errorf("%w as the end of a batch: %d is inside the batch %d to %d", ErrNotFound, position, b.First, b.Last())
	case errors.Is(err, ErrNotFound) && next >= 0:
		return v.segments[next].before.Digest, fmt.Errorf("%w: %d is between two generations", ErrNotFound, position)
	}
	return b.Digest, err
}

// Wait returns once the log holds position.
func (l *Log) Wait(ctx context.Context, position uint64) error {
	for {
		v := l.view.Load()
		switch {
		case v.head.Position >= position:
			return nil
		case v.closed:
			return ErrClosed
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// read gives the next batch up to a position, io.EOF beyond.
func (r *Reader) read(until uint64) (Batch, error) {
	f, err := r.frame(until)
	return f.batch, err
}

// frame gives the next frame that ends up to a position, io.EOF beyond.
func (r *Reader) frame(until uint64) (frame, error) {
	for {
		v := r.log.view.Load()
		f, err := r.step(v, until)
		if errors.Is(err, fs.ErrNotExist) && r.log.view.Load() != v {
			r.scan = nil // the segment was replaced by a shorter form of it
			continue
		}
		if err != nil && err != io.EOF {
			err = r.log.gone(v.segments[r.seg], err, r.after+1)
		}
		return f, err
	}
}

func (r *Reader) step(v *view, until uint64) (frame, error) {
	for r.after < until {
		if r.scan == nil || r.scan.seg != v.segments[r.seg] {
			if err := r.seek(v); err != nil {
				return frame{}, err
			}
		}
		seg := v.segments[r.seg]
		r.scan.limit = v.limit(r.seg)
		f, err := r.scan.next()
		switch {
		case err == io.EOF && r.seg+1 < len(v.segments):
			r.seg++
			seg = v.segments[r.seg]
			r.scan = newScanner(r.log.fs, seg, segmentHeader, v.limit(r.seg))
			if seg.damage == nil {
				r.after = max(r.after, seg.before.Position) // a generation may begin
			}
			continue
		case err == io.EOF:
			err = &frameError{r.scan.offset, errShort}
			fallthrough
		case err != nil:
			r.scan = nil
			return frame{}, r.log.told(seg.corrupt(err, r.after+1))
		case f.batch.Last() <= r.after:
			continue // the index leads to a little before
		case f.batch.First > r.after+1:
			bad := &frameError{f.at, errOrder}
			r.scan = nil
			return frame{}, r.log.told(seg.corrupt(bad, r.after+1))
		}
		r.after = f.batch.Last()
		return f, nil
	}
	return frame{}, io.EOF
}

// limit is how many bytes of segment i count in this view.
func (v *view) limit(i int) int64 {
	if i == len(v.segments)-1 {
		return v.end
	}
	return v.segments[i].size
}

// seek finds the frame that holds the position after r.after.
func (r *Reader) seek(v *view) error {
	i, exact := slices.BinarySearchFunc(v.segments, r.after+1, func(s *segment, at uint64) int {
		switch {
		case s.first() < at:
			return -1
		case s.first() > at:
			return 1
		}
		return 0
	})
	if !exact {
		i--
	}
	seg := v.segments[i]
	if r.after+1 != seg.first() {
		if err := seg.build(r.log.fs); err != nil {
			var bad *frameError
			if !errors.As(err, &bad) {
				return err
			}
			// The frame asked for may lie before the damage: walk there.
		}
	}
	r.seg = i
	r.scan = newScanner(r.log.fs, seg, seg.find(r.after+1), v.limit(i))
	return nil
}
