package eventlog

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/picloud/picloud/runtime/disk"
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
	more  bool
}

func newScanner(fs disk.FS, seg *segment, offset, limit int64) *scanner {
	return &scanner{fs: fs, seg: seg, offset: offset, limit: limit}
}

// next gives the frame at the offset and moves past it; io.EOF at the limit;
// one of the reasons in batch.go as a *frameError when the bytes are no frame.
func (s *scanner) next() (frame, error) {
	if s.offset == s.limit {
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
	s.buf = s.buf[n:]
	s.offset += int64(n)
	return frame{b, raw, more}, nil
}

// fill makes at least n bytes from the offset on available. Each chunk is a
// buffer of its own, so payloads handed out stay as they are.
func (s *scanner) fill(n int) error {
	if len(s.buf) >= n {
		return nil
	}
	left := s.limit - s.offset
	if left < int64(n) {
		return s.bad(errShort)
	}
	buf := make([]byte, min(left, int64(max(n, chunk))))
	f, err := s.fs.OpenFile(s.seg.path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("read the event log: %w", err)
	}
	got, err := f.ReadAt(buf, s.offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = closing(f, err); err != nil {
		return fmt.Errorf("read the event log %s at byte %d: %w", s.seg.path, s.offset, err)
	}
	if got < n {
		return s.bad(errShort)
	}
	s.buf = buf[:got]
	return nil
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
