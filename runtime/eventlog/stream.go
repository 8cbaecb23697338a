package eventlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// RawReader walks the log as bytes: frames as they are in the files, each
// segment's header before its first frame. It is what a node hands to another
// that catches up; see Stream for the other end.
type RawReader struct {
	reader *Reader
}

// Raw begins after the position after, which must be where a batch ends or a
// generation begins: see DigestAt.
func (l *Log) Raw(after uint64) *RawReader { return &RawReader{reader: l.Reader(after)} }

// Next appends the next frame to buf, with the header of its segment if it is the
// first there. It gives the position after it and whether a Raft entry ends
// there. io.EOF: the log ends here now.
func (r *RawReader) Next(buf []byte) (out []byte, position uint64, whole bool, err error) {
	v := r.reader.log.view.Load()
	f, err := r.reader.frame(v.head.Position)
	if err == io.EOF && v.closed {
		err = ErrClosed
	}
	if err != nil {
		return buf, r.reader.after, false, err
	}
	seg := r.reader.scan.seg
	if f.batch.First == seg.first() {
		buf = append(buf, encodeSegmentHeader(seg.number, seg.before)...)
	}
	return append(buf, f.raw...), f.batch.Last(), !f.more, nil
}

// MaxEntry bounds what a Stream takes as the batches of one Raft entry, in bytes.
const MaxEntry = 2 * MaxPayload

// Stream reads what RawReader wrote and checks it: checksums, order, and that the
// digest chain goes on from where the reader's own log is.
type Stream struct {
	in    *bufio.Reader
	head  Head
	began bool
}

// NewStream reads from r what follows head.
func NewStream(r io.Reader, head Head) *Stream {
	return &Stream{in: bufio.NewReaderSize(r, chunk), head: head}
}

// Next gives the batches of the next whole Raft entry; io.EOF where the stream
// ends between two, io.ErrUnexpectedEOF where it was cut within one. What is no
// continuation of the log is an error that says why.
func (s *Stream) Next() (batches []Batch, err error) {
	at, size := s.head, 0
	s.began = false
	for {
		raw, err := s.frame(&at)
		if err == io.EOF && len(batches) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		b, more, err := decodeFrame(raw)
		if err == nil {
			at, err = at.follow(b, raw)
		}
		if size += len(raw); err == nil && size > MaxEntry {
			err = fmt.Errorf("the batches of a Raft entry are over %d bytes", MaxEntry)
		}
		if err != nil {
			return nil, damaged(&at, err)
		}
		batches = append(batches, b)
		if !more {
			s.head = at
			return batches, nil
		}
	}
}

// Began tells whether a segment of the other log begins with what Next gave last.
func (s *Stream) Began() bool { return s.began }

// Ready tells whether Next need not wait for the reader.
func (s *Stream) Ready() bool {
	held, _ := s.in.Peek(s.in.Buffered())
	for more := true; more; {
		if len(held) > segmentHeader && string(held[:len(segmentMagic)]) == segmentMagic {
			held = held[segmentHeader:]
		}
		if len(held) < frameHeader {
			return false
		}
		n, err := frameSize(held)
		if err != nil {
			return true // Next says so
		}
		if len(held) < n {
			return false
		}
		more = binary.LittleEndian.Uint32(held[16:])&flagMore != 0
		held = held[n:]
	}
	return true
}

// frame reads one frame and the segment header before it, if there is one.
func (s *Stream) frame(at *Head) ([]byte, error) {
	h, err := s.in.Peek(len(segmentMagic))
	if errors.Is(err, io.EOF) && len(h) > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	// As a frame these bytes would claim a payload of 0.8 GB.
	if string(h) == segmentMagic {
		if err := s.header(at); err != nil {
			return nil, err
		}
	}
	h, err = s.in.Peek(frameHeader)
	if err != nil {
		return nil, cutShort(err)
	}
	n, err := frameSize(h)
	if err != nil {
		return nil, damaged(at, err)
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(s.in, raw); err != nil {
		return nil, cutShort(err)
	}
	return raw, nil
}

func (s *Stream) header(at *Head) error {
	h := make([]byte, segmentHeader)
	if _, err := io.ReadFull(s.in, h); err != nil {
		return cutShort(err)
	}
	_, before, ok := decodeSegmentHeader(h)
	if !ok || !at.begins(before) {
		return damaged(at, errHeader)
	}
	*at, s.began = before, true
	return nil
}

// ErrStream means that what another node sent is no continuation of the log.
var ErrStream = errors.New("the bytes from the other node do not continue the event log")

func damaged(at *Head, reason error) error {
	return fmt.Errorf("%w after position %d: %w", ErrStream, at.Position, reason)
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
