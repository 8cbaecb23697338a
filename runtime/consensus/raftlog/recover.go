package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/raft"
)

// Recovery tells what Open found behind the last whole record and cut away. The
// zero value: nothing was cut.
type Recovery struct {
	File   string // the segment that was cut
	Offset int64  // where
	Bytes  int64  // how many bytes may have held something
	Reason string // why they are no record
}

// Cut tells whether anything was cut.
func (r Recovery) Cut() bool { return r.File != "" }

// Recovered tells what Open had to cut.
func (s *Store) Recovered() Recovery { return s.recovery }

// open reads all that is there, and makes durable what it found: a record may
// be in the operating system's cache only.
func (s *Store) open() error {
	numbers, err := s.list()
	if err != nil {
		return err
	}
	if numbers, err = s.dropUnbegun(numbers); err != nil {
		return err
	}
	run := latestRun(numbers)
	for _, number := range run {
		if err := s.load(number, number == run[len(run)-1]); err != nil {
			return err
		}
	}
	if err := s.complete(); err != nil {
		return err
	}
	for _, number := range numbers[:len(numbers)-len(run)] {
		if err := s.cfg.FS.Remove(segmentPath(s.cfg.Dir, number)); err != nil {
			return fmt.Errorf("remove a segment of Raft's log: %w", err)
		}
	}
	if len(run) == 0 {
		seg, err := s.create(1, bounds{})
		if err != nil {
			return err
		}
		s.segments = append(s.segments, seg)
		return nil
	}
	if err := s.active().file.Sync(); err != nil {
		return fmt.Errorf("open Raft's log %s: %w", s.active().path, err)
	}
	if err := s.cfg.FS.SyncDir(s.cfg.Dir); err != nil {
		return fmt.Errorf("open Raft's log: %w", err)
	}
	return s.removeOld()
}

