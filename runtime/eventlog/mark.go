package eventlog

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/picloud/picloud/runtime/disk"
)

// The file "synced" remembers how much of the log is durable. It tells a torn
// tail (never synced, still in Raft's log) from corruption (synced, now
// unreadable): after a power cut the unsynced part of a file may have holes, so
// "good batches follow" proves nothing. Two slots are written in turn; a cut in
// the middle of one leaves the other.
//
//	 0 [8] "pcsynced"
//	 8 u64 sequence number; the greater one counts
//	16 u64 first position of the newest segment
//	24 u64 durable bytes of it
//	32 u64 position of the last durable event
//	40 u32 CRC-32C of the bytes before
const (
	markName  = "synced"
	markMagic = "pcsynced"
	markSlot  = 512
	markBytes = 44
)

type mark struct {
	sequence uint64
	segment  uint64
	offset   int64
	position uint64
}

func (m mark) encode() []byte {
	b := make([]byte, markSlot)
	le := binary.LittleEndian
	copy(b, markMagic)
	le.PutUint64(b[8:], m.sequence)
	le.PutUint64(b[16:], m.segment)
	le.PutUint64(b[24:], uint64(m.offset))
	le.PutUint64(b[32:], m.position)
	le.PutUint32(b[40:], crc32.Checksum(b[:40], castagnoli))
	return b
}

func decodeMark(b []byte) (mark, bool) {
	le := binary.LittleEndian
	if len(b) < markBytes || string(b[:8]) != markMagic || crc32.Checksum(b[:40], castagnoli) != le.Uint32(b[40:]) {
		return mark{}, false
	}
	return mark{le.Uint64(b[8:]), le.Uint64(b[16:]), int64(le.Uint64(b[24:])), le.Uint64(b[32:])}, true
}

// openMark opens or creates the file and reads the newer good slot. In a new
// file there is none and the zero mark counts: nothing is durable yet.
func openMark(fs disk.FS, dir string, fresh bool) (disk.File, mark, error) {
	path := filepath.Join(dir, markName)
	f, err := fs.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, mark{}, named("open "+path, err)
	}
	buf := make([]byte, 2*markSlot)
	n, _ := f.ReadAt(buf, 0) // a short or unreadable file has no good slot
	a, okA := decodeMark(buf[:min(n, markSlot)])
	b, okB := decodeMark(buf[min(n, markSlot):n])
	switch {
	case okA && okB && a.sequence > b.sequence, okA && !okB:
		return f, a, nil
	case okB:
		return f, b, nil
	case fresh:
		return f, mark{}, nil
	}
	return nil, mark{}, closing(f, &CorruptError{File: path, Reason: "neither slot of the durability mark is readable"})
}

// writeMark makes m durable.
func writeMark(f disk.File, m mark) error {
	if _, err := f.WriteAt(m.encode(), int64(m.sequence%2)*markSlot); err != nil {
		return err
	}
	return f.Sync()
}
