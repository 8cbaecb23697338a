package eventlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/runtime/disk"
)

// Config says where a log is and how it is kept.
type Config struct {
	// Dir holds the segments and nothing else of importance; it is made if
	// missing. One process at a time may use it (see datadir).
	Dir string
	// SegmentBytes is the length at which a segment is sealed; 0 means 64 MiB.
	// It is part of the format: nodes of one cluster use the same.
	SegmentBytes int64
	// FS is the file system; nil means the operating system's.
	FS disk.FS
}

// DefaultSegmentBytes is the size of a segment unless told otherwise.
const DefaultSegmentBytes = 64 << 20

// Log is an open event log. One goroutine at a time may append; any number may
// read, sync and verify meanwhile.
type Log struct {
	dir      string
	limit    int64
	fs       disk.FS
	recovery Recovery

	view atomic.Pointer[view]

	mu     disk.Lock // append, rotate, close
	buf    []byte
	failed error

	syncMu   disk.Lock // sync, rotate, close; taken after mu
	markFile disk.File
	mark     mark
	syncErr  error
}

// view is what readers see: replaced whole by each append.
type view struct {
	head     Head
	segments []*segment // the last one is being written
	file     disk.File  // of the last segment
	end      int64      // bytes of the last segment that count
	closed   bool
	changed  chan struct{} // closed when a newer view stands
}

func (v *view) active() *segment { return v.segments[len(v.segments)-1] }

// Open opens the log in cfg.Dir, or begins one there, and recovers from a
// crash: see Recovered. What cannot be recovered is a *CorruptError.
func Open(cfg Config) (*Log, error) {
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = DefaultSegmentBytes
	}
	if cfg.FS == nil {
		cfg.FS = disk.OS()
	}
	if cfg.SegmentBytes <= segmentHeader {
		return nil, fmt.Errorf("eventlog: SegmentBytes %d is not over %d", cfg.SegmentBytes, segmentHeader)
	}
	if err := cfg.FS.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, named("open the event log", err)
	}
	l := &Log{dir: cfg.Dir, limit: cfg.SegmentBytes, fs: cfg.FS, mu: disk.NewLock(), syncMu: disk.NewLock()}
	if err := l.open(); err != nil {
		if l.markFile != nil {
			err = errors.Join(err, l.markFile.Close())
		}
		return nil, err
	}
	return l, nil
}

// Head is where the log ends.
func (l *Log) Head() Head { return l.view.Load().head }

// Changed gives the head and a channel that is closed when the log has grown
// beyond it or was closed.
func (l *Log) Changed() (Head, <-chan struct{}) {
	v := l.view.Load()
	return v.head, v.changed
}

// Recovered tells what Open had to cut.
func (l *Log) Recovered() Recovery { return l.recovery }

// Append adds the batches that the Raft entry at index brought, all or none,
// and sets First, Index and Digest in them. It does not sync.
//
// The index must be greater than the head's, times must not go backwards. With
// ErrFull nothing changed; after any other error of the file the log refuses
// further appends, because what the file holds is no longer known.
func (l *Log) Append(index uint64, batches []Batch) (Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.view.Load()
	switch {
	case v.closed:
		return v.head, ErrClosed
	case l.failed != nil:
		return v.head, l.failed
	case len(batches) == 0:
		return v.head, nil
	case index <= v.head.Index:
		return v.head, fmt.Errorf("eventlog: Raft index %d is not after %d", index, v.head.Index)
	}
	head, err := l.encode(v.head, index, batches)
	if err != nil {
		return v.head, err
	}
	if v.end+int64(len(l.buf)) > l.limit && v.end > segmentHeader {
		if v, err = l.rotate(v); err != nil {
			return v.head, err
		}
	}
	if err := l.write(v); err != nil {
		return v.head, err
	}
	l.publish(v, head, batches)
	return head, nil
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
		switch {
		case b.Count == 0:
			return head, fmt.Errorf("eventlog: batch %d of Raft entry %d has no events", i, index)
		case len(b.Payload) > MaxPayload:
			return head, fmt.Errorf("eventlog: batch %d of Raft entry %d has %d bytes, the limit is %d", i, index, len(b.Payload), MaxPayload)
		case b.Time.Before(head.Time):
			return head, fmt.Errorf("eventlog: batch %d of Raft entry %d is of %s, before the log's %s", i, index, stamp(b.Time), stamp(head.Time))
		}
		b.First, b.Index = head.Position+1, index
		l.buf = appendFrame(l.buf, b, head.Digest, i < len(batches)-1)
		head = head.after(*b)
	}
	return head, nil
}

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

// write puts l.buf at the end of the active segment, or leaves it as it was.
func (l *Log) write(v *view) error {
	_, err := v.file.WriteAt(l.buf, v.end)
	if err == nil {
		return nil
	}
	err = named("append to "+v.active().path, err)
	if cut := v.file.Truncate(v.end); cut != nil || !errors.Is(err, ErrFull) {
		l.failed = errors.Join(err, cut)
		return l.failed
	}
	return err
}

// publish shows the appended batches to readers.
func (l *Log) publish(v *view, head Head, batches []Batch) {
	at := v.end
	for i := range batches {
		v.active().note(batches[i].First, at)
		at += frameHeader + int64(len(batches[i].Payload))
	}
	l.replace(v, &view{head: head, segments: v.segments, file: v.file, end: at})
}

func (l *Log) replace(old, now *view) {
	now.changed = make(chan struct{})
	l.view.Store(now)
	close(old.changed)
}

// rotate seals the active segment, durably, and begins the next.
func (l *Log) rotate(v *view) (*view, error) {
	if err := l.Sync(); err != nil {
		return v, err
	}
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	sealed := v.active()
	seg, file, err := l.create(sealed.number+1, v.head)
	if err != nil {
		return v, err
	}
	sealed.size = v.end
	segments := append(v.segments[:len(v.segments):len(v.segments)], seg)
	now := &view{head: v.head, segments: segments, file: file, end: segmentHeader}
	l.replace(v, now)
	if err := v.file.Close(); err != nil {
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
	_, err = file.WriteAt(encodeSegmentHeader(number, head), 0)
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

// Sync makes everything appended before the call durable. Once the sync of a
// segment failed it fails for ever: such a file may have lost pages silently.
func (l *Log) Sync() error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	v := l.view.Load()
	switch {
	case l.syncErr != nil:
		return l.syncErr
	case v.closed:
		return ErrClosed
	case v.head.Position == l.mark.position:
		return nil
	}
	if err := v.file.Sync(); err != nil {
		l.syncErr = fmt.Errorf("sync %s: %w", v.active().path, err)
		return l.syncErr
	}
	m := mark{l.mark.sequence + 1, v.active().first(), v.end, v.head.Position}
	if err := writeMark(l.markFile, m); err != nil {
		return named("note what is durable", err) // the older mark still stands
	}
	l.mark = m
	return nil
}

// Close syncs and closes the log. Readers that wait are told ErrClosed.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.view.Load()
	if v.closed {
		return nil
	}
	err := l.Sync()
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.replace(v, &view{head: v.head, segments: v.segments, end: v.end, closed: true})
	return errors.Join(err, v.file.Close(), l.markFile.Close())
}
