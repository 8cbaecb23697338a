package backup

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/picloud/picloud/runtime/eventlog"
)

// The content of the file, encrypted by age and in it compressed by zstd, is a
// line with the Header, a line with the master keys, and the bytes of the event
// log as one node hands them to another (eventlog.RawReader), up to the position
// of the header.

// format is the version of that form.
const format = 1

// Bounds.
const (
	maxLine = 1 << 20 // of the two lines
	piece   = 256 << 10
	window  = 8 << 20 // of zstd: what reading takes
)

// Work factors of scrypt, as powers of two: 2^16 takes 64 MiB and some 0.3 s of a
// small board; what a file may ask of its reader is bounded too.
const (
	workFactor    = 16
	maxWorkFactor = 20
)

// minPassphrase is how many characters a passphrase has at least.
const minPassphrase = 12

// CheckPassphrase refuses a passphrase that is too short.
func CheckPassphrase(passphrase string) error {
	if len([]rune(passphrase)) < minPassphrase {
		return fmt.Errorf("a passphrase of fewer than %d characters protects nothing; take a longer one", minPassphrase)
	}
	return nil
}

// Header says what a backup holds.
type Header struct {
	Format   int             `json:"format"`
	Version  string          `json:"version"` // of the program that wrote it
	Cluster  string          `json:"cluster"` // id
	Domain   string          `json:"domain"`
	Time     time.Time       `json:"time"` // of the log at Position
	Position uint64          `json:"position"`
	Digest   eventlog.Digest `json:"digest"` // of the log at Position
}

// Write writes a backup of the log as it is now, beside whatever goes on. keys are
// the master keys, as one line. Of the header it fills in what the log says.
func Write(ctx context.Context, w io.Writer, passphrase string, h Header, keys []byte, log *eventlog.Log) (Header, error) {
	return write(ctx, w, passphrase, workFactor, h, keys, log)
}

func write(ctx context.Context, w io.Writer, passphrase string, work int, h Header, keys []byte, log *eventlog.Log) (_ Header, err error) {
	if err := CheckPassphrase(passphrase); err != nil {
		return h, err
	}
	if len(keys) == 0 || bytes.ContainsRune(keys, '\n') || len(keys) >= maxLine {
		return h, errors.New("the master keys are not one line")
	}
	head := log.Head()
	h.Format, h.Time, h.Position, h.Digest = format, head.Time, head.Position, head.Digest
	line, err := json.Marshal(h)
	if err != nil {
		return h, err
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return h, err
	}
	recipient.SetWorkFactor(work)
	sealed, err := age.Encrypt(w, recipient)
	if err != nil {
		return h, err
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return h, err
	}
	for _, part := range [][]byte{line, keys} {
		if _, err := packed.Write(append(part[:len(part):len(part)], '\n')); err != nil {
			return h, err
		}
	}
	if err := copyLog(ctx, packed, log, head.Position); err != nil {
		return h, err
	}
	// without its end a file is refused, so only a whole one gets it
	return h, errors.Join(packed.Close(), sealed.Close())
}

func copyLog(ctx context.Context, w io.Writer, log *eventlog.Log, until uint64) error {
	raw := log.Raw(0)
	var buf []byte
	for at := uint64(0); at < until; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		for buf = buf[:0]; len(buf) < piece && at < until; {
			if buf, at, _, err = raw.Next(buf); err != nil {
				return fmt.Errorf("back up the event log: %w", err)
			}
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// ErrPassphrase means that a file cannot be opened with the passphrase.
var ErrPassphrase = errors.New("the passphrase is not the one that the backup was made with")

// Reader reads a backup.
type Reader struct {
	Header Header
	Keys   []byte // the master keys, as given to Write

	packed *zstd.Decoder
	in     *bufio.Reader
}

// Open reads the beginning of a backup. Close frees what the reader holds.
func Open(r io.Reader, passphrase string) (*Reader, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	opened, err := age.Decrypt(r, identity)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, ErrPassphrase
	case err != nil:
		return nil, fmt.Errorf("the file is no backup: %w", err)
	}
	b := &Reader{}
	if b.packed, err = zstd.NewReader(opened, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window)); err != nil {
		return nil, fmt.Errorf("the file is no backup: %w", err)
	}
	b.in = bufio.NewReaderSize(b.packed, maxLine)
	if err := b.begin(); err != nil {
		b.Close()
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	return b, nil
}

func (b *Reader) begin() error {
	line, err := b.in.ReadSlice('\n')
	if err != nil {
		return cut(err)
	}
	var version struct{ Format int }
	if err := json.Unmarshal(line, &version); err != nil {
		return err
	}
	if version.Format != format {
		return fmt.Errorf("it has format %d, this program reads %d; take the program that wrote it, or a newer one", version.Format, format)
	}
	if err := json.Unmarshal(line, &b.Header); err != nil {
		return err
	}
	if line, err = b.in.ReadSlice('\n'); err != nil {
		return cut(err)
	}
	b.Keys = bytes.Clone(line[:len(line)-1])
	return nil
}

// Close frees what the reader holds; the file stays the caller's to close.
func (b *Reader) Close() { b.packed.Close() }

// Entries walks the log, one Raft entry at a time, checked. A walk that yields no
// error has reached the position and digest of the header and the end of the file.
func (b *Reader) Entries() iter.Seq2[[]eventlog.Batch, error] {
	return func(yield func([]eventlog.Batch, error) bool) {
		head := eventlog.Beginning()
		stream := eventlog.NewStream(b.in, head)
		for {
			batches, err := stream.Next()
			if errors.Is(err, io.EOF) {
				if head.Position != b.Header.Position || head.Digest != b.Header.Digest {
					yield(nil, fmt.Errorf("the backup ends at position %d, not at %d as it says", head.Position, b.Header.Position))
				}
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("read the backup: %w", cut(err)))
				return
			}
			last := batches[len(batches)-1]
			head.Position, head.Digest = last.Last(), last.Digest
			if !yield(batches, nil) {
				return
			}
		}
	}
}

// cut says what an early end means.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it was cut short: %w", err)
	}
	return err
}
