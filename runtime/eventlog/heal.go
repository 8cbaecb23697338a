package eventlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picloud/picloud/runtime/disk"
)

// Fetch gives the bytes of another node's log (see RawReader) after a head of this
// one, up to a position or further.
type Fetch func(ctx context.Context, after Head, until uint64) (io.ReadCloser, error)

// Damaged gets a value when a reader meets damage; one that is not taken stands for
// all since.
func (l *Log) Damaged() <-chan struct{} { return l.damaged }

// told tells whoever heals of corruption, and the error which events it costs.
func (l *Log) told(err error) error {
	var bad *CorruptError
	if !errors.As(err, &bad) {
		return err
	}
	if v := l.view.Load(); v != nil && bad.Until == 0 {
		bad.Until = v.lastOf(bad)
	}
	select {
	case l.damaged <- struct{}{}:
	default:
	}
	return err
}

// lastOf is the last position of the segment that is damaged; 0 where that is not
// known.
func (v *view) lastOf(bad *CorruptError) uint64 {
	i := slices.IndexFunc(v.segments, func(s *segment) bool { return s.path == bad.File })
	last := v.head.Position
	if i >= 0 && i+1 < len(v.segments) {
		last = v.segments[i+1].before.Position
	}
	if i < 0 || Generation(last) != Generation(bad.Position) {
		return 0
	}
	return last
}

// gone makes corruption of an error about a segment whose file is missing.
func (l *Log) gone(seg *segment, err error, position uint64) error {
	if errors.Is(err, fs.ErrNotExist) {
		return l.told(seg.corrupt(&frameError{0, errMissing}, position))
	}
	return err
}

// Heal reads every sealed segment and puts what another node has in the place of
// those that are damaged or missing, if it leads to where the next segment begins. It
// works beside the appender and readers, and gives the paths of what it replaced.
// Damage in the segment that is being written is an error: the log is opened anew
// after Salvage.
func (l *Log) Heal(ctx context.Context, fetch Fetch) (healed []string, err error) {
	l.rewriting.Lock()
	defer l.rewriting.Unlock()
	head := Beginning()
	for i := 0; ; i++ {
		v := l.view.Load()
		seg := v.segments[i]
		if i == len(v.segments)-1 {
			_, err := l.verify(ctx, seg, v.end)
			return healed, err
		}
		next := v.segments[i+1]
		after, bad := l.verify(ctx, seg, seg.size)
		bad = l.gone(seg, bad, seg.first())
		switch {
		case bad != nil && !errors.Is(bad, ErrCorrupt):
			return healed, bad
		case bad == nil && head.begins(seg.before) && next.follows(after):
			head = after
			continue
		}
		run := v.segments[i : i+1]
		for next.damage != nil { // where this one ends is not known
			run = v.segments[i : i+len(run)+1]
			next = v.segments[i+len(run)]
		}
		now, after, err := l.refill(ctx, run, head, next, fetch)
		if err != nil {
			return healed, fmt.Errorf("%s is damaged and not healed: %w", seg.path, errors.Join(err, bad))
		}
		for _, one := range run {
			healed = append(healed, one.path)
		}
		head, i = after, i+len(now)-1
	}
}

// follows tells whether the segment may come after a head, as far as is known.
func (s *segment) follows(head Head) bool { return s.damage != nil || head.begins(s.before) }

// refill makes the segments between a head and next anew from the bytes of another
// node, and gives the head after them.
func (l *Log) refill(ctx context.Context, run []*segment, after Head, next *segment, fetch Fetch) (now []*segment, head Head, err error) {
	if err := l.forgetCompacted(); err != nil { // the other node may have dropped less
		return nil, head, err
	}
	from, err := fetch(ctx, after, next.before.Position)
	if err != nil {
		return nil, head, err
	}
	defer from.Close()
	s := source{in: NewStream(from, after), head: after, until: next.before.Position}
	for number := run[0].number; number < next.number; number++ {
		seg, err := l.remake(&s, number, number == next.number-1, run)
		if err != nil {
			return nil, head, err
		}
		now = append(now, seg)
	}
	if !next.follows(s.head) {
		return nil, head, fmt.Errorf("the other node's log ends at position %d with digest %s, the next segment follows position %d with digest %s",
			s.head.Position, s.head.Digest, next.before.Position, next.before.Digest)
	}
	return now, s.head, l.exchange(run, now)
}

// remake makes the segment of a number from the source: in a form in which there is
// none, so that no reader takes one for the other.
func (l *Log) remake(s *source, number uint64, last bool, run []*segment) (*segment, error) {
	entry, err := s.peek()
	if err != nil {
		return nil, err
	}
	if entry == nil {
		return nil, fmt.Errorf("the other node's log ends at position %d, before segment number %d", s.head.Position, number)
	}
	before := s.head
	before.Position = entry[0].First - 1 // where a generation begins it is further
	path := segmentPath(l.dir, before.Position+1)
	if slices.ContainsFunc(run, func(seg *segment) bool { return seg.path == path }) {
		path = archivePath(l.dir, before.Position+1, 0)
	}
	header := encodeSegmentHeader(number, before)
	err = disk.WriteFile(l.fs, path, 0o600, func(w io.Writer) error {
		w = counted{w, &l.written}
		if strings.HasSuffix(path, archiveSuffix) {
			out := l.codec.NewWriter(w, header)
			if err := s.copy(out, last); err != nil {
				return err
			}
			return out.Close([2]uint64{})
		}
		out := bufio.NewWriterSize(w, chunk)
		if _, err := out.Write(header); err != nil {
			return err
		}
		if err := s.copy(out, last); err != nil {
			return err
		}
		return out.Flush()
	})
	if err != nil {
		return nil, named("heal", err)
	}
	return l.readBack(path, before.Position+1)
}

// readBack is the segment that was just written.
func (l *Log) readBack(path string, first uint64) (*segment, error) {
	seg, err := l.inspect(path)
	if err == nil && seg == nil {
		err = &CorruptError{File: path, Position: first, Reason: "what was just written cannot be read back"}
	}
	return seg, err
}

// source is another node's log after a head, up to a position.
type source struct {
	in    *Stream
	ahead []Batch // read and not taken
	head  Head    // after what was taken
	until uint64
}

// peek gives the next Raft entry; nil at the end.
func (s *source) peek() (entry []Batch, err error) {
	if s.ahead == nil && s.head.Position < s.until {
		s.ahead, err = s.in.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err == nil && s.ahead[0].First > s.until {
			s.ahead = nil // what follows begins a generation
			s.until = s.head.Position
		}
	}
	return s.ahead, err
}

// copy writes the frames of a segment, or of all that is left.
func (s *source) copy(out io.Writer, rest bool) error {
	var buf []byte
	for begun := false; ; begun = true {
		entry, err := s.peek()
		if err != nil || entry == nil || begun && !rest && s.in.Began() {
			return err
		}
		buf = buf[:0]
		for i := range entry {
			buf = appendFrame(buf, &entry[i], s.head.Digest, i < len(entry)-1)
			s.head = s.head.after(entry[i])
		}
		s.ahead = nil
		if _, err := out.Write(buf); err != nil {
			return err
		}
	}
}

// forgetCompacted makes the next compaction look at everything again.
func (l *Log) forgetCompacted() error {
	l.compacted.Store(0)
	if err := l.fs.Remove(filepath.Join(l.dir, compactedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return named("forget how far the event log is compacted", err)
	}
	return nil
}
