package eventlog

import (
	"context"
	"errors"
	"io"
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
		b, err := r.read(v)
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

// Read walks from after (see Reader) to where the log ends at the call. The
// walk ends early after an error.
func (l *Log) Read(after uint64) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		v, r := l.view.Load(), l.Reader(after)
		for {
			b, err := r.read(v)
			if err == io.EOF || !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// ReadAt gives the batch that holds the event at position, or ErrNotFound.
func (l *Log) ReadAt(position uint64) (Batch, error) {
	v := l.view.Load()
	if position == 0 || position > v.head.Position {
		return Batch{}, ErrNotFound
	}
	return l.Reader(position - 1).read(v)
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

// read gives the next batch of v, io.EOF at its end.
func (r *Reader) read(v *view) (Batch, error) {
	if r.after >= v.head.Position {
		return Batch{}, io.EOF
	}
	if r.scan == nil {
		if err := r.seek(v); err != nil {
			return Batch{}, err
		}
	}
	for {
		seg := v.segments[r.seg]
		r.scan.limit = v.limit(r.seg)
		f, err := r.scan.next()
		switch {
		case err == io.EOF && r.seg+1 < len(v.segments):
			r.seg++
			r.scan = newScanner(r.log.fs, v.segments[r.seg], segmentHeader, v.limit(r.seg))
			continue
		case err == io.EOF:
			err = &frameError{r.scan.offset, errShort}
			fallthrough
		case err != nil:
			r.scan = nil
			return Batch{}, seg.corrupt(err, r.after+1)
		case f.batch.Last() <= r.after:
			continue // the index leads to a little before
		case f.batch.First > r.after+1:
			bad := &frameError{r.scan.offset - int64(len(f.raw)), errOrder}
			r.scan = nil
			return Batch{}, seg.corrupt(bad, r.after+1)
		}
		r.after = f.batch.Last()
		return f.batch, nil
	}
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
