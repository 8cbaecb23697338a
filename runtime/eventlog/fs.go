package eventlog

import (
	"io"
	"os"
)

// FS is what the log needs of a file system. The log runs on the operating
// system's; tests put faults between.
type FS interface {
	// OpenFile is os.OpenFile.
	OpenFile(path string, flag int, perm os.FileMode) (File, error)
	// ReadDir names the entries of a directory, sorted.
	ReadDir(dir string) ([]string, error)
	// Remove is os.Remove.
	Remove(path string) error
	// SyncDir makes creations and removals in dir durable.
	SyncDir(dir string) error
}

// File is what the log needs of an open file.
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

// OS is the operating system's file system.
func OS() FS { return osFS{} }

type osFS struct{}

func (osFS) OpenFile(path string, flag int, perm os.FileMode) (File, error) {
	f, err := os.OpenFile(path, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (osFS) Remove(path string) error { return os.Remove(path) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return closing(d, err)
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Sync() error { return datasync(f.File) }

// closing closes c and keeps the first error.
func closing(c io.Closer, err error) error {
	if cerr := c.Close(); err == nil {
		err = cerr
	}
	return err
}
