package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/picloud/picloud/runtime/eventlog"
)

const passphrase = "correct horse battery"

// history is a log of several segments.
func history(t *testing.T, batches int) *eventlog.Log {
	t.Helper()
	log := empty(t)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range batches {
		entry := []eventlog.Batch{{Count: 2, Time: at, Payload: fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 300))}, {Count: 1, Time: at, Payload: []byte("y")}}
		if _, err := log.Append(uint64(i+1), entry); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
	}
	return log
}

func empty(t *testing.T) *eventlog.Log {
	t.Helper()
	log, err := eventlog.Open(eventlog.Config{Dir: t.TempDir(), SegmentBytes: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}

func backup(t *testing.T, log *eventlog.Log) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := write(t.Context(), &file, sizes{2, 4 << 10}, passphrase, Header{Cluster: "c", Domain: "picloud.local"}, []byte(`{"1":"secret key"}`), log); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// restored reads a backup into an empty log.
func restored(t *testing.T, file File) (*eventlog.Log, *Reader, error) {
	t.Helper()
	log := empty(t)
	r, err := Open(file, passphrase)
	if err != nil {
		return log, nil, err
	}
	defer r.Close()
	for batches, err := range r.Entries() {
		if err != nil {
			return log, r, err
		}
		if _, err := log.Append(batches[0].Index, batches); err != nil {
			t.Fatal(err)
		}
	}
	return log, r, nil
}

func TestBackupIsTheLogUpToItsPosition(t *testing.T) {
	log := history(t, 100)
	file := backup(t, log)
	want := log.Head()
	if _, err := log.Append(1000, []eventlog.Batch{{Count: 1, Time: want.Time, Payload: []byte("later")}}); err != nil {
		t.Fatal(err)
	}
	again, r, err := restored(t, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Head(); got != want || r.Header.Position != want.Position || r.Header.Domain != "picloud.local" {
		t.Errorf("got %+v with header %+v, want %+v", got, r.Header, want)
	}
	if string(r.Keys) != `{"1":"secret key"}` {
		t.Errorf("got keys %s", r.Keys)
	}
}

func TestBackupGoesOnBesideTheAppender(t *testing.T) {
	log := history(t, 50)
	ctx, stop := context.WithCancel(t.Context())
	appended := make(chan error, 1)
	go func() {
		for i := uint64(1000); ctx.Err() == nil; i++ {
			if _, err := log.Append(i, []eventlog.Batch{{Count: 1, Time: log.Head().Time, Payload: []byte("z")}}); err != nil {
				appended <- err
				return
			}
		}
		appended <- nil
	}()
	file := backup(t, log)
	stop()
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	again, r, err := restored(t, bytes.NewReader(file))
	if err != nil || again.Head().Position != r.Header.Position {
		t.Errorf("got %v at %d of %d", err, again.Head().Position, r.Header.Position)
	}
}

func TestNothingOfABackupIsReadableWithoutItsPassphrase(t *testing.T) {
	file := backup(t, history(t, 3))
	for _, secret := range []string{"secret key", "picloud.local", "xxxx"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("the file shows %q", secret)
		}
	}
	if _, err := Write(t.Context(), io.Discard, "too short", Header{}, []byte("{}"), history(t, 1)); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("a short passphrase was taken: %v", err)
	}
}

func TestChangedOrCutBackupIsRefused(t *testing.T) {
	file := backup(t, history(t, 100))
	step := max(1, len(file)/24)
	for at := 0; at < len(file); at += step {
		changed := bytes.Clone(file)
		changed[at] ^= 1
		if _, _, err := restored(t, bytes.NewReader(changed)); err == nil {
			t.Errorf("changed at byte %d of %d: it was taken", at, len(file))
		}
		// before anything of it is used
		if _, err := Open(bytes.NewReader(file[:at]), passphrase); err == nil {
			t.Errorf("cut at byte %d of %d: it was opened", at, len(file))
		}
	}
	if _, _, err := restored(t, bytes.NewReader(file)); err != nil {
		t.Errorf("the whole file is refused: %v", err)
	}
}

func TestWhatIsWrongWithAFileIsSaid(t *testing.T) {
	file := backup(t, history(t, 30))
	other := bytes.Clone(file)
	other[len(other)-1] ^= 1
	for what, refused := range map[string]struct {
		file       []byte
		passphrase string
		is         error
		says       string
	}{
		"nothing":            {nil, passphrase, ErrForeign, "no backup"},
		"another file":       {[]byte("no backup at all, but long enough"), passphrase, ErrForeign, "no backup"},
		"another passphrase": {file, "another passphrase", ErrPassphrase, "passphrase"},
		"no passphrase":      {file, "", ErrPassphrase, "passphrase"},
		"half":               {file[:len(file)/2], passphrase, ErrDamaged, "copy it again"},
		"a changed end":      {other, passphrase, ErrDamaged, "copy it again"},
		"another format":     {sealed(t, packed(t, `{"format":2,"new":true}`+"\n{}\n")), passphrase, nil, "format 2"},
		"too much work":      {worked(t, maxWorkFactor+1), passphrase, ErrDamaged, "work factor"},
		"a table of nothing": {sealed(t, append(packed(t, "x"), encodeTable(nil)...)), passphrase, ErrDamaged, "table"},
		"a table of more":    {sealed(t, append(packed(t, "x"), encodeTable([]frame{{1 << 20, 1}})...)), passphrase, ErrDamaged, "table"},
	} {
		_, err := Open(bytes.NewReader(refused.file), refused.passphrase)
		if err == nil || refused.is != nil && !errors.Is(err, refused.is) || !strings.Contains(err.Error(), refused.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// packed is one frame without a table, as an earlier release wrote.
func packed(t *testing.T, content string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(content), nil)
}

func sealed(t *testing.T, content []byte) []byte {
	t.Helper()
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(2)
	var file bytes.Buffer
	w, err := age.Encrypt(&file, recipient)
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// worked is a file that asks much of who opens it.
func worked(t *testing.T, factor int) []byte {
	return bytes.Replace(backup(t, history(t, 1)), []byte(" 2\n"), fmt.Appendf(nil, " %d\n", factor), 1)
}

func TestBackupOfAnEarlierReleaseIsRead(t *testing.T) {
	log := history(t, 50)
	head := log.Head()
	text, err := json.Marshal(Header{Format: format, Cluster: "c", Position: head.Position, Digest: head.Digest})
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "\n{}\n"...)
	for raw, at := log.Raw(0), uint64(0); at < head.Position; {
		if text, at, _, err = raw.Next(text); err != nil {
			t.Fatal(err)
		}
	}
	again, _, err := restored(t, bytes.NewReader(sealed(t, packed(t, string(text)))))
	if err != nil || again.Head() != head {
		t.Errorf("got %+v, %v", again.Head(), err)
	}
}

// Whoever has the tools of the formats needs no picloud to look inside.
func TestBackupIsReadByStandardTools(t *testing.T) {
	scrypt, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := age.Decrypt(bytes.NewReader(backup(t, history(t, 100))), scrypt)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := zstd.NewReader(opened)
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	text, err := io.ReadAll(unpacked)
	if err != nil || !bytes.HasPrefix(text, []byte(`{"format":1,`)) || bytes.Count(text, []byte("xxx")) < 100 {
		t.Errorf("got %d bytes, %v", len(text), err)
	}
}
