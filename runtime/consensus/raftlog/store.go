package raftlog

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/disk"
)

// Config says where the log is and how it is kept.
type Config struct {
	// Dir holds the segments and must exist. One process at a time may use it.
	Dir string
	// SegmentBytes is the length over which a segment takes no further entries;
	// 0 means 16 MiB.
	SegmentBytes int64
	// RoomBytes is how much room a segment takes at a time, zeroed, so that most
	// writes change no metadata of the file; 0 means 1 MiB.
	RoomBytes int64
	// FS is the file system; nil means the operating system's.
	FS disk.FS
}

const (
	// writeBytes bounds what one write carries, unless one entry is longer.
	writeBytes = 64 << 20
	// reserve is room that entries leave, so that a full disk can still be told
	// what to forget.
	reserve = 4096
	// keepBuffer is how much memory stays for the next write.
	keepBuffer = 4 << 20
	// maxSegment keeps offsets within 32 bits.
	maxSegment = 1 << 30
)

// Store is a raft.LogStore and a raft.MonotonicLogStore. Any goroutine may call
// it.
type Store struct {
	cfg      Config
	recovery Recovery

	write  disk.Lock // one change at a time; taken before mu
	buf    []byte
	failed error
	marked bool // a bounds record is the last

	mu       sync.RWMutex // what readers see
	segments []*segment   // numbered without a gap; the last one is written
	live     bounds
	places   []place // of the entries live.first and on
	closed   bool
	// unsettled is what WriteLogs wrote, until its sync has ended; nil else.
	unsettled *unsettled
}

// place is where an entry is.
type place struct {
	segment uint32 // its number, modulo 2^32
	offset  uint32
	length  uint32 // of the payload
}

// Open opens the log in cfg.Dir, or begins one there, and cuts what a crash
// interrupted: see Recovered. What cannot be trusted is a *CorruptError.
func Open(cfg Config) (*Store, error) {
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = 16 << 20
	}
	if cfg.RoomBytes == 0 {
		cfg.RoomBytes = 1 << 20
	}
	if cfg.FS == nil {
		cfg.FS = disk.OS()
	}
	if cfg.SegmentBytes <= segmentHeader || cfg.SegmentBytes > maxSegment || cfg.RoomBytes < reserve || cfg.RoomBytes > maxSegment {
		return nil, fmt.Errorf("raftlog: SegmentBytes %d, RoomBytes %d: at most %d, and room of at least %d",
			cfg.SegmentBytes, cfg.RoomBytes, maxSegment, reserve)
	}
	s := &Store{cfg: cfg, write: disk.NewLock()}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	return s, nil
}

// IsMonotonic tells Raft that gaps are refused.
func (s *Store) IsMonotonic() bool { return true }

// FirstIndex is the first index that counts; 0 if none.
func (s *Store) FirstIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.live.empty() {
		return 0, s.stillOpen()
	}
	return s.live.first, s.stillOpen()
}

// LastIndex is the last index that counts; 0 if none.
func (s *Store) LastIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.live.empty() {
		return 0, s.stillOpen()
	}
	return s.live.next - 1, s.stillOpen()
}

// Bytes is what the entries from index on take.
func (s *Store) Bytes(index uint64) (n int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if index >= s.live.next {
		return 0
	}
	for _, p := range s.places[max(index, s.live.first)-s.live.first:] {
		n += recordSize(int(p.length))
	}
	return n
}

// Newest is how many of the newest entries take no more than so many bytes.
func (s *Store) Newest(bytes int64) (entries uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range slices.Backward(s.places) {
		if bytes -= recordSize(int(p.length)); bytes < 0 {
			break
		}
		entries++
	}
	return entries
}

// stillOpen is ErrClosed after Close.
func (s *Store) stillOpen() error {
	if s.closed {
		return ErrClosed
	}
	return nil
}

// Err is the failure after which the store refuses changes, or nil.
func (s *Store) Err() error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.failed
}

// GetLog reads the entry at index; raft.ErrLogNotFound if it does not count.
func (s *Store) GetLog(index uint64, log *raft.Log) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.stillOpen(); err != nil {
		return err
	}
	if !s.live.has(index) {
		return raft.ErrLogNotFound
	}
	p := s.places[index-s.live.first]
	seg, at := s.segment(p), int64(p.offset)
	buf := make([]byte, recordHeader+int(p.length))
	if _, err := seg.file.ReadAt(buf, at); err != nil {
		return fmt.Errorf("read entry %d from %s at byte %d: %w", index, seg.path, at, err)
	}
	h, err := decodeHeader(buf, seg.salt, at)
	if err == nil && (h.kind != kindEntry || h.a != index || h.length != p.length) {
		err = errOrder
	}
	if err == nil {
		err = h.entry(buf[recordHeader:], log)
	}
	if err != nil {
		return seg.corrupt(at, err)
	}
	return nil
}