// list gives the numbers of the segments, in order.
func (s *Store) list() (numbers []uint64, err error) {
	names, err := s.cfg.FS.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open Raft's log: %w", err)
	}
	for _, name := range names {
		if n := segmentNumber(name); n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// latestRun is the end of numbers without a gap. What is before a gap was to be
// removed (complete finds out if not).
func latestRun(numbers []uint64) []uint64 {
	i := max(len(numbers)-1, 0)
	for i > 0 && numbers[i-1]+1 == numbers[i] {
		i--
	}
	return numbers[i:]
}

// dropUnbegun removes a newest segment whose header a crash interrupted.
func (s *Store) dropUnbegun(numbers []uint64) ([]uint64, error) {
	if len(numbers) == 0 {
		return numbers, nil
	}
	last := len(numbers) - 1
	seg, begun, err := s.openSegment(numbers[last])
	if err != nil {
		return nil, err
	}
	var empty bool
	if !begun {
		empty, err = seg.zeroFrom(segmentHeader)
	}
	if err = errors.Join(err, seg.file.Close()); err != nil || begun {
		return numbers, err
	}
	if !empty {
		return nil, seg.corrupt(0, errSegment)
	}
	if err := s.cfg.FS.Remove(seg.path); err != nil {
		return nil, fmt.Errorf("remove a segment of Raft's log that was never begun: %w", err)
	}
	if err := s.cfg.FS.SyncDir(s.cfg.Dir); err != nil {
		return nil, fmt.Errorf("open Raft's log: %w", err)
	}
	s.recovery = Recovery{File: seg.path, Bytes: seg.room, Reason: errSegment.Error()}
	return numbers[:last], nil
}

var errSegment = errors.New("the header of the segment is damaged")

// openSegment reads the header; begun is false if there is no good one.
func (s *Store) openSegment(number uint64) (seg *segment, begun bool, err error) {
	seg = &segment{path: segmentPath(s.cfg.Dir, number), number: number}
	seg.file, err = s.cfg.FS.OpenFile(seg.path, os.O_RDWR, 0)
	if err != nil {
		return nil, false, fmt.Errorf("open Raft's log: %w", err)
	}
	seg.room, err = seg.file.Size()
	h := make([]byte, segmentHeader)
	if err == nil {
		_, err = seg.file.ReadAt(h, 0)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, errors.Join(fmt.Errorf("open Raft's log %s: %w", seg.path, err), seg.file.Close())
	}
	return seg, seg.decodeHeader(h), nil
}

// load adds a segment and what its records say.
func (s *Store) load(number uint64, newest bool) error {
	seg, begun, err := s.openSegment(number)
	if err != nil {
		return err
	}
	first := len(s.segments) == 0
	s.segments = append(s.segments, seg)
	switch {
	case !begun:
		return seg.corrupt(0, errSegment)
	case first:
		s.live = seg.before
	case seg.before != s.live:
		prior := s.segments[len(s.segments)-2]
		return prior.corrupt(prior.end, fmt.Errorf("its records leave the entries from %d to before %d, %s begins with %d to before %d",
			s.live.first, s.live.next, filepath.Base(seg.path), seg.before.first, seg.before.next))
	}
	reason, err := s.replay(seg)
	if err != nil || !newest {
		return err
	}
	return s.cut(seg, reason)
}

// replay takes in the records of seg up to the first bytes that are none, and
// says why they are none. An error is of the file system.
func (s *Store) replay(seg *segment) (reason, err error) {
	in := window{file: seg.file, size: seg.room}
	seg.end = segmentHeader
	for group := int64(0); ; {
		p, err := in.at(seg.end, recordHeader)
		if err != nil || p == nil {
			return errEnd, err
		}
		h, bad := decodeHeader(p, seg.salt, seg.end)
		if bad != nil {
			return bad, nil
		}
		if int64(h.group) != seg.end && int64(h.group) != group {
			return errGroup, nil
		}
		payload, err := in.at(seg.end+recordHeader, int(h.length))
		if err != nil {
			return nil, err
		}
		if payload == nil {
			return errShort, nil
		}
		if bad := s.replayRecord(seg, h, payload); bad != nil {
			return bad, nil
		}
		group = int64(h.group)
		seg.end += h.size()
	}
}

// replayRecord takes in one record. Entries before the oldest segment have no
// place.
func (s *Store) replayRecord(seg *segment, h header, payload []byte) error {
	if h.kind == kindBounds {
		return s.replayBounds(bounds{h.a, h.b})
	}
	var l raft.Log
	if err := h.entry(payload, &l); err != nil {
		return err
	}
	if l.Index == 0 || l.Index+1 == 0 || l.Index != s.live.next && !s.live.empty() {
		return errOrder
	}
	if s.live.empty() {
		s.live.first = l.Index
	}
	s.live.next = l.Index + 1
	s.places = append(s.places, place{uint32(seg.number), uint32(seg.end), h.length})
	s.marked = false
	return nil
}

// replayBounds takes in what counts from now on. The places are those of the
// last entries: of the first ones there may be none.
func (s *Store) replayBounds(b bounds) error {
	if b.first > b.next || !b.empty() && (b.first < s.live.first || b.next > s.live.next) {
		return errBounds
	}
	s.marked = true
	if b.empty() {
		s.live, s.places = b, nil
		return nil
	}
	known := uint64(len(s.places))
	known -= min(known, s.live.next-b.next)
	s.places = s.places[:known]
	if over := known - min(known, b.next-b.first); over > 0 {
		s.places = slices.Clone(s.places[over:])
	}
	s.live = b
	return nil
}

// complete checks that every entry that counts was found.
func (s *Store) complete() error {
	if missing := s.live.next - s.live.first - uint64(len(s.places)); missing > 0 {
		oldest := s.segments[0]
		return &CorruptError{File: segmentPath(s.cfg.Dir, oldest.number-1),
			Reason: fmt.Sprintf("the segment is missing; it held the entries %d to %d", s.live.first, s.live.first+missing-1)}
	}
	return nil
}

// cut ends the newest segment where its records end, unless a record behind
// proves that what is there was durable once.
func (s *Store) cut(seg *segment, reason error) error {
	in := window{file: seg.file, size: seg.room}
	last := int64(0) // end of the last bytes that are not zero
	for at := seg.end; at < seg.room; at += recordAlign {
		p, err := in.at(at, int(min(recordHeader, seg.room-at)))
		if err != nil {
			return err
		}
		if nonZero(p[:min(recordAlign, len(p))]) == 0 {
			continue
		}
		last = min(at+recordAlign, seg.room)
		if len(p) < recordHeader {
			continue
		}
		if h, err := decodeHeader(p, seg.salt, at); err == nil && int64(h.group) > seg.end {
			return seg.corrupt(seg.end, fmt.Errorf("%w, though the write at byte %d began after it was durable", reason, h.group))
		}
	}
	if last == 0 {
		return nil
	}
	s.recovery = Recovery{File: seg.path, Offset: seg.end, Bytes: last - seg.end, Reason: reason.Error()}
	if err := seg.file.Truncate(seg.end); err != nil {
		return fmt.Errorf("cut %s: %w", seg.path, err)
	}
	seg.room = seg.end
	return nil
}

// zeroFrom tells whether the file holds nothing but zeros from at on.
func (seg *segment) zeroFrom(at int64) (bool, error) {
	in := window{file: seg.file, size: seg.room}
	for ; at < seg.room; at += recordAlign {
		p, err := in.at(at, int(min(recordAlign, seg.room-at)))
		if err != nil {
			return false, err
		}
		if nonZero(p) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// nonZero counts p's bytes without the zeros at its end.
func nonZero(p []byte) int { return len(bytes.TrimRight(p, "\x00")) }

// window reads a file forward through one buffer.
type window struct {
	file io.ReaderAt
	size int64
	buf  []byte
	from int64
}

const windowBytes = 1 << 20

// at gives n bytes at offset at, which are good until the next call; nil if the
// file is shorter.
func (w *window) at(at int64, n int) ([]byte, error) {
	if at+int64(n) > w.size {
		return nil, nil
	}
	if at < w.from || at+int64(n) > w.from+int64(len(w.buf)) {
		want := int(min(max(int64(n), windowBytes), w.size-at))
		w.buf = slices.Grow(w.buf[:0], want)[:want]
		w.from = at
		if _, err := w.file.ReadAt(w.buf, at); err != nil {
			w.buf = nil
			return nil, fmt.Errorf("read Raft's log: %w", err)
		}
	}
	return w.buf[at-w.from:][:n:n], nil
}
