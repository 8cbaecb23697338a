package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

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
	if _, err := write(t.Context(), &file, passphrase, 2, Header{Cluster: "c", Domain: "picloud.local"}, []byte(`{"1":"secret key"}`), log); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// restored reads a backup into an empty log.
func restored(t *testing.T, file io.Reader) (*eventlog.Log, *Reader, error) {
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
	if _, err := Open(bytes.NewReader(file), "another passphrase"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("got %v", err)
	}
	if _, err := Write(t.Context(), io.Discard, "too short", Header{}, []byte("{}"), history(t, 1)); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("a short passphrase was taken: %v", err)
	}
}

func TestChangedOrCutBackupIsRefused(t *testing.T) {
	file := backup(t, history(t, 100))
	step := max(1, len(file)/12)
	for at := 0; at < len(file); at += step {
		changed := bytes.Clone(file)
		changed[at] ^= 1
		for what, damaged := range map[string][]byte{"changed": changed, "cut": file[:at]} {
			if _, _, err := restored(t, bytes.NewReader(damaged)); err == nil {
				t.Errorf("%s at byte %d of %d: it was taken", what, at, len(file))
			}
		}
	}
	if _, _, err := restored(t, bytes.NewReader(file)); err != nil {
		t.Errorf("the whole file is refused: %v", err)
	}
	if _, err := Open(strings.NewReader("no backup at all"), passphrase); err == nil || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("got %v", err)
	}
}
