package faulty

import (
	"io"
	"slices"
	"syscall"
)

// inode is a file: as programs see it, as it is durable, and the changes between.
type inode struct {
	d       *Disk
	data    []byte
	synced  []byte
	pending []change
}

// change is a write, or a truncation if p is nil.
type change struct {
	p  []byte
	at int64
}

// file is an open one.
type file struct {
	*inode
	path string
}

const sector = 512

// remains is what a power cut leaves of f.
func (f *inode) remains(r *Random) []byte {
	data := slices.Clone(f.synced)
	all, none := r.IntN(4) == 0, r.IntN(8) == 0
	for _, c := range f.pending {
		switch {
		case none:
		case c.p == nil:
			if all || r.IntN(2) == 0 {
				data = c.apply(data)
			}
		case all:
			data = c.apply(data)
		default:
			data = c.tear(data, r)
		}
	}
	return data
}

// apply does the change to data.
func (c change) apply(data []byte) []byte {
	if c.p == nil {
		if c.at > int64(len(data)) {
			return append(data, make([]byte, c.at-int64(len(data)))...)
		}
		return data[:c.at]
	}
	return put(data, c.p, c.at)
}

// tear keeps some sectors of a write, and of some only a part.
func (c change) tear(data []byte, r *Random) []byte {
	for p, at := c.p, c.at; len(p) > 0; {
		n := min(int64(len(p)), sector-at%sector)
		switch r.IntN(6) {
		case 0, 1:
		case 2:
			data = put(data, p[:r.Int64N(n+1)], at)
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

func (f *file) ReadAt(p []byte, at int64) (int, error) {
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

func (f *file) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.d.change(OpWrite, f.path, len(p), func(written int, fault error) error {
		n = written
		if grow := at + int64(n) - int64(len(f.data)); fault == nil && f.d.capacity > 0 && grow > 0 {
			if room := f.d.capacity - f.d.root.used(); grow > room {
				fault, n = syscall.ENOSPC, max(0, n-int(grow-max(0, room)))
			}
		}
		if n > 0 {
			f.do(change{slices.Clone(p[:n]), at})
		}
		return fault
	})
	return n, err
}

func (f *inode) do(c change) {
	f.data = c.apply(f.data)
	f.pending = append(f.pending, c)
}

func (f *inode) truncate(size int64) { f.do(change{nil, size}) }

func (f *file) Truncate(size int64) error {
	return f.d.change(OpTruncate, f.path, 0, func(_ int, fault error) error {
		if fault == nil || f.d.r.IntN(2) == 0 {
			f.truncate(size)
		}
		return fault
	})
}

func (f *file) Sync() error {
	return f.d.change(OpSync, f.path, 0, func(_ int, fault error) error {
		if fault == nil || f.d.r.IntN(3) == 0 { // done all the same
			for _, c := range f.pending {
				f.synced = c.apply(f.synced)
			}
			f.pending = nil
		}
		return fault
	})
}

func (f *file) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *file) Close() error { return nil }
