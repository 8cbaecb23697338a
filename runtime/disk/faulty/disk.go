package faulty

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/picloud/picloud/runtime/disk"
)

var (
	// ErrPower is what every change meets once the power is gone.
	ErrPower = errors.New("the power is gone")
	// ErrIO is a failure of the disk (see FailAt).
	ErrIO = errors.New("the disk failed")
)

// Op is a sort of change; reads are none.
type Op string

// What Fault and Stall are asked about.
const (
	OpCreate   Op = "create" // also truncation at opening
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpSync     Op = "sync"
	OpSyncDir  Op = "sync of a directory"
	OpMkdir    Op = "mkdir"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
)

// Disk is a disk.FS. The functions are set before the disk is used; they are
// called without its lock.
type Disk struct {
	// Fault, if set, is asked before each change: with an error, only written
	// bytes of a write of size bytes are done, and nothing of anything else.
	Fault func(op Op, path string, size int) (written int, err error)
	// Stall, if set, says how long a change waits before it is done. It is not
	// asked for what a caller may do while it holds a sync.Mutex: OpRemove.
	Stall func(op Op, path string) time.Duration
	// OnCut is called once, when the power goes.
	OnCut func()

	mu       sync.Mutex
	r        *Random
	root     *directory
	gone     bool
	ops      int
	cutAt    int
	failAt   int
	failFor  int
	capacity int64
}

var _ disk.FS = (*Disk)(nil)

// New is an empty disk whose randomness is r's, which it uses under its lock.
func New(r *Random) *Disk { return &Disk{r: r, root: newDirectory()} }

// CutAt lets the power go in the n-th change from now; 0 means never.
func (d *Disk) CutAt(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops, d.cutAt = 0, n
}

// FailAt lets changes fail: the n-th from now and as many more as make times in
// all; 0 means none.
func (d *Disk) FailAt(n, times int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops, d.failAt, d.failFor = 0, n, times
}

// SetCapacity bounds the bytes of all files together; 0 means no bound.
func (d *Disk) SetCapacity(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = n
}

// Capacity is the bound that SetCapacity set.
func (d *Disk) Capacity() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.capacity
}

// Used is how many bytes all files have together.
func (d *Disk) Used() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.root.used()
}

// Cut lets the power go now.
func (d *Disk) Cut() {
	d.mu.Lock()
	told := d.goDark()
	d.mu.Unlock()
	told()
}

// goDark takes the power and gives what is to be called without the lock.
func (d *Disk) goDark() (told func()) {
	first := !d.gone
	d.gone = true
	if first && d.OnCut != nil {
		return d.OnCut
	}
	return func() {}
}

// After takes the power, if it is still there, and is what it leaves.
func (d *Disk) After() *Disk {
	d.Cut()
	d.mu.Lock()
	defer d.mu.Unlock()
	after := New(d.r)
	after.capacity = d.capacity
	after.root = d.root.remains(d.r, map[*inode]*inode{})
	after.root.adopt(after)
	return after
}

// Kill is the disk as a killed process leaves it: all that was written is there,
// what was not synced is still at risk. The process that had it changes nothing
// any more.
func (d *Disk) Kill() *Disk {
	d.Cut()
	return d.Copy()
}

// Copy is another disk with the same content, durable and not.
func (d *Disk) Copy() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := New(d.r)
	after.capacity = d.capacity
	after.root = d.root.copied(map[*inode]*inode{})
	after.root.adopt(after)
	return after
}

// Flip changes bits of a byte that is durable: rot. It panics if the file has no
// such byte.
func (d *Disk) Flip(path string, at int64, bits byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.existing(path)
	if err != nil || f == nil {
		panic("faulty: no file " + path)
	}
	f.data[at] ^= bits
	if at < int64(len(f.synced)) {
		f.synced[at] ^= bits
	}
}

// change does one change: it waits as long as the disk is slow, and asks what
// goes wrong. do is called with the disk locked: with nil if all goes well, with
// the error if a part may be done.
func (d *Disk) change(op Op, path string, size int, do func(written int, err error) error) error {
	if d.Stall != nil && op != OpRemove {
		if wait := d.Stall(op, path); wait > 0 {
			time.Sleep(wait)
		}
	}
	written, fault := size, error(nil)
	if d.Fault != nil {
		if written, fault = d.Fault(op, path, size); fault == nil {
			written = size
		}
	}
	d.mu.Lock()
	told := func() {}
	defer func() { d.mu.Unlock(); told() }()
	if d.gone {
		return ErrPower
	}
	d.ops++
	switch {
	case fault != nil:
		if op != OpWrite {
			return fault
		}
	case d.cutAt > 0 && d.ops >= d.cutAt:
		told = d.goDark()
		written, fault = d.r.IntN(size+1), ErrPower
	case d.failAt > 0 && d.ops >= d.failAt && d.ops < d.failAt+d.failFor:
		written, fault = d.r.IntN(size+1), ErrIO
	}
	return do(written, fault)
}

