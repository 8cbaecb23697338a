package eventlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog/archive"
)

// A segment file begins with a header that repeats where the log stood, so that
// the newest segment alone tells the head and a missing one is noticed:
//
//	 0 [8] "pcevlog1"
//	 8 u64 number of the segment, from 1
//	16 u64 position of the first event
//	24 u64 Raft index before it
//	32 i64 log time before it, Unix nanoseconds
//	40 [32] chain digest before it
//	72 u32 CRC-32C of the bytes before
//	76 u32 zero
const (
	segmentMagic  = "pcevlog1"
	segmentHeader = 80
	segmentPrefix = "events-"
	segmentSuffix = ".seg"
	archiveSuffix = ".arc"
	positionWidth = 20 // digits hold any position, so names sort as positions do
)

// indexStride is how many bytes of a segment one entry of its sparse index
// covers: at most 1,024 entries for a segment of 64 MiB.
const indexStride = 64 << 10

// segment is one file. All but the index is fixed once it is known: another form
// of it (see rewrite) is another segment.
type segment struct {
	path   string
	number uint64
	before Head  // where the log stood when it began
	size   int64 // bytes of header and frames

	archive *archive.Archive // how it is stored; nil: as it is
	stored  int64            // bytes of the file; set once it is sealed
	damage  error            // why nothing but its place is known; nil: it is

	mu      sync.Mutex
	indexed bool
	index   []place
}

// place says at which offset the frame of the batch beginning at a position is.
type place struct {
	first  uint64
	offset int64
}

func (s *segment) first() uint64 { return s.before.Position + 1 }

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s%0*d%s", segmentPrefix, positionWidth, first, segmentSuffix))
}

// archivePath is the path of a segment in compressed form. Each compaction gives
// another, so that a reader of the former form is not misled.
func archivePath(dir string, first, compacted uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s%0*d-%0*d%s", segmentPrefix, positionWidth, first, positionWidth, compacted, archiveSuffix))
}

func isSegment(name string) bool {
	return strings.HasPrefix(name, segmentPrefix) && (strings.HasSuffix(name, segmentSuffix) || strings.HasSuffix(name, archiveSuffix))
}

// firstOf is the position that a segment's name says; 0 if it says none.
func firstOf(name string) uint64 {
	digits := strings.TrimPrefix(name, segmentPrefix)
	first, _ := strconv.ParseUint(digits[:min(positionWidth, len(digits))], 10, 64)
	return first
}

// compacted is the position up to which newer events were looked at when this form
// was made; 0: never.
func (s *segment) compacted() uint64 {
	if s.archive == nil {
		return 0
	}
	return s.archive.Notes[0]
}

// droppable is how many batches may be dropped by a later compaction; unknown
// where none was.
func (s *segment) droppable() uint64 {
	if s.compacted() == 0 {
		return ^uint64(0)
	}
	return s.archive.Notes[1]
}

func encodeSegmentHeader(number uint64, before Head) []byte {
	h := make([]byte, segmentHeader)
	le := binary.LittleEndian
	copy(h, segmentMagic)
	le.PutUint64(h[8:], number)
	le.PutUint64(h[16:], before.Position+1)
	le.PutUint64(h[24:], before.Index)
	le.PutUint64(h[32:], uint64(before.Time.UnixNano()))
	copy(h[40:], before.Digest[:])
	le.PutUint32(h[72:], crc32.Checksum(h[:72], castagnoli))
	return h
}

func decodeSegmentHeader(h []byte) (number uint64, before Head, ok bool) {
	le := binary.LittleEndian
	if string(h[:8]) != segmentMagic || crc32.Checksum(h[:72], castagnoli) != le.Uint32(h[72:]) || le.Uint64(h[16:]) == 0 {
		return 0, Head{}, false
	}
	return le.Uint64(h[8:]), Head{
		Position: le.Uint64(h[16:]) - 1,
		Index:    le.Uint64(h[24:]),
		Time:     time.Unix(0, int64(le.Uint64(h[32:]))).UTC(),
		Digest:   Digest(h[40:72]),
	}, true
}

// note adds a frame to the sparse index of the segment being written.
func (s *segment) note(first uint64, offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.indexed = true
	if n := len(s.index); n == 0 || offset-s.index[n-1].offset >= indexStride {
		s.index = append(s.index, place{first, offset})
	}
}

// find gives the offset of a frame at or before position's.
func (s *segment) find(position uint64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, exact := slices.BinarySearchFunc(s.index, position, func(p place, at uint64) int {
		switch {
		case p.first < at:
			return -1
		case p.first > at:
			return 1
		}
		return 0
	})
	switch {
	case exact:
		return s.index[i].offset
	case i == 0:
		return segmentHeader
	}
	return s.index[i-1].offset
}

// build fills the index of a segment that an earlier process sealed.
func (s *segment) build(fs disk.FS) error {
	s.mu.Lock()
	done := s.indexed
	s.mu.Unlock()
	if done {
		return nil
	}
	var index []place
	sc := newScanner(fs, s, segmentHeader, s.size)
	for {
		at := sc.offset
		f, err := sc.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if n := len(index); n == 0 || at-index[n-1].offset >= indexStride {
			index = append(index, place{f.batch.First, at})
		}
	}
	s.mu.Lock()
	s.index, s.indexed = index, true
	s.mu.Unlock()
	return nil
}
