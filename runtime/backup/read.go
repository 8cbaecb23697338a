package backup

import (
	"bufio"
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrPassphrase means that a file cannot be opened with the passphrase.
	ErrPassphrase = errors.New("the passphrase is not the one that the backup was made with, or the beginning of the file was changed")
	// ErrDamaged means that a file is not as it was written.
	ErrDamaged = errors.New("the backup was changed or cut short; copy it again from where it was made, or take another one")
	// ErrForeign means that a file is something else.
	ErrForeign = errors.New("the file is no backup of a cluster")
)

// File is what a backup is read from: see Of.
type File interface {
	io.ReaderAt
	Size() int64
}

// Of is the content of a file as it is now.
func Of(file *os.File) (File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file; a backup is read at several places, so it cannot come through a pipe", file.Name())
	}
	return io.NewSectionReader(file, 0, info.Size()), nil
}

// Reader reads a backup.
type Reader struct {
	Header Header
	Keys   []byte // the master keys, as given to Write

	frames []*io.SectionReader
	next   int           // which frame comes next
	head   eventlog.Head // of the log where it begins
	secret []byte        // known only to who has this file and its passphrase
	zstd   *zstd.Decoder
	in     *bufio.Reader
}

// Open reads the beginning and the end of a backup. Close frees what the reader holds.
func Open(file File, passphrase string) (*Reader, error) {
	opened, size, secret, err := decrypt(file, passphrase)
	if err != nil {
		return nil, err
	}
	b := &Reader{head: eventlog.Beginning(), secret: secret, in: bufio.NewReaderSize(nil, maxLine)}
	if b.frames, err = readTable(opened, size); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	if b.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window)); err != nil {
		return nil, err
	}
	if err := b.begin(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// magic is how a file of age begins.
const magic = "age-encryption.org/"

// decrypt opens the file for reading at any place. A file that was cut is refused
// at once, since its size does not fit its last piece.
func decrypt(file File, passphrase string) (opened io.ReaderAt, size int64, secret []byte, err error) {
	scrypt, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	scrypt.SetMaxWorkFactor(maxWorkFactor)
	if begins := make([]byte, len(magic)); readFull(file, begins, 0) != nil || string(begins) != magic {
		return nil, 0, nil, ErrForeign
	}
	key := &keyOf{Identity: scrypt}
	opened, size, err = age.DecryptReaderAt(file, file.Size(), key)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, 0, nil, ErrPassphrase
	case err != nil:
		return nil, 0, nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	secret, err = hkdf.Key(sha256.New, key.file, nil, "picloud backup check", sha256.Size)
	return opened, size, secret, err
}

// keyOf remembers the key of the file that an identity opens.
type keyOf struct {
	age.Identity
	file []byte
}

func (k *keyOf) Unwrap(stanzas []*age.Stanza) (key []byte, err error) {
	key, err = k.Identity.Unwrap(stanzas)
	k.file = bytes.Clone(key)
	return key, err
}

// advance makes b.in read the next frame.
func (b *Reader) advance() error {
	frame := bufio.NewReaderSize(b.frames[b.next], piece)
	b.next++
	if err := b.zstd.Reset(frame); err != nil {
		return b.damaged(err)
	}
	b.in.Reset(b.zstd)
	return nil
}

// begin reads what stands before the log.
func (b *Reader) begin() error {
	if err := b.advance(); err != nil {
		return err
	}
	line, err := b.in.ReadSlice('\n')
	if err != nil {
		return b.damaged(err)
	}
	var version struct{ Format int }
	if err := json.Unmarshal(line, &version); err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if version.Format != format {
		return fmt.Errorf("the backup has format %d, this program reads %d; take the program that wrote it, or a newer one", version.Format, format)
	}
	if err := json.Unmarshal(line, &b.Header); err != nil {
		return b.damaged(err)
	}
	if line, err = b.in.ReadSlice('\n'); err != nil {
		return b.damaged(err)
	}
	b.Keys = bytes.Clone(line[:len(line)-1])
	return nil
}

// Close frees what the reader holds; the file stays the caller's to close.
func (b *Reader) Close() { b.zstd.Close() }

// Entries walks the log from where the reader is, one Raft entry at a time, checked.
// A walk that yields no error has reached the position and digest of the header and
// the end of the file.
func (b *Reader) Entries() iter.Seq2[[]eventlog.Batch, error] {
	return func(yield func([]eventlog.Batch, error) bool) {
		for {
			goes, err := b.frame(yield)
			if err == nil && goes && b.next < len(b.frames) {
				err = b.advance()
			} else if err == nil && goes {
				err = b.ended()
				goes = false
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !goes {
				return
			}
		}
	}
}

// frame walks what is left of a frame, and notes where the next one stands. It is
// false when the consumer ended the walk.
func (b *Reader) frame(yield func([]eventlog.Batch, error) bool) (goes bool, err error) {
	head := b.head
	stream := eventlog.NewStream(b.in, head)
	for {
		batches, err := stream.Next()
		if errors.Is(err, io.EOF) {
			b.head = head
			return true, nil
		}
		if err != nil {
			return false, b.damaged(err)
		}
		last := batches[len(batches)-1]
		head = eventlog.Head{Position: last.Last(), Digest: last.Digest, Index: last.Index, Time: last.Time}
		if !yield(batches, nil) {
			return false, nil
		}
	}
}

// ended compares where the log ends with what the header says.
func (b *Reader) ended() error {
	if b.head.Position != b.Header.Position || b.head.Digest != b.Header.Digest {
		return b.damaged(fmt.Errorf("it ends at position %d, not at %d as it says", b.head.Position, b.Header.Position))
	}
	return nil
}

// damaged says what is left of a backup.
func (b *Reader) damaged(err error) error {
	return fmt.Errorf("%w: after position %d of %d, or soon after it, nothing can be read (%w)", ErrDamaged, b.head.Position, b.Header.Position, err)
}