// OpenFile is disk.FS's.
func (d *Disk) OpenFile(path string, flag int, _ os.FileMode) (disk.File, error) {
	d.mu.Lock()
	f, err := d.existing(path)
	d.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case f == nil && flag&os.O_CREATE == 0:
		return nil, &os.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	case f != nil && flag&os.O_TRUNC == 0:
		return &file{f, path}, nil
	}
	err = d.change(OpCreate, path, 0, func(_ int, fault error) error {
		if fault != nil {
			return fault
		}
		dir, name, err := d.parent(path)
		if err != nil {
			return err
		}
		if f == nil {
			f = &inode{d: d}
			dir.set(map[string]any{name: f})
		}
		f.truncate(0)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &file{f, path}, nil
}

// existing is the file at path; nil if there is none.
func (d *Disk) existing(path string) (*inode, error) {
	dir, name, err := d.parent(path)
	if err != nil {
		return nil, err
	}
	if _, is := dir.entries[name].(*directory); is {
		return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	}
	f, _ := dir.entries[name].(*inode)
	return f, nil
}

// parent is the directory of path, and path's name in it.
func (d *Disk) parent(path string) (*directory, string, error) {
	dir, err := d.dir(filepath.Dir(path))
	return dir, filepath.Base(path), err
}

func (d *Disk) dir(path string) (*directory, error) {
	at := d.root
	for _, name := range parts(path) {
		next, is := at.entries[name].(*directory)
		if !is {
			return nil, &os.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		at = next
	}
	return at, nil
}

func parts(path string) []string {
	return slices.DeleteFunc(strings.Split(filepath.ToSlash(filepath.Clean(path)), "/"), func(s string) bool { return s == "" || s == "." })
}

// ReadDir is disk.FS's.
func (d *Disk) ReadDir(path string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, err := d.dir(path)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(dir.entries)), nil
}

// MkdirAll is disk.FS's.
func (d *Disk) MkdirAll(path string, _ os.FileMode) error {
	d.mu.Lock()
	_, err := d.dir(path)
	d.mu.Unlock()
	if err == nil {
		return nil
	}
	return d.change(OpMkdir, path, 0, func(_ int, fault error) error {
		at := d.root
		for _, name := range parts(path) {
			if fault != nil && d.r.IntN(2) == 0 {
				return fault
			}
			if at.entries[name] == nil {
				at.set(map[string]any{name: newDirectory()})
			}
			next, is := at.entries[name].(*directory)
			if !is {
				return &os.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
			}
			if fault == nil {
				at.known[name] = next
			}
			at = next
		}
		return fault
	})
}

// Rename is disk.FS's, within one directory.
func (d *Disk) Rename(from, to string) error {
	return d.change(OpRename, from, 0, func(_ int, fault error) error {
		dir, name, err := d.parent(from)
		switch {
		case err != nil:
			return err
		case filepath.Dir(from) != filepath.Dir(to):
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.EXDEV}
		case dir.entries[name] == nil:
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrNotExist}
		}
		if fault == nil || d.r.IntN(2) == 0 {
			dir.set(map[string]any{name: nil, filepath.Base(to): dir.entries[name]})
		}
		return fault
	})
}

// Remove is disk.FS's.
func (d *Disk) Remove(path string) error {
	return d.change(OpRemove, path, 0, func(_ int, fault error) error {
		dir, name, err := d.parent(path)
		if err != nil {
			return err
		}
		if below, is := dir.entries[name].(*directory); is && len(below.entries) > 0 {
			return &os.PathError{Op: "remove", Path: path, Err: syscall.ENOTEMPTY}
		}
		if dir.entries[name] == nil {
			return &os.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
		}
		if fault == nil || d.r.IntN(2) == 0 {
			dir.set(map[string]any{name: nil})
		}
		return fault
	})
}

// SyncDir is disk.FS's.
func (d *Disk) SyncDir(path string) error {
	return d.change(OpSyncDir, path, 0, func(_ int, fault error) error {
		dir, err := d.dir(path)
		if err != nil {
			return err
		}
		if fault == nil || d.r.IntN(2) == 0 {
			dir.sync()
		}
		return fault
	})
}
