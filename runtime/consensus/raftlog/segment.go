package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"

	"github.com/picloud/picloud/runtime/disk"
)

// A segment begins with a header, and its records follow:
//
//	 0 [8] "pcraftlg"
//	 8 u32 version of the format: 1
//	12 u32 0
//	16 u64 number of the segment; the first is 1
//	24 u64 first index that counted when it began
//	32 u64 index after the last that counted then
//	40 [8] salt
//	48 [12] 0
//	60 u32 CRC-32C of the bytes before
//
// It is durable before the first record is written.
const (
	segmentMagic   = "pcraftlg"
	segmentVersion = 1
	segmentHeader  = 64
)

type salt [8]byte

// segment is one file. All but end is fixed once it is made.
type segment struct {
	path   string
	number uint64
	before bounds // what counted when it began
	salt   salt
	file   disk.File
	end    int64 // where the next record goes
	room   int64 // bytes of the file; those after end are zero
}

func segmentPath(dir string, number uint64) string {
	return filepath.Join(dir, fmt.Sprintf("raft-%020d.seg", number))
}

// segmentNumber is 0 if name is no segment's.
func segmentNumber(name string) (number uint64) {
	if n, err := fmt.Sscanf(name, "raft-%d.seg", &number); n != 1 || err != nil || filepath.Base(segmentPath("", number)) != name {
		return 0
	}
	return number
}

func (s *segment) encodeHeader() []byte {
	h := make([]byte, segmentHeader)
	le := binary.LittleEndian
	copy(h, segmentMagic)
	le.PutUint32(h[8:], segmentVersion)
	le.PutUint64(h[16:], s.number)
	le.PutUint64(h[24:], s.before.first)
	le.PutUint64(h[32:], s.before.next)
	copy(h[40:], s.salt[:])
	le.PutUint32(h[60:], crc32.Checksum(h[:60], castagnoli))
	return h
}

// decodeHeader fills s; false if h is no header.
func (s *segment) decodeHeader(h []byte) bool {
	le := binary.LittleEndian
	if string(h[:8]) != segmentMagic || crc32.Checksum(h[:60], castagnoli) != le.Uint32(h[60:]) {
		return false
	}
	s.before = bounds{le.Uint64(h[24:]), le.Uint64(h[32:])}
	s.salt = salt(h[40:48])
	return le.Uint32(h[8:]) == segmentVersion && le.Uint64(h[16:]) == s.number && s.before.first <= s.before.next
}

func (s *segment) corrupt(at int64, reason error) error {
	return &CorruptError{File: s.path, Offset: at, Reason: reason.Error()}
}

// take makes the file reach need bytes, zeros, in whole steps. It changes
// nothing that counts; the next sync makes it durable.
func (s *segment) take(need, step int64) error {
	if need <= s.room {
		return nil
	}
	room := (need + step - 1) / step * step
	for at := s.room; at < room; {
		n := min(room-at, int64(len(zeros)))
		if _, err := s.file.WriteAt(zeros[:n], at); err != nil {
			// Room that was taken in part would stay taken on a full disk.
			if cut := s.file.Truncate(s.room); cut != nil {
				err = fmt.Errorf("%w; and then: %w", err, cut)
			}
			return fmt.Errorf("take room in %s: %w", s.path, err)
		}
		at += n
	}
	s.room = room
	return nil
}

// zeros is one page, never written to. The kernel keeps what is written at once in
// one piece, and a record that is written into a piece makes all of it new: with
// 1 MiB at once each commit would count as 1 MiB written (proc(5), write_bytes), and its
// write would take ten times as long.
var zeros [4 << 10]byte
