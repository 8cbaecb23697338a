package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/picloud/picloud/runtime/disk"
)

// BlockBytes is how much is compressed at once. Larger blocks would save a few
// percent and cost memory and time for each batch that is looked up.
const BlockBytes = 128 << 10

// An archive is the first bytes as they are, blocks (Zstandard frames, RFC 8878)
// of BlockBytes of what follows, an index and a footer, integers little-endian.
// The index has for each block
//
//	0 u32 compressed length
//	4 u32 CRC-32C (Castagnoli) of the compressed bytes
//
// and the footer, at the end,
//
//	 0 u64 bytes before compression
//	 8 u64 note of the writer
//	16 u64 note of the writer
//	24 u32 length of the first bytes
//	28 u32 CRC-32C of them
//	32 u32 number of blocks
//	36 u32 CRC-32C of the index
//	40 u32 CRC-32C of the footer before
//	44 u32 zero
//	48 [8] "pcevarc1"
const (
	magic       = "pcevarc1"
	footerBytes = 56
	entryBytes  = 8
)

// ErrDamaged is what every error about the content of an archive is.
var ErrDamaged = errors.New("the archive is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Codec compresses and reads. It is safe for concurrent use.
type Codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// NewCodec makes a codec. It has no goroutines and needs no closing.
func NewCodec() (*Codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(BlockBytes), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(BlockBytes), zstd.WithDecoderLowmem(true))
	return &Codec{encoder, decoder}, err
}

// Writer compresses what is written to it.
type Writer struct {
	codec *Codec
	out   io.Writer
	block []byte
	index []byte
	crc   uint32 // of the first bytes
	first uint32
	raw   uint64
	err   error
}

// NewWriter begins an archive with bytes that stay as they are.
func (c *Codec) NewWriter(out io.Writer, first []byte) *Writer {
	w := &Writer{codec: c, out: out, block: make([]byte, 0, BlockBytes), first: uint32(len(first)), raw: uint64(len(first)), crc: crc32.Checksum(first, castagnoli)}
	_, w.err = out.Write(first)
	return w
}

// Write adds bytes.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		k := copy(w.block[len(w.block):BlockBytes], p)
		w.block, p, n = w.block[:len(w.block)+k], p[k:], n+k
		if len(w.block) == BlockBytes {
			w.flush()
		}
	}
	return n, w.err
}

func (w *Writer) flush() {
	packed := w.codec.encoder.EncodeAll(w.block, nil)
	w.index = binary.LittleEndian.AppendUint32(w.index, uint32(len(packed)))
	w.index = binary.LittleEndian.AppendUint32(w.index, crc32.Checksum(packed, castagnoli))
	w.raw += uint64(len(w.block))
	w.block = w.block[:0]
	_, w.err = w.out.Write(packed)
}

// Close writes the index and the footer with two notes that Open gives back.
func (w *Writer) Close(notes [2]uint64) error {
	if len(w.block) > 0 && w.err == nil {
		w.flush()
	}
	if w.err != nil {
		return w.err
	}
	le := binary.LittleEndian
	f := make([]byte, footerBytes)
	le.PutUint64(f, w.raw)
	le.PutUint64(f[8:], notes[0])
	le.PutUint64(f[16:], notes[1])
	le.PutUint32(f[24:], w.first)
	le.PutUint32(f[28:], w.crc)
	le.PutUint32(f[32:], uint32(len(w.index)/entryBytes))
	le.PutUint32(f[36:], crc32.Checksum(w.index, castagnoli))
	le.PutUint32(f[40:], crc32.Checksum(f[:40], castagnoli))
	copy(f[48:], magic)
	_, err := w.out.Write(append(w.index, f...))
	return err
}

// Archive is what is known of an archive without its blocks. It is safe for
// concurrent use.
type Archive struct {
	Size  int64 // bytes before compression
	Notes [2]uint64

	codec  *Codec
	first  []byte
	blocks []block
}

type block struct {
	offset int64 // in the file
	length uint32
	crc    uint32
}

