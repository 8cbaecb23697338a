package backup

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Checked is what a check has read.
type Checked struct {
	Header  Header
	Batches int64
	Bytes   int64  // of payloads
	Resumed uint64 // position where an earlier check had come; 0 if it read all
	Unnoted error  // why the last note could not be written; the next check begins before
}

// ErrUnfinished means that a check ended before the file did, for no fault of it.
var ErrUnfinished = errors.New("the check was interrupted")

// noteEvery is how often a check notes how far it has come.
const noteEvery = 2 * time.Second

// Check reads a backup whole. In the file note it keeps how far it came until it has
// come through, so that one that was interrupted, however hard, goes on from there;
// "" = it keeps none. A note counts for this very file only, as it was last written.
func Check(ctx context.Context, file *os.File, passphrase, note string) (Checked, error) {
	return check(ctx, file, passphrase, note, noteEvery)
}

func check(ctx context.Context, file *os.File, passphrase, note string, every time.Duration) (c Checked, err error) {
	info, err := file.Stat()
	if err != nil {
		return c, err
	}
	content, err := Of(file)
	if err != nil {
		return c, err
	}
	b, err := Open(content, passphrase)
	if err != nil {
		return c, err
	}
	defer b.Close()
	c.Header = b.Header
	m := mark{Modified: info.ModTime()} // at the beginning of the frame that is read
	if note != "" && b.recall(note, &m) {
		c.Resumed, c.Batches, c.Bytes = m.Head.Position, m.Batches, m.Bytes
	}
	if err := c.read(ctx, b, m, note, every); err != nil || note == "" {
		return c, err
	}
	if err := os.Remove(note); !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	return c, nil
}

// read counts what is left of a backup, and notes at the ends of frames how far it came.
func (c *Checked) read(ctx context.Context, b *Reader, m mark, note string, every time.Duration) error {
	noted, when := m.Frame, time.Now()
	for entry, err := range b.Entries() {
		if err != nil {
			return err
		}
		if m.Frame < b.next-1 {
			m.Frame, m.Head, m.Batches, m.Bytes = b.next-1, b.head, c.Batches, c.Bytes
		}
		interrupted := ctx.Err() != nil
		if note != "" && m.Frame > noted && (interrupted || time.Since(when) >= every) {
			c.Unnoted = b.remember(note, m)
			noted, when = m.Frame, time.Now()
		}
		if interrupted {
			return fmt.Errorf("%w after position %d of %d: %w", ErrUnfinished, m.Head.Position, b.Header.Position, context.Cause(ctx))
		}
		for _, batch := range entry {
			c.Batches, c.Bytes = c.Batches+1, c.Bytes+int64(len(batch.Payload))
		}
	}
	return nil
}

// mark is where a check stood at the end of a frame.
type mark struct {
	Modified time.Time     `json:"modified"` // of the file
	Frame    int           `json:"frame"`    // that comes next
	Head     eventlog.Head `json:"head"`
	Batches  int64         `json:"batches"`
	Bytes    int64         `json:"bytes"`
}

// remember writes a note that nobody can write who has not the passphrase: it would
// pass for a check of what was never read. One that is torn does not count.
func (b *Reader) remember(path string, m mark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(path, fmt.Appendf(nil, "%s %s\n", text, b.seal(text)), 0o600)
}

// recall goes on where a note says, if it is of this file as it is.
func (b *Reader) recall(path string, now *mark) bool {
	content, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	text, seal, _ := strings.Cut(strings.TrimSuffix(string(content), "\n"), " ")
	var m mark
	if !hmac.Equal([]byte(seal), []byte(b.seal([]byte(text)))) || json.Unmarshal([]byte(text), &m) != nil ||
		!m.Modified.Equal(now.Modified) || m.Frame >= len(b.frames) {
		return false
	}
	*now, b.next, b.head = m, m.Frame, m.Head
	return b.advance() == nil
}

// seal is the proof that a text was written by who can open this file.
func (b *Reader) seal(text []byte) string {
	mac := hmac.New(sha256.New, b.secret)
	mac.Write(text)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
