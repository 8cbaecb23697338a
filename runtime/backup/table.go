package backup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The table at the end says where frames begin. It is the seek table of the
// Zstandard Seekable Format, version 0.1.0, and itself a skippable frame (RFC 8878,
// 3.1.2), which whoever unpacks all passes over; integers little-endian:
//
//	 0 u32 0x184D2A5E
//	 4 u32 length of what follows
//	 8     for each frame u32 packed bytes, u32 unpacked bytes
//	-9 u32 number of frames
//	-5 u8  zero: no checksums, which the encryption makes superfluous
//	-4 u32 0x8F92EAB1
const (
	skippable   = 0x184D2A5E
	seekable    = 0x8F92EAB1
	tableHead   = 8
	tableFooter = 9
	tableEntry  = 8
	maxFrames   = 1 << 20 // 16 TiB of history
)

// frame is one that can be unpacked without the others.
type frame struct{ packed, unpacked uint32 }

func encodeTable(frames []frame) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, skippable)
	b = le.AppendUint32(b, uint32(len(frames)*tableEntry+tableFooter))
	for _, f := range frames {
		b = le.AppendUint32(b, f.packed)
		b = le.AppendUint32(b, f.unpacked)
	}
	b = le.AppendUint32(b, uint32(len(frames)))
	return le.AppendUint32(append(b, 0), seekable)
}

var errTable = errors.New("its table does not describe it")

// readTable gives the frames that fill size bytes of r before their table. What has
// none, of an earlier release, is one frame.
func readTable(r io.ReaderAt, size int64) ([]*io.SectionReader, error) {
	whole := []*io.SectionReader{io.NewSectionReader(r, 0, size)}
	le := binary.LittleEndian
	var foot [tableFooter]byte
	if size < int64(len(foot)) {
		return whole, nil
	}
	if err := readFull(r, foot[:], size-int64(len(foot))); err != nil {
		return nil, err
	}
	count := int64(le.Uint32(foot[:]))
	start := size - tableHead - count*tableEntry - tableFooter
	switch {
	case le.Uint32(foot[5:]) != seekable:
		return whole, nil
	case count == 0 || count > maxFrames || start < 0 || foot[4] != 0:
		return nil, errTable
	}
	table := make([]byte, size-start)
	if err := readFull(r, table, start); err != nil {
		return nil, err
	}
	if le.Uint32(table) != skippable || int64(le.Uint32(table[4:])) != size-start-tableHead {
		return nil, errTable
	}
	at := int64(0)
	frames := make([]*io.SectionReader, count)
	for i := range frames {
		packed := int64(le.Uint32(table[tableHead+i*tableEntry:]))
		frames[i] = io.NewSectionReader(r, at, packed)
		at += packed
	}
	if at != start {
		return nil, fmt.Errorf("%w: its frames have %d bytes, not %d", errTable, start, at)
	}
	return frames, nil
}

func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	return err
}
