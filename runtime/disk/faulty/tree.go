package faulty

import (
	"maps"
	"slices"
)

// directory knows its names as programs see them, as they are durable, and what
// happened between: each change is there after a power cut, or not.
type directory struct {
	entries map[string]any // *directory or *inode
	known   map[string]any
	pending []map[string]any // a nil is a removal
}

func newDirectory() *directory {
	return &directory{entries: map[string]any{}, known: map[string]any{}}
}

func (d *directory) set(change map[string]any) {
	apply(d.entries, change)
	d.pending = append(d.pending, change)
}

func apply(names, change map[string]any) {
	for name, to := range change {
		if to == nil {
			delete(names, name)
		} else {
			names[name] = to
		}
	}
}

func (d *directory) sync() {
	d.known, d.pending = maps.Clone(d.entries), nil
}

func (d *directory) used() (n int64) {
	for _, e := range d.entries {
		switch e := e.(type) {
		case *directory:
			n += e.used()
		case *inode:
			n += int64(len(e.data))
		}
	}
	return n
}

// remains is what a power cut leaves.
func (d *directory) remains(r *Random, seen map[*inode]*inode) *directory {
	names := maps.Clone(d.known)
	all, none := r.IntN(4) == 0, r.IntN(8) == 0
	for _, change := range d.pending {
		if all || !none && r.IntN(2) == 0 {
			apply(names, change)
		}
	}
	after := newDirectory()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		after.entries[name] = remains(names[name], r, seen)
	}
	after.sync()
	return after
}

func remains(e any, r *Random, seen map[*inode]*inode) any {
	if dir, is := e.(*directory); is {
		return dir.remains(r, seen)
	}
	f := e.(*inode)
	if seen[f] == nil {
		data := f.remains(r)
		seen[f] = &inode{data: data, synced: slices.Clone(data)}
	}
	return seen[f]
}

// copied is the directory as it is, with what is not durable still at risk.
func (d *directory) copied(seen map[*inode]*inode) *directory {
	dirs := map[*directory]*directory{}
	copyOf := func(e any) any {
		switch e := e.(type) {
		case *directory:
			if dirs[e] == nil {
				dirs[e] = e.copied(seen)
			}
			return dirs[e]
		case *inode:
			if seen[e] == nil {
				seen[e] = &inode{data: slices.Clone(e.data), synced: slices.Clone(e.synced), pending: slices.Clone(e.pending)}
			}
			return seen[e]
		}
		return nil
	}
	names := func(from map[string]any) map[string]any {
		to := make(map[string]any, len(from))
		for name, e := range from {
			to[name] = copyOf(e)
		}
		return to
	}
	after := &directory{entries: names(d.entries), known: names(d.known)}
	for _, change := range d.pending {
		after.pending = append(after.pending, names(change))
	}
	return after
}

// adopt makes all files those of disk.
func (d *directory) adopt(disk *Disk) {
	own := func(names map[string]any) {
		for _, e := range names {
			switch e := e.(type) {
			case *directory:
				e.adopt(disk)
			case *inode:
				e.d = disk
			}
		}
	}
	own(d.entries)
	own(d.known)
	for _, change := range d.pending {
		own(change)
	}
}
