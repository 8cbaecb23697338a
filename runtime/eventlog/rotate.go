package eventlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/picloud/picloud/runtime/disk"
)

// GenerationBits says where positions of a generation begin: generation g has
// the positions after g·2^44. A cluster that was recovered or restored begins a
// new one, so that no position is ever used for two events.
const GenerationBits = 44

// Generation tells the generation of a position.
func Generation(position uint64) uint64 { return position >> GenerationBits }

// BeginGeneration makes the log go on at position g·2^44 + 1, in a segment of its
// own, durably; the chain, the Raft index and the time go on from where they are.
// It is for the log of a node that is stopped: whoever recovers or restores calls
// it before Raft starts again. g must be greater than the head's generation.
func (l *Log) BeginGeneration(g uint64) (Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, err := l.writable()
	switch {
	case err != nil:
		return v.head, err
	case g <= Generation(v.head.Position) || g >= 1<<(64-GenerationBits):
		return v.head, fmt.Errorf("eventlog: generation %d does not come after %d", g, Generation(v.head.Position))
	}
	if v, err = l.jump(v, g<<GenerationBits); err != nil {
		return v.head, err
	}
	return v.head, l.Sync()
}

// jump begins a segment whose positions follow start.
func (l *Log) jump(v *view, start uint64) (*view, error) {
	before := v.head
	before.Position = start
	return l.rotate(v, before)
}

// generation is where the generation starts that b, from another node, begins
// after head; 0 when b begins none.
func (b *Batch) generation(head Head) uint64 {
	start := b.First - 1
	if b.Digest == (Digest{}) || start <= head.Position || start&(1<<GenerationBits-1) != 0 {
		return 0
	}
	return start
}

// begins tells whether a segment that stands for before may follow where the log
// is at h: there, or at the start of a later generation.
func (h Head) begins(before Head) bool {
	if before.Position > h.Position && before.Position&(1<<GenerationBits-1) == 0 {
		h.Position = before.Position
	}
	return h == before
}

// rotate seals the active segment, durably, and begins the next after head. A
// segment without a batch is replaced: another node does not learn of it.
func (l *Log) rotate(v *view, head Head) (*view, error) {
	if err := l.Sync(); err != nil {
		return v, err
	}
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	sealed, number := v.active(), v.active().number
	empty := v.end == segmentHeader
	if !empty {
		number++
	}
	seg, file, err := l.create(number, head)
	if err != nil {
		return v, err
	}
	sealed.size, sealed.stored = v.end, v.end
	segments := v.segments[:len(v.segments):len(v.segments)]
	if empty {
		segments = segments[: len(segments)-1 : len(segments)-1]
	}
	now := &view{head: head, segments: append(segments, seg), file: file, end: segmentHeader, whole: segmentHeader}
	l.replace(v, now)
	err = v.file.Close()
	if empty && err == nil {
		err = l.fs.Remove(sealed.path)
	}
	if err != nil {
		l.failed = fmt.Errorf("close %s: %w", sealed.path, err)
		return now, l.failed
	}
	return now, nil
}

// create begins a segment after head. A failed attempt leaves no file behind.
func (l *Log) create(number uint64, head Head) (*segment, disk.File, error) {
	seg := &segment{path: segmentPath(l.dir, head.Position+1), number: number, before: head}
	file, err := l.fs.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, named("begin "+filepath.Base(seg.path), err)
	}
	n, err := file.WriteAt(encodeSegmentHeader(number, head), 0)
	l.written.Add(int64(n))
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = l.fs.SyncDir(l.dir)
	}
	if err != nil {
		err = named("begin "+filepath.Base(seg.path), err)
		return nil, nil, errors.Join(err, file.Close(), l.fs.Remove(seg.path))
	}
	return seg, file, nil
}