// segment is the one that holds p.
func (s *Store) segment(p place) *segment {
	return s.segments[p.segment-uint32(s.segments[0].number)]
}

func (s *Store) active() *segment { return s.segments[len(s.segments)-1] }

// StoreLog is StoreLogs of one.
func (s *Store) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs appends entries, durably. They continue the log or begin an empty
// one at any index. On an error none count, and what of them a later Open still
// finds begins with the first.
func (s *Store) StoreLogs(logs []*raft.Log) error {
	s.write.Lock()
	defer s.write.Unlock()
	if len(logs) == 0 {
		return s.changeable()
	}
	last, err := s.writeLast(logs)
	if err != nil {
		return err
	}
	if err := s.sync(last.segment); err != nil {
		return err
	}
	s.publish(last, nil)
	return nil
}

// written is one write: entries and where they are.
type written struct {
	logs    []*raft.Log
	places  []place
	segment *segment
}

// writeLast writes entries, all but those of the last write durably.
func (s *Store) writeLast(logs []*raft.Log) (written, error) {
	if err := s.changeable(); err != nil {
		return written{}, err
	}
	if err := s.check(logs); err != nil {
		return written{}, err
	}
	for {
		n, size := 1, entrySize(logs[0])
		for n < len(logs) && size+entrySize(logs[n]) <= writeBytes {
			size += entrySize(logs[n])
			n++
		}
		w, err := s.append(logs[:n], size)
		if err != nil || n == len(logs) {
			return w, err
		}
		if err := s.sync(w.segment); err != nil {
			return written{}, err
		}
		s.publish(w, nil)
		logs = logs[n:]
	}
}

func (s *Store) changeable() error {
	if s.failed != nil {
		return fmt.Errorf("the store of Raft's log failed before: %w", s.failed)
	}
	return s.stillOpen()
}

func (s *Store) check(logs []*raft.Log) error {
	next := s.live.next
	for i, l := range logs {
		switch {
		case l.Index == 0 || l.Index != next && (i > 0 || !s.live.empty()):
			return fmt.Errorf("raftlog: entry %d does not continue the log, which goes on with %d", l.Index, next)
		case len(l.Data) > MaxEntry || len(l.Extensions) > MaxEntry-len(l.Data):
			return fmt.Errorf("raftlog: entry %d has %d bytes, the limit is %d", l.Index, len(l.Data)+len(l.Extensions), MaxEntry)
		}
		next = l.Index + 1
	}
	return nil
}

// append is one write of entries that take size bytes.
func (s *Store) append(logs []*raft.Log, size int64) (written, error) {
	seg := s.active()
	if seg.end+size > s.cfg.SegmentBytes && seg.end > segmentHeader {
		var err error
		if seg, err = s.rotate(); err != nil {
			return written{}, err
		}
	}
	if err := seg.take(seg.end+size+reserve, s.cfg.RoomBytes); err != nil {
		return written{}, err
	}
	begin := seg.end
	buf, places := s.buffer(), make([]place, len(logs))
	for i, l := range logs {
		at := begin + int64(len(buf))
		places[i] = place{uint32(seg.number), uint32(at), uint32(len(l.Data) + len(l.Extensions))}
		buf = appendEntry(buf, seg.salt, at, begin, l)
	}
	return written{logs, places, seg}, s.put(seg, buf)
}

// publish lets readers see what was written, and which of it is not durable yet.
func (s *Store) publish(w written, u *unsettled) {
	s.marked = false
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live.empty() {
		s.live.first = w.logs[0].Index
	}
	s.live.next = w.logs[len(w.logs)-1].Index + 1
	s.places = append(s.places, w.places...)
	s.unsettled = u
}

func (s *Store) buffer() []byte {
	if cap(s.buf) > keepBuffer {
		s.buf = nil // one large write does not keep its memory
	}
	return s.buf[:0]
}

