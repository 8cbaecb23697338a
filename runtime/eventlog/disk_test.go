package eventlog_test

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"

	"github.com/picloud/picloud/runtime/eventlog"
)

// disk is a file system that knows what a power cut would leave: each file has
// what was synced and the writes since. It can also fail.
type disk struct {
	mu    sync.Mutex
	files map[string]*diskFile
	fault func(op string, size int) (written int, err error)
}

type diskFile struct {
	d       *disk
	data    []byte
	synced  []byte
	pending []func([]byte, *rand.Rand) []byte
	durable bool // its name is
}

func newDisk() *disk { return &disk{files: map[string]*diskFile{}} }

// cut is the disk after a power cut: any part of what was not synced is gone.
func (d *disk) cut(r *rand.Rand) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newDisk()
	paths := make([]string, 0, len(d.files))
	for p := range d.files {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	for _, p := range paths {
		f := d.files[p]
		if !f.durable && r.IntN(2) == 0 {
			continue
		}
		data := slices.Clone(f.synced)
		for _, w := range f.pending {
			if r.IntN(3) > 0 {
				data = w(data, r)
			}
		}
		after.files[p] = &diskFile{d: after, data: data, synced: slices.Clone(data), durable: true}
	}
	return after
}

func (d *disk) OpenFile(path string, flag int, _ os.FileMode) (eventlog.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[path]
	if f == nil {
		if flag&os.O_CREATE == 0 {
			return nil, os.ErrNotExist
		}
		f = &diskFile{d: d}
		d.files[path] = f
	}
	if flag&os.O_TRUNC != 0 {
		f.truncate(0)
	}
	return f, nil
}

func (d *disk) ReadDir(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for p := range d.files {
		if filepath.Dir(p) == dir {
			names = append(names, filepath.Base(p))
		}
	}
	sort.Strings(names)
	return names, nil
}

func (d *disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, path)
	return nil
}

func (d *disk) SyncDir(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		f.durable = true
	}
	return nil
}

func (f *diskFile) ReadAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	var err error
	if f.d.fault != nil {
		var n int
		if n, err = f.d.fault("write", len(p)); err != nil {
			p = p[:n]
		}
	}
	p = slices.Clone(p)
	f.data = put(f.data, p, off)
	f.pending = append(f.pending, func(data []byte, r *rand.Rand) []byte {
		if r.IntN(2) == 0 { // torn
			return put(data, p[:r.IntN(len(p)+1)], off)
		}
		return put(data, p, off)
	})
	return len(p), err
}

func put(data, p []byte, off int64) []byte {
	if end := off + int64(len(p)); end > int64(len(data)) {
		data = append(data, make([]byte, end-int64(len(data)))...)
	}
	copy(data[off:], p)
	return data
}

func (f *diskFile) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.truncate(size)
	return nil
}

func (f *diskFile) truncate(size int64) {
	if size < int64(len(f.data)) {
		f.data = f.data[:size]
	}
	f.pending = append(f.pending, func(data []byte, _ *rand.Rand) []byte {
		if size < int64(len(data)) {
			return data[:size]
		}
		return data
	})
}

func (f *diskFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.fault != nil {
		if _, err := f.d.fault("sync", 0); err != nil {
			return err
		}
	}
	f.synced, f.pending = slices.Clone(f.data), nil
	return nil
}

func (f *diskFile) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *diskFile) Close() error { return nil }