// Open reads the index of an archive.
func (c *Codec) Open(f disk.File) (*Archive, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size < footerBytes {
		return nil, fmt.Errorf("%w: %d bytes are too short for one", ErrDamaged, size)
	}
	foot := make([]byte, footerBytes)
	if _, err := f.ReadAt(foot, size-footerBytes); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if string(foot[48:]) != magic || crc32.Checksum(foot[:40], castagnoli) != le.Uint32(foot[40:]) {
		return nil, fmt.Errorf("%w: its footer does not match", ErrDamaged)
	}
	first, count := int64(le.Uint32(foot[24:])), int64(le.Uint32(foot[32:]))
	index := count * entryBytes
	a := &Archive{Size: int64(le.Uint64(foot)), Notes: [2]uint64{le.Uint64(foot[8:]), le.Uint64(foot[16:])}, codec: c}
	if first+index+footerBytes > size || a.Size < first || (a.Size-first+BlockBytes-1)/BlockBytes != count {
		return nil, fmt.Errorf("%w: its footer tells of more than there is", ErrDamaged)
	}
	if a.first, err = checked(f, 0, first, le.Uint32(foot[28:])); err != nil {
		return nil, err
	}
	entries, err := checked(f, size-footerBytes-index, index, le.Uint32(foot[36:]))
	if err != nil {
		return nil, err
	}
	at := first
	for ; len(entries) > 0; entries = entries[entryBytes:] {
		b := block{at, le.Uint32(entries), le.Uint32(entries[4:])}
		if b.length > BlockBytes+BlockBytes/8 {
			return nil, fmt.Errorf("%w: a block of %d bytes", ErrDamaged, b.length)
		}
		a.blocks, at = append(a.blocks, b), at+int64(b.length)
	}
	if at != size-footerBytes-index {
		return nil, fmt.Errorf("%w: its blocks do not fill it", ErrDamaged)
	}
	return a, nil
}

// checked reads bytes that have a checksum.
func checked(f io.ReaderAt, offset, length int64, crc uint32) ([]byte, error) {
	b := make([]byte, length)
	if _, err := f.ReadAt(b, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if crc32.Checksum(b, castagnoli) != crc {
		return nil, fmt.Errorf("%w: the checksum of its bytes %d to %d does not match", ErrDamaged, offset, offset+length)
	}
	return b, nil
}

// Read gives bytes from an offset before compression on, at least n of them, or
// as many as there are, and at most to the end of the block where they end. The
// caller may keep them.
func (a *Archive) Read(f io.ReaderAt, offset int64, n int) ([]byte, error) {
	end := min(offset+int64(n), a.Size)
	if offset < 0 || offset >= end {
		return nil, io.EOF
	}
	first := int64(len(a.first))
	var out []byte
	if offset < first {
		out = append(out, a.first[offset:]...)
		if end <= first {
			return out, nil
		}
		offset = first
	}
	from, to := (offset-first)/BlockBytes, (end-first-1)/BlockBytes
	skip := len(out) + int(offset-first-from*BlockBytes)
	head := out
	out = make([]byte, len(head), len(head)+int(min((to+1)*BlockBytes, a.Size-first)-from*BlockBytes))
	copy(out, head)
	for i := from; i <= to; i++ {
		var err error
		if out, err = a.block(f, out, i); err != nil {
			return nil, err
		}
	}
	if len(head) > 0 {
		return out, nil // the first bytes were asked for, so nothing is skipped
	}
	return out[skip:], nil
}

// block appends the content of one block.
func (a *Archive) block(f io.ReaderAt, to []byte, i int64) ([]byte, error) {
	b := a.blocks[i]
	packed, err := checked(f, b.offset, int64(b.length), b.crc)
	if err != nil {
		return nil, err
	}
	size := int(min(BlockBytes, a.Size-int64(len(a.first))-i*BlockBytes))
	end := len(to)
	plain, err := a.codec.decoder.DecodeAll(packed, to[end:end:end+size])
	if err != nil || len(plain) != size {
		return nil, fmt.Errorf("%w: its block at byte %d does not unpack to what it held (%v)", ErrDamaged, b.offset, err)
	}
	return append(to, plain...), nil // in place
}