// put writes records at the end of seg.
func (s *Store) put(seg *segment, records []byte) error {
	s.buf = records
	if _, err := seg.file.WriteAt(records, seg.end); err != nil {
		return s.fail(seg, err)
	}
	seg.end += int64(len(records))
	return nil
}

// sync makes what was written to seg durable.
func (s *Store) sync(seg *segment) error {
	if err := seg.file.Sync(); err != nil {
		return s.fail(seg, err)
	}
	return nil
}

// fail ends all changes: a page that failed to be written may pass for clean.
func (s *Store) fail(seg *segment, err error) error {
	s.failed = fmt.Errorf("write %s at byte %d: %w", seg.path, seg.end, err)
	return s.failed
}

// DeleteRange takes the entries from min to max away, durably: those at the
// head, those at the tail, or all. What would leave a gap is refused.
func (s *Store) DeleteRange(min, max uint64) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.changeable(); err != nil {
		return err
	}
	rest := s.live
	switch {
	case s.live.empty() || min > max || max < rest.first || min >= rest.next:
		return nil
	case min <= rest.first && max >= rest.next-1:
		rest.first = rest.next
	case min <= rest.first:
		rest.first = max + 1
	case max >= rest.next-1:
		rest.next = min
	default:
		return fmt.Errorf("raftlog: to delete %d to %d of %d to %d would leave a gap", min, max, rest.first, rest.next-1)
	}
	if err := s.bound(rest); err != nil {
		return err
	}
	return s.removeOld()
}

// bound writes a record that says what counts from now on.
func (s *Store) bound(rest bounds) error {
	seg := s.active()
	if err := seg.take(seg.end+recordHeader, s.cfg.RoomBytes); err != nil {
		return err
	}
	if err := s.put(seg, appendBounds(s.buffer(), seg.salt, seg.end, rest)); err != nil {
		return err
	}
	if err := s.sync(seg); err != nil {
		return err
	}
	s.marked = true
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.places[rest.first-s.live.first : rest.next-s.live.first]
	if rest.first != s.live.first {
		kept = append([]place(nil), kept...) // what is gone keeps no memory
	}
	s.places, s.live = kept, rest
	return nil
}

// removeOld removes the segments that hold no entry that counts. A crash may
// leave any of them: Open removes those.
func (s *Store) removeOld() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	needed := s.active().number
	if len(s.places) > 0 {
		needed = s.segment(s.places[0]).number
	}
	for s.segments[0].number < needed {
		old := s.segments[0]
		if err := s.cfg.FS.Remove(old.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a segment of Raft's log: %w", err)
		}
		s.segments = s.segments[1:]
		if err := old.file.Close(); err != nil {
			return fmt.Errorf("close a removed segment of Raft's log: %w", err)
		}
	}
	return nil
}

// rotate begins the next segment.
func (s *Store) rotate() (*segment, error) {
	seg, err := s.create(s.active().number+1, s.live)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = append(s.segments, seg)
	return seg, nil
}

// create makes a segment, durably. A failed attempt leaves nothing behind, or
// the store has failed: a segment that came back would contradict its
// predecessor.
func (s *Store) create(number uint64, before bounds) (*segment, error) {
	seg := &segment{path: segmentPath(s.cfg.Dir, number), number: number, before: before, end: segmentHeader}
	if _, err := rand.Read(seg.salt[:]); err != nil {
		return nil, fmt.Errorf("salt for %s: %w", seg.path, err)
	}
	file, err := s.cfg.FS.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin a segment of Raft's log: %w", err)
	}
	seg.file = file
	err = seg.take(segmentHeader+reserve, s.cfg.RoomBytes)
	if err == nil {
		_, err = file.WriteAt(seg.encodeHeader(), 0)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = s.cfg.FS.SyncDir(s.cfg.Dir)
	}
	if err == nil {
		return seg, nil
	}
	undo := errors.Join(file.Close(), s.cfg.FS.Remove(seg.path), s.cfg.FS.SyncDir(s.cfg.Dir))
	err = fmt.Errorf("begin %s: %w", seg.path, errors.Join(err, undo))
	if undo != nil {
		s.failed = err
	}
	return nil, err
}

// Close writes, if need be, a last record that proves all before it, and closes
// the files.
func (s *Store) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	var err error
	if s.stillOpen() == nil && s.failed == nil && !s.marked {
		err = s.bound(s.live)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(err, s.closeFiles())
}

func (s *Store) closeFiles() (err error) {
	for _, seg := range s.segments {
		err = errors.Join(err, seg.file.Close())
	}
	return err
}
