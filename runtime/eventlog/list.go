package eventlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog/archive"
)

// list finds every segment. torn is the path of a newest segment that has no good
// header. An older one without, or that is missing, is known by its place among the
// others and named when it is read: it can be healed while the log is open.
func (l *Log) list() (segments []*segment, torn string, err error) {
	names, err := l.fs.ReadDir(l.dir)
	if err != nil {
		return nil, "", named("list the event log", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, segmentPrefix) && strings.HasSuffix(name, archiveSuffix+disk.Partial) {
			if err := l.fs.Remove(filepath.Join(l.dir, name)); err != nil {
				return nil, "", named("remove what a crash left", err)
			}
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !isSegment(name) })
	for len(names) > 0 {
		forms := 1
		for forms < len(names) && firstOf(names[forms]) == firstOf(names[0]) {
			forms++
		}
		seg, err := l.choose(names[:forms])
		if err != nil {
			return nil, "", err
		}
		path := filepath.Join(l.dir, names[forms-1])
		names = names[forms:]
		switch {
		case seg == nil && len(names) == 0:
			return segments, path, nil
		case seg == nil:
			seg = unknown(segments, path)
		}
		if segments, err = l.add(segments, seg); err != nil {
			return nil, "", err
		}
	}
	return segments, "", nil
}

// choose opens the form of a segment that counts, the one that was made last, and
// removes the others: a crash came between the making and the removal. nil if
// none has a good header.
func (l *Log) choose(names []string) (best *segment, err error) {
	for _, name := range names {
		seg, err := l.inspect(filepath.Join(l.dir, name))
		if err != nil {
			return nil, err
		}
		if seg != nil && (best == nil || seg.archive != nil && seg.compacted() >= best.compacted()) {
			best = seg
		}
	}
	for _, name := range names {
		if path := filepath.Join(l.dir, name); best != nil && path != best.path {
			if err := l.fs.Remove(path); err != nil {
				return nil, named("remove another form of a segment", err)
			}
		}
	}
	return best, nil
}

// unknown stands for a segment whose header is damaged.
func unknown(segments []*segment, path string) *segment {
	seg := &segment{path: path, number: 1, damage: errHeaderBad}
	if n := len(segments); n > 0 {
		seg.number = segments[n-1].number + 1
	}
	if first := firstOf(filepath.Base(path)); first > 0 {
		seg.before.Position = first - 1
	}
	return seg
}

// add puts a segment behind the others.
func (l *Log) add(segments []*segment, seg *segment) ([]*segment, error) {
	if n := len(segments); n > 0 && segments[n-1].number == seg.number && segments[n-1].size == segmentHeader {
		// A generation began without a batch in the one before: see rotate.
		if err := l.fs.Remove(segments[n-1].path); err != nil {
			return nil, named("remove an empty segment", err)
		}
		segments = segments[:n-1]
	}
	want := uint64(1)
	if n := len(segments); n > 0 {
		want = segments[n-1].number + 1
	}
	switch name := filepath.Base(seg.path); {
	case firstOf(name) != seg.first():
		return nil, &CorruptError{File: seg.path, Position: seg.first(), Reason: fmt.Sprintf("the segment begins at position %d, its name says another", seg.first())}
	case seg.number < want:
		return nil, &CorruptError{File: seg.path, Position: seg.first(), Reason: fmt.Sprintf("this is segment number %d where number %d belongs", seg.number, want)}
	case seg.number > want:
		segments = append(segments, l.missing(segments, want, seg))
	}
	return append(segments, seg), nil
}

// missing stands for all segments from a number on that are missing before next.
// Where they begin the one before them tells; if it is damaged too, they stand at the
// last position that is surely theirs.
func (l *Log) missing(segments []*segment, number uint64, next *segment) *segment {
	before := Head{Position: next.before.Position - 1}
	if n := len(segments); n == 0 {
		before = Beginning()
	} else if end, _, _, err := l.replay(segments[n-1]); err == nil && segments[n-1].damage == nil {
		before.Position = end.Position
	}
	return &segment{path: segmentPath(l.dir, before.Position+1), number: number, before: before, damage: errMissing}
}

// inspect reads the header of a segment; nil if it has no good one.
func (l *Log) inspect(path string) (*segment, error) {
	f, err := l.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, named("open the event log", err)
	}
	seg, err := l.inspectFile(f, path)
	if err = closing(f, err); err != nil {
		return nil, fmt.Errorf("open the event log %s: %w", path, err)
	}
	return seg, nil
}

func (l *Log) inspectFile(f disk.File, path string) (seg *segment, err error) {
	seg = &segment{path: path}
	if seg.stored, err = f.Size(); err != nil {
		return nil, err
	}
	seg.size = seg.stored
	if strings.HasSuffix(path, archiveSuffix) {
		seg.archive, err = l.codec.Open(f)
		if errors.Is(err, archive.ErrDamaged) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		seg.size = seg.archive.Size
	}
	h := make([]byte, segmentHeader)
	if _, err := f.ReadAt(h, 0); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var ok bool
	if seg.number, seg.before, ok = decodeSegmentHeader(h); !ok {
		return nil, nil
	}
	return seg, nil
}
