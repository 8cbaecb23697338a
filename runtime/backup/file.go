package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/picloud/picloud/runtime/eventlog"
)

// The content of the file, encrypted by age, is Zstandard frames (RFC 8878), each
// of which is unpacked without the others, and a table of them (see table.go).
// Unpacked and put together they are a line with the Header, a line with the
// master keys, and the bytes of the event log as one node hands them to another
// (eventlog.RawReader), up to the position of the header. A frame ends where a
// Raft entry does; the first one ends before the log.

// format is the version of that form.
const format = 1

// Bounds.
const (
	maxLine = 1 << 20 // of the two lines
	piece   = 256 << 10
	leg     = 16 << 20 // of the log in a frame, before it is packed, and an entry at most
	window  = 8 << 20  // of zstd: what reading takes
)

// Work factors of scrypt, as powers of two: 2^16 takes 64 MiB and some 0.3 s of a
// small board; what a file may ask of its reader is bounded to 256 MiB.
const (
	workFactor    = 16
	maxWorkFactor = 18
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
	return write(ctx, w, sizes{workFactor, leg}, passphrase, h, keys, log)
}

// sizes are smaller in tests.
type sizes struct{ work, leg int }

func write(ctx context.Context, w io.Writer, of sizes, passphrase string, h Header, keys []byte, log *eventlog.Log) (_ Header, err error) {
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
	recipient.SetWorkFactor(of.work)
	sealed, err := age.Encrypt(w, recipient)
	if err != nil {
		return h, err
	}
	packed, err := newPacker(sealed)
	if err != nil {
		return h, err
	}
	if err := packed.write(bytes.Join([][]byte{line, keys, nil}, []byte("\n"))); err != nil {
		return h, err
	}
	if err := packed.endFrame(); err != nil {
		return h, err
	}
	if err := copyLog(ctx, packed, of.leg, log, head.Position); err != nil {
		return h, err
	}
	// without its end a file is refused, so only a whole one gets it
	return h, errors.Join(packed.writeTable(), sealed.Close())
}

// copyLog writes frames of the log up to a position.
func copyLog(ctx context.Context, packed *packer, leg int, log *eventlog.Log, until uint64) error {
	raw := log.Raw(0)
	var buf []byte
	for at, whole := uint64(0), false; at < until; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		for buf = buf[:0]; at < until && (len(buf) < min(piece, leg) || !whole); {
			if buf, at, whole, err = raw.Next(buf); err != nil {
				return fmt.Errorf("back up the event log: %w", err)
			}
		}
		if err := packed.write(buf); err != nil {
			return err
		}
		if packed.unpacked >= leg || at >= until {
			if err := packed.endFrame(); err != nil {
				return err
			}
		}
	}
	return nil
}

// packer writes frames and remembers where they end.
type packer struct {
	to       io.Writer
	zstd     *zstd.Encoder
	table    []frame
	packed   int // bytes of the frame so far
	unpacked int
}

func newPacker(to io.Writer) (p *packer, err error) {
	p = &packer{to: to}
	p.zstd, err = zstd.NewWriter(p, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	return p, err
}

// Write takes what the encoder has packed.
func (p *packer) Write(b []byte) (int, error) {
	n, err := p.to.Write(b)
	p.packed += n
	return n, err
}

func (p *packer) write(b []byte) error {
	n, err := p.zstd.Write(b)
	p.unpacked += n
	return err
}

func (p *packer) endFrame() error {
	if err := p.zstd.Close(); err != nil {
		return err
	}
	p.table = append(p.table, frame{uint32(p.packed), uint32(p.unpacked)})
	p.packed, p.unpacked = 0, 0
	p.zstd.Reset(p)
	return nil
}

func (p *packer) writeTable() error {
	_, err := p.to.Write(encodeTable(p.table))
	return err
}
