package eventlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog/archive"
)

// chunk is how much a scanner reads at once, in bytes.
const chunk = 64 << 10

// scanner walks the frames of one segment. It opens the file for each chunk and
// closes it again: a reader at rest costs no descriptor, and a file that is
// sealed, archived or removed meanwhile disturbs nobody.
type scanner struct {
	fs     disk.FS
	seg    *segment
	offset int64 // of the next frame
	limit  int64 // bytes of the file that count
	buf    []byte
}

// frame is a batch with what its encoding says besides.
type frame struct {
	batch Batch
	raw   []byte
	at    int64 // offset in the segment
	more  bool
}

func newScanner(fs disk.FS, seg *segment, offset, limit int64) *scanner {
	return &scanner{fs: fs, seg: seg, offset: offset, limit: limit}
}

// next gives the frame at the offset and moves past it; io.EOF at the limit;
// one of the reasons in batch.go as a *frameError when the bytes are no frame.
func (s *scanner) next() (frame, error) {
	if s.offset == s.limit && s.seg.damage == nil {
		s.buf = nil
		return frame{}, io.EOF
	}
	if err := s.fill(frameHeader); err != nil {
		return frame{}, err
	}
	n, err := frameSize(s.buf)
	if err != nil {
		return frame{}, s.bad(err)
	}
	if err := s.fill(n); err != nil {
		return frame{}, err
	}
	raw := s.buf[:n:n]
	b, more, err := decodeFrame(raw)
	if err != nil {
		return frame{}, s.bad(err)
	}
	at := s.offset
	s.buf, s.offset = s.buf[n:], at+int64(n)
	return frame{b, raw, at, more}, nil
}

// fill makes at least n bytes from the offset on available. What is read is a
// buffer of its own each time, so payloads handed out stay as they are.
func (s *scanner) fill(n int) error {
	have := int64(len(s.buf))
	switch left := s.limit - s.offset; {
	case have >= int64(n):
		return nil
	case s.seg.damage != nil:
		return &frameError{0, s.seg.damage}
	case left < int64(n):
		return s.bad(errShort)
	}
	f, err := s.fs.OpenFile(s.seg.path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("read the event log: %w", err)
	}
	got, err := s.load(f, s.offset+have, n-int(have))
	err = closing(f, err)
	switch {
	case errors.Is(err, archive.ErrDamaged):
		return s.bad(err)
	case err != nil:
		return fmt.Errorf("read the event log %s at byte %d: %w", s.seg.path, s.offset, err)
	case have+int64(len(got)) < int64(n):
		return s.bad(errShort)
	case have > 0:
		got = slices.Concat(s.buf, got)
	}
	s.buf = got
	return nil
}

// load reads at least n bytes, if there are so many, and somewhat more.
func (s *scanner) load(f disk.File, offset int64, n int) ([]byte, error) {
	if s.seg.archive != nil {
		return s.seg.archive.Read(f, offset, n)
	}
	buf := make([]byte, min(s.limit-offset, int64(max(n, chunk))))
	got, err := f.ReadAt(buf, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return buf[:got], err
}

func (s *scanner) bad(reason error) error {
	return &frameError{s.offset, reason}
}

// frameError says that the bytes at offset are no frame. Whether that is a torn
// tail or corruption only the caller can tell.
type frameError struct {
	offset int64
	reason error
}

func (e *frameError) Error() string { return fmt.Sprintf("byte %d: %v", e.offset, e.reason) }
func (e *frameError) Unwrap() error { return e.reason }

// corrupt names a frameError; other errors pass.
func (s *segment) corrupt(err error, position uint64) error {
	var bad *frameError
	if !errors.As(err, &bad) {
		return err
	}
	return &CorruptError{File: s.path, Offset: bad.offset, Position: position, Reason: bad.reason.Error()}
}

// closing closes c and keeps the first error.
func closing(c io.Closer, err error) error {
	if closed := c.Close(); err == nil {
		err = closed
	}
	return err
}
