package disk_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/runtime/disk"
)

func TestFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	fsys, dir := disk.OS(), filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "file")
	if _, err := disk.ReadFile(fsys, path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if there, err := disk.Exists(fsys, path); there || err != nil {
		t.Fatal(there, err)
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		err := disk.WriteFile(fsys, path, 0o600, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "content %d", i)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("no more to write")
	if err := disk.WriteFile(fsys, path, 0o600, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if got, err := disk.ReadFile(fsys, path); string(got) != "content 1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if names, err := fsys.ReadDir(dir); len(names) != 1 || err != nil {
		t.Error(names, err)
	}
	if err := disk.RemoveFiles(fsys, dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestDirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disk.OS().MkdirAll(filepath.Join(file, "below"), 0o700); err == nil {
		t.Error("a directory below a file")
	}
	if err := disk.OS().MkdirAll(file, 0o700); err == nil {
		t.Error("a directory in place of a file")
	}
}
