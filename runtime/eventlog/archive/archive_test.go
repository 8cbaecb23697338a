package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog/archive"
)

func codec(t testing.TB) *archive.Codec {
	t.Helper()
	c, err := archive.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pack makes an archive in memory.
func pack(t testing.TB, c *archive.Codec, first, rest []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := c.NewWriter(&out, first)
	for len(rest) > 0 {
		n := min(len(rest), 1000)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close([2]uint64{7, 8}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func onDisk(t testing.TB, content []byte) disk.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := disk.OS().OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// text is compressible in its first half and noise in the second.
func text(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		if b[i] = "events "[i%7]; i > n/2 {
			b[i] = byte(r.Uint32())
		}
	}
	return b
}

func TestAnyPartIsReadAsItWasWritten(t *testing.T) {
	c := codec(t)
	for _, n := range []int{0, 1, archive.BlockBytes - 1, archive.BlockBytes, archive.BlockBytes + 1, 5*archive.BlockBytes + 17} {
		first, rest := []byte("first bytes"), text(n)
		whole := append(bytes.Clone(first), rest...)
		f := onDisk(t, pack(t, c, first, rest))
		a, err := c.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		if a.Size != int64(len(whole)) || a.Notes != [2]uint64{7, 8} {
			t.Fatalf("%+v", a)
		}
		r := rand.New(rand.NewPCG(3, 4))
		for range 200 {
			at, want := r.IntN(len(whole)), r.IntN(3*archive.BlockBytes)+1
			got, err := a.Read(f, int64(at), want)
			if err != nil || len(got) < min(want, len(whole)-at) || !bytes.Equal(got, whole[at:at+len(got)]) {
				t.Fatalf("%d bytes at %d of %d: %d bytes, %v", want, at, len(whole), len(got), err)
			}
			if len(got) > want+2*archive.BlockBytes {
				t.Fatalf("%d bytes for %d", len(got), want)
			}
		}
		if _, err := a.Read(f, int64(len(whole)), 1); err == nil {
			t.Error("something was read behind the end")
		}
	}
}

func TestEveryFlippedBitOfAnArchiveIsNoticed(t *testing.T) {
	c := codec(t)
	whole := pack(t, c, []byte("first bytes"), text(3000))
	for i := range whole {
		if i >= len(whole)-12 && i < len(whole)-8 {
			continue // padding of the footer
		}
		bad := bytes.Clone(whole)
		bad[i] ^= 1 << (i % 8)
		if err := readAll(c, memory{bytes.NewReader(bad)}); !errors.Is(err, archive.ErrDamaged) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for n := range whole {
		if err := readAll(c, memory{bytes.NewReader(whole[:n])}); !errors.Is(err, archive.ErrDamaged) {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func readAll(c *archive.Codec, f disk.File) error {
	defer f.Close()
	a, err := c.Open(f)
	if err != nil {
		return err
	}
	for at := int64(0); at < a.Size; {
		b, err := a.Read(f, at, 1000)
		if err != nil {
			return err
		}
		at += int64(len(b))
	}
	return nil
}

func FuzzOpen(f *testing.F) {
	c := codec(f)
	f.Add(pack(f, c, []byte("first"), text(300)))
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := readAll(c, memory{bytes.NewReader(content)}); err != nil && !errors.Is(err, archive.ErrDamaged) {
			t.Fatal(err)
		}
	})
}

// memory is a file to read.
type memory struct{ *bytes.Reader }

func (m memory) Size() (int64, error)             { return m.Reader.Size(), nil }
func (memory) Close() error                       { return nil }
func (memory) Sync() error                        { return nil }
func (memory) Truncate(int64) error               { return fmt.Errorf("read only") }
func (memory) WriteAt([]byte, int64) (int, error) { return 0, fmt.Errorf("read only") }
