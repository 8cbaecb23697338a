package eventlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/picloud/picloud/runtime/disk"
)

// Fetch gives the bytes of another node's log (see RawReader) after a head of this
// one, up to a position or further.
type Fetch func(ctx context.Context, after Head, until uint64) (io.ReadCloser, error)

// Damaged gets a value when a reader meets damage; one that is not taken stands for
// all since.
func (l *Log) Damaged() <-chan struct{} { return l.damaged }

// told tells whoever heals of corruption.
func (l *Log) told(err error) error {
	if errors.Is(err, ErrCorrupt) {
		select {
		case l.damaged <- struct{}{}:
		default:
		}
	}
	return err
}

// Heal reads every sealed segment and puts what another node has in the place of
// those that are damaged, if it leads to where the next segment begins. It works
// beside the appender and readers, and gives the paths of what it replaced. Damage
// in the segment that is being written is an error: the log is opened anew with
// Config.Salvage.
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
		switch {
		case bad != nil && !errors.Is(bad, ErrCorrupt):
			return healed, bad
		case bad == nil && head.begins(seg.before) && next.follows(after):
			head = after
			continue
		}
		if head, err = l.refill(ctx, seg, head, next, fetch); err != nil {
			return healed, fmt.Errorf("%s is damaged and not healed: %w", seg.path, errors.Join(err, bad))
		}
		healed = append(healed, seg.path)
	}
}

// follows tells whether the segment may come after a head, as far as is known.
func (s *segment) follows(head Head) bool { return s.damaged || head.begins(s.before) }

// refill makes a segment anew from the bytes of another node, in the form in which
// the damaged one is not, so that no reader takes one for the other.
func (l *Log) refill(ctx context.Context, seg *segment, after Head, next *segment, fetch Fetch) (Head, error) {
	if err := l.forgetCompacted(); err != nil { // the other node may have dropped less
		return Head{}, err
	}
	from, err := fetch(ctx, after, next.before.Position)
	if err != nil {
		return Head{}, err
	}
	defer from.Close()
	before := after
	before.Position = seg.before.Position // where a generation begins it is further
	head, path := before, segmentPath(l.dir, seg.first())
	if strings.HasSuffix(seg.path, segmentSuffix) {
		path = archivePath(l.dir, seg.first(), 0)
	}
	err = disk.WriteFile(l.fs, path, 0o600, func(w io.Writer) error {
		w = counted{w, &l.written}
		if strings.HasSuffix(path, archiveSuffix) {
			out := l.codec.NewWriter(w, encodeSegmentHeader(seg.number, before))
			if head, err = copyEntries(out, NewStream(from, after), before, next); err != nil {
				return err
			}
			return out.Close([2]uint64{})
		}
		out := bufio.NewWriterSize(w, chunk)
		if _, err := out.Write(encodeSegmentHeader(seg.number, before)); err != nil {
			return err
		}
		if head, err = copyEntries(out, NewStream(from, after), before, next); err != nil {
			return err
		}
		return out.Flush()
	})
	if err != nil {
		return Head{}, named("heal", err)
	}
	now, err := l.inspect(path)
	if err != nil {
		return Head{}, err
	}
	if now == nil {
		return Head{}, &CorruptError{File: path, Position: seg.first(), Reason: "what was just written cannot be read back"}
	}
	return head, l.exchange(seg, now)
}

// copyEntries writes the frames of a stream up to where the next segment begins,
// and gives the head there.
func copyEntries(out io.Writer, in *Stream, head Head, next *segment) (Head, error) {
	var buf []byte
	for head.Position < next.before.Position {
		batches, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return head, err
		}
		if batches[0].First > next.before.Position {
			break // the next segment begins a generation
		}
		buf = buf[:0]
		for i := range batches {
			buf = appendFrame(buf, &batches[i], head.Digest, i < len(batches)-1)
			head = head.after(batches[i])
		}
		if _, err := out.Write(buf); err != nil {
			return head, err
		}
	}
	if !next.follows(head) {
		return head, fmt.Errorf("the other node's log ends at position %d with digest %s, the next segment follows position %d with digest %s",
			head.Position, head.Digest, next.before.Position, next.before.Digest)
	}
	return head, nil
}

// forgetCompacted makes the next compaction look at everything again.
func (l *Log) forgetCompacted() error {
	l.compacted.Store(0)
	if err := l.fs.Remove(filepath.Join(l.dir, compactedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return named("forget how far the event log is compacted", err)
	}
	return nil
}
