package eventlog

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog/archive"
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
	codec    *archive.Codec
	recovery Recovery

	view atomic.Pointer[view]

	mu     disk.Lock // append, rotate, close
	buf    []byte
	failed error

	syncMu   disk.Lock // sync, rotate, close; taken after mu
	markFile disk.File
	mark     mark
	syncErr  error

	rewriting disk.Lock // archive, compact, heal; taken before mu
	compacted atomic.Uint64
	written   atomic.Int64
	flow      Flow
	damaged   chan struct{}
}

// view is what readers see: replaced whole by each append.
type view struct {
	head     Head
	segments []*segment // the last one is being written
	file     disk.File  // of the last segment
	end      int64      // bytes of the last segment that count
	whole    int64      // what they would be if nothing had been dropped
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
	codec, err := archive.NewCodec()
	if err != nil {
		return nil, fmt.Errorf("eventlog: %w", err)
	}
	l := &Log{dir: cfg.Dir, limit: cfg.SegmentBytes, fs: cfg.FS, codec: codec, mu: disk.NewLock(), syncMu: disk.NewLock(), rewriting: disk.NewLock(), damaged: make(chan struct{}, 1)}
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

// Failed is the fault after which the log takes nothing more before it is opened
// again; nil if there is none.
func (l *Log) Failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	return errors.Join(l.failed, l.syncErr)
}

// Recovered tells what Open had to cut.
func (l *Log) Recovered() Recovery { return l.recovery }

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
	l.written.Add(markSlot)
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
	l.replace(v, &view{head: v.head, segments: v.segments, end: v.end, whole: v.whole, closed: true})
	return errors.Join(err, v.file.Close(), l.markFile.Close())
}
