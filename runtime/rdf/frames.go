package rdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// An image is a magic word and frames: the length of the payload, a checksum of
// the image up to the payload's end, and the payload. Nothing is believed before its checksum.
const (
	imageMagic = "picloud-rdf\x00\x01\r\n\n" // 1 is the version; line ends betray a text mode
	frameMax   = 64 << 10
	frameHead  = 8
)

// castagnoli is the polynomial of CRC-32C (RFC 3720, section 12.1).
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// frameWriter cuts what it is given into frames. Its first error stays.
type frameWriter struct {
	w     io.Writer
	table *crc32.Table
	sum   uint32
	buf   []byte // head and payload of the next frame
	err   error
}

func newFrameWriter(w io.Writer) *frameWriter {
	f := &frameWriter{w: w, table: castagnoli(), buf: make([]byte, frameHead, frameHead+frameMax)}
	_, f.err = io.WriteString(w, imageMagic)
	f.sum = crc32.Checksum([]byte(imageMagic), f.table)
	return f
}

func (f *frameWriter) number(n uint64) {
	if len(f.buf)+binary.MaxVarintLen64 > cap(f.buf) {
		f.flush()
	}
	f.buf = binary.AppendUvarint(f.buf, n)
}

func (f *frameWriter) text(s string) {
	f.number(uint64(len(s)))
	for len(s) > 0 {
		if len(f.buf) == cap(f.buf) {
			f.flush()
		}
		n := min(len(s), cap(f.buf)-len(f.buf))
		f.buf = append(f.buf, s[:n]...)
		s = s[n:]
	}
}

// flush writes the frame that is filled so far and reports the first error.
func (f *frameWriter) flush() error {
	if f.err == nil && len(f.buf) > frameHead {
		payload := f.buf[frameHead:]
		f.sum = crc32.Update(f.sum, f.table, payload)
		binary.LittleEndian.PutUint32(f.buf, uint32(len(payload)))
		binary.LittleEndian.PutUint32(f.buf[4:], f.sum)
		_, f.err = f.w.Write(f.buf)
	}
	f.buf = f.buf[:frameHead]
	return f.err
}

// frameReader reads numbers and texts out of frames. Its first error stays;
// after it every number is 0 and every text empty.
type frameReader struct {
	r       io.Reader
	table   *crc32.Table
	sum     uint32
	payload []byte // checked, not yet read
	frame   []byte
	scratch []byte // of texts that lie in two frames
	read    int64  // bytes of the image, the present frame included
	err     error
}

func newFrameReader(r io.Reader) *frameReader {
	f := &frameReader{r: r, table: castagnoli()}
	magic := make([]byte, len(imageMagic))
	switch err := f.full(magic); {
	case err != nil:
		f.fail("%w", err)
	case string(magic) != imageMagic:
		f.fail("it does not begin as an image of this version does")
	}
	f.sum = crc32.Checksum(magic, f.table)
	return f
}

// full reads exactly len(b) bytes.
func (f *frameReader) full(b []byte) error {
	n, err := io.ReadFull(f.r, b)
	f.read += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	return err
}

func (f *frameReader) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("the image cannot be used, up to byte %d: %w", f.read, fmt.Errorf(format, args...))
	}
	f.payload = nil
}

// fill reads and checks the next frame.
func (f *frameReader) fill() bool {
	if f.err != nil {
		return false
	}
	var head [frameHead]byte
	if err := f.full(head[:]); err != nil {
		f.fail("%w", err)
		return false
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n == 0 || n > frameMax {
		f.fail("a frame of %d bytes; expected 1 to %d", n, frameMax)
		return false
	}
	if f.frame == nil {
		f.frame = make([]byte, frameMax)
	}
	payload := f.frame[:n]
	if err := f.full(payload); err != nil {
		f.fail("%w", err)
		return false
	}
	f.sum = crc32.Update(f.sum, f.table, payload)
	if f.sum != binary.LittleEndian.Uint32(head[4:]) {
		f.fail("the checksum differs")
		return false
	}
	f.payload = payload
	return true
}

// number reads a number from 0 to limit.
func (f *frameReader) number(limit uint64) uint64 {
	if len(f.payload) == 0 && !f.fill() {
		return 0
	}
	v, n := binary.Uvarint(f.payload)
	if n <= 0 || v > limit {
		f.fail("a number is not what the format says (at most %d)", limit)
		return 0
	}
	f.payload = f.payload[n:]
	return v
}

// text reads a text, which is good until the next read. Memory is taken as the
// bytes arrive, whatever length the image promises.
func (f *frameReader) text() []byte {
	n := int(f.number(1 << 40))
	if n <= len(f.payload) {
		text := f.payload[:n]
		f.payload = f.payload[n:]
		return text
	}
	f.scratch = f.scratch[:0]
	for len(f.scratch) < n {
		if len(f.payload) == 0 && !f.fill() {
			return nil
		}
		part := f.payload[:min(len(f.payload), n-len(f.scratch))]
		f.scratch = append(f.scratch, part...)
		f.payload = f.payload[len(part):]
	}
	return f.scratch
}

// end is the error of the whole: the first one, or that more follows.
func (f *frameReader) end() error {
	if f.err == nil && len(f.payload) > 0 {
		f.fail("more follows behind its end")
	}
	if f.err == nil {
		switch n, err := io.ReadFull(f.r, make([]byte, 1)); {
		case n > 0:
			f.fail("more follows behind its end")
		case !errors.Is(err, io.EOF):
			f.fail("%w", err)
		}
	}
	return f.err
}
