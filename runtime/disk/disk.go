package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// FS is a file system. A missing file is an fs.ErrNotExist everywhere.
type FS interface {
	// OpenFile is os.OpenFile, for files only.
	OpenFile(path string, flag int, perm os.FileMode) (File, error)
	// ReadDir names the entries of a directory, sorted.
	ReadDir(dir string) ([]string, error)
	// MkdirAll is os.MkdirAll, durably: also the names of what it made last.
	MkdirAll(dir string, perm os.FileMode) error
	// Rename is os.Rename. After a power cut the old name or the new one is
	// there, never both and never neither.
	Rename(from, to string) error
	// Remove is os.Remove.
	Remove(path string) error
	// SyncDir makes creations, renames and removals in dir durable.
	SyncDir(dir string) error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the length in bytes.
	Size() (int64, error)
	// Truncate sets the length.
	Truncate(size int64) error
	// Sync makes the content and the length durable (fdatasync).
	Sync() error
}

// Partial is put behind the name of a file that is not whole yet.
const Partial = ".new"

// ReadFile is os.ReadFile.
func ReadFile(fsys FS, path string) ([]byte, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, closing(f, err)
	}
	content := make([]byte, size)
	if _, err := f.ReadAt(content, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, closing(f, err)
	}
	return content, f.Close()
}

// WriteFile puts what write writes into the file at path: whole or not at all,
// and durably. One caller at a time; what a crash leaves behind is overwritten
// by the next.
func WriteFile(fsys FS, path string, perm os.FileMode, write func(io.Writer) error) (err error) {
	f, err := fsys.OpenFile(path+Partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, absent(fsys.Remove(path+Partial)))
		}
	}()
	err = write(io.NewOffsetWriter(f, 0))
	if err == nil {
		err = f.Sync()
	}
	if err = closing(f, err); err != nil {
		return err
	}
	if err := fsys.Rename(path+Partial, path); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(path))
}

// Exists tells whether a file or directory of that name is there.
func Exists(fsys FS, path string) (bool, error) {
	names, err := fsys.ReadDir(filepath.Dir(path))
	return slices.Contains(names, filepath.Base(path)), absent(err)
}

// RemoveFiles removes a directory that holds only files, if it is there.
func RemoveFiles(fsys FS, dir string) error {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return absent(err)
	}
	for _, name := range names {
		if err := fsys.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return fsys.Remove(dir)
}

// absent lets a missing file be no error.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// closing closes c and keeps the first error.
func closing(c io.Closer, err error) error {
	if closed := c.Close(); err == nil {
		err = closed
	}
	return err
}
