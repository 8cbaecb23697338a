package backup

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// stops is a context that ends when it was asked often enough.
type stops struct {
	context.Context
	after int
}

func (s *stops) Err() error {
	if s.after--; s.after <= 0 {
		return context.Canceled
	}
	return nil
}

func (s *stops) Value(any) any { return nil }

// stored writes a backup of several frames into a file.
func stored(t *testing.T, name string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, backup(t, history(t, 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// halfway interrupts a check of a file in the middle.
func halfway(t *testing.T, file *os.File) (note string) {
	t.Helper()
	note = file.Name() + ".checked"
	c, err := check(&stops{t.Context(), 60}, file, passphrase, note, time.Hour)
	if !errors.Is(err, ErrUnfinished) || c.Unnoted != nil {
		t.Fatal(c, err)
	}
	return note
}

func TestInterruptedCheckGoesOn(t *testing.T) {
	file := stored(t, "a")
	note := halfway(t, file)
	if content, err := os.ReadFile(note); err != nil || bytes.Contains(content, []byte("secret")) {
		t.Error(string(content), err)
	}
	c, err := Check(t.Context(), file, passphrase, note)
	if err != nil || c.Resumed == 0 || c.Batches != 200 || c.Bytes == 0 || c.Header.Position != 300 {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := os.Stat(note); err == nil {
		t.Error("the next check would not read all")
	}
	again, err := Check(t.Context(), file, passphrase, note)
	if c.Resumed = 0; err != nil || again != c {
		t.Errorf("%+v, %v; want %+v", again, err, c)
	}
}

func TestCheckThatWasKilledGoesOn(t *testing.T) {
	file := stored(t, "a")
	note := file.Name() + ".checked"
	b, err := Open(bytesOf(t, file), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	// what a check has noted when it ends without a word
	seen := 0
	for range b.Entries() {
		if seen++; seen == 70 {
			break
		}
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.remember(note, mark{Modified: info.ModTime(), Frame: b.next - 1, Head: b.head, Batches: int64(2 * seen)}); err != nil {
		t.Fatal(err)
	}
	if c, err := Check(t.Context(), file, passphrase, note); err != nil || c.Resumed == 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func bytesOf(t *testing.T, file *os.File) *bytes.Reader {
	t.Helper()
	content, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(content)
}

func TestNoteCountsForItsFileAloneAsItWas(t *testing.T) {
	file, other := stored(t, "a"), stored(t, "b")
	note := halfway(t, file)
	if c, err := check(t.Context(), other, passphrase, note, time.Hour); err != nil || c.Resumed != 0 {
		t.Errorf("of another file: %+v, %v", c, err)
	}
	note = halfway(t, file)
	content, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	for what, forged := range map[string][]byte{
		"forged": bytes.Replace(content, []byte(`"frame":`), []byte(`"frame":1`), 1),
		"torn":   content[:len(content)/2],
		"empty":  nil,
	} {
		if err := os.WriteFile(note, forged, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := check(t.Context(), file, passphrase, note, time.Hour); err != nil || c.Resumed != 0 {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
	// damage in what was read already is found when the file was written since
	note = halfway(t, file)
	if _, err := file.WriteAt([]byte{0xFF}, 2000); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file.Name(), time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := check(t.Context(), file, passphrase, note, time.Hour); !errors.Is(err, ErrDamaged) {
		t.Errorf("the damage was not found: %v", err)
	}
}

func TestCheckWithoutANoteReadsAll(t *testing.T) {
	file := stored(t, "a")
	nowhere := filepath.Join(t.TempDir(), "none", "note")
	c, err := check(t.Context(), file, passphrase, nowhere, 0)
	if err != nil || c.Unnoted == nil || c.Batches != 200 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := Check(t.Context(), file, passphrase, ""); err != nil || c.Batches != 200 {
		t.Errorf("%+v, %v", c, err)
	}
}
