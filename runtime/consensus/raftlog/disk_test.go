package raftlog_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"syscall"

	"github.com/picloud/picloud/runtime/eventlog"
)

var (
	errPower = errors.New("the power is gone")
	errIO    = errors.New("the disk failed")
)

// disk is a file system that knows what a power cut would leave: of each file
// what was synced and the writes since, of each directory the names that were.
type disk struct {
	mu    sync.Mutex
	r     *rand.Rand
	names map[string]*inode // as programs see them
	known map[string]*inode // as the last SyncDir left them

	ops      int   // changes and syncs so far
	cutAt    int   // the power goes in this one; 0 = never
	failAt   int   // this one fails, perhaps after it was done in part; 0 = none
	failFor  int   // so many fail
	capacity int64 // bytes in all files; 0 = no limit
}

type inode struct {
	d       *disk
	data    []byte
	synced  []byte
	pending []change
}

// change is a write, or a truncation if p is nil.
type change struct {
	p  []byte
	at int64
}

func newDisk(r *rand.Rand) *disk {
	return &disk{r: r, names: map[string]*inode{}, known: map[string]*inode{}}
}

// cut is the disk after a power cut: any part of what was not synced is gone,
// sector by sector, in no order.
func (d *disk) cut() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newDisk(d.r)
	paths := map[string]bool{}
	for p := range d.names {
		paths[p] = true
	}
	for p := range d.known {
		paths[p] = true
	}
	sorted := make([]string, 0, len(paths))
	for p := range paths {
		sorted = append(sorted, p)
	}
	sort.Strings(sorted)
	for _, p := range sorted {
		f := d.names[p]
		if d.known[p] != f && d.r.IntN(2) == 0 {
			f = d.known[p]
		}
		if f == nil {
			continue
		}
		data := f.remains()
		n := &inode{d: after, data: data, synced: slices.Clone(data)}
		after.names[p], after.known[p] = n, n
	}
	return after
}

const sector = 512

// remains is what a power cut leaves of f.
func (f *inode) remains() []byte {
	r := f.d.r
	data := slices.Clone(f.synced)
	all, none := r.IntN(4) == 0, r.IntN(8) == 0
	for _, c := range f.pending {
		switch {
		case none:
		case c.p == nil:
			if (all || r.IntN(2) == 0) && c.at < int64(len(data)) {
				data = data[:c.at]
			}
		case all:
			data = put(data, c.p, c.at)
		default:
			data = putTorn(data, c, r)
		}
	}
	return data
}

// putTorn keeps some sectors of a write, and of some only a part.
func putTorn(data []byte, c change, r *rand.Rand) []byte {
	for p, at := c.p, c.at; len(p) > 0; {
		n := min(int64(len(p)), sector-at%sector)
		switch r.IntN(6) {
		case 0, 1:
		case 2:
			torn := r.Int64N(n + 1)
			data = put(data, p[:torn], at)
		default:
			data = put(data, p[:n], at)
		}
		p, at = p[n:], at+n
	}
	return data
}

func put(data, p []byte, at int64) []byte {
	if end := at + int64(len(p)); len(p) > 0 && end > int64(len(data)) {
		data = append(data, make([]byte, end-int64(len(data)))...)
	}
	copy(data[min(at, int64(len(data))):], p)
	return data
}

// op counts one change or sync; it may happen in part even if it fails.
func (d *disk) op() error {
	d.ops++
	switch {
	case d.cutAt > 0 && d.ops >= d.cutAt:
		return errPower
	case d.failAt > 0 && d.ops >= d.failAt && d.ops < d.failAt+d.failFor:
		return errIO
	}
	return nil
}

func (d *disk) OpenFile(path string, flag int, _ os.FileMode) (eventlog.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.names[path]
	if f == nil && flag&os.O_CREATE == 0 {
		return nil, os.ErrNotExist
	}
	if f == nil || flag&os.O_TRUNC != 0 {
		if err := d.op(); err != nil {
			return nil, err
		}
	}
	if f == nil {
		f = &inode{d: d}
		d.names[path] = f
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
	for p := range d.names {
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
	err := d.op()
	if err == nil || d.r.IntN(2) == 0 {
		delete(d.names, path)
	}
	return err
}

func (d *disk) SyncDir(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.op()
	if err == nil || d.r.IntN(2) == 0 {
		d.known = map[string]*inode{}
		for p, f := range d.names {
			d.known[p] = f
		}
	}
	return err
}

func (f *inode) ReadAt(p []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *inode) WriteAt(p []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	err := f.d.op()
	if err != nil {
		p = p[:f.d.r.IntN(len(p)+1)]
	} else if grow := at + int64(len(p)) - int64(len(f.data)); f.d.capacity > 0 && grow > 0 {
		if room := f.d.capacity - f.d.used(); grow > room {
			err, p = syscall.ENOSPC, p[:max(0, int64(len(p))-grow+max(0, room))]
		}
	}
	p = slices.Clone(p)
	f.data = put(f.data, p, at)
	if len(p) > 0 {
		f.pending = append(f.pending, change{p, at})
	}
	return len(p), err
}

func (d *disk) used() (n int64) {
	for _, f := range d.names {
		n += int64(len(f.data))
	}
	return n
}

func (f *inode) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	err := f.d.op()
	if err == nil || f.d.r.IntN(2) == 0 {
		f.truncate(size)
	}
	return err
}

func (f *inode) truncate(size int64) {
	f.data = f.data[:min(size, int64(len(f.data)))]
	f.pending = append(f.pending, change{nil, size})
}

func (f *inode) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	err := f.d.op()
	switch {
	case err == nil:
		f.synced, f.pending = slices.Clone(f.data), nil
	case f.d.r.IntN(3) == 0: // it was done all the same
		f.synced, f.pending = slices.Clone(f.data), nil
	}
	return err
}

func (f *inode) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *inode) Close() error { return nil }
