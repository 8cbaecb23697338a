package consensus

import (
	"sync/atomic"
	"time"
)

// DiskMark says when a disk counts as full: while less than the greater of
// MinFree and MinPercent of it is free.
type DiskMark struct {
	MinFree    uint64        // bytes; 0 means 256 MiB
	MinPercent uint64        // of the disk; 0 means 2
	Interval   time.Duration // between measurements; 0 means 1 s
	// Measure gives free and total bytes of the disk under dir; nil means the
	// operating system's figures.
	Measure func(dir string) (free, total uint64, err error)
}

func (d DiskMark) withDefaults() DiskMark {
	if d.MinFree == 0 {
		d.MinFree = 256 << 20
	}
	if d.MinPercent == 0 {
		d.MinPercent = 2
	}
	if d.Interval == 0 {
		d.Interval = time.Second
	}
	if d.Measure == nil {
		d.Measure = measureDisk
	}
	return d
}

// gauge remembers the last measurement.
type gauge struct {
	mark DiskMark
	dir  string
	full atomic.Bool
}

// measure looks again and tells whether the answer changed. A disk that cannot
// be measured keeps its last answer.
func (d *gauge) measure() (free uint64, changed bool, err error) {
	free, total, err := d.mark.Measure(d.dir)
	if err != nil {
		return 0, false, err
	}
	full := free < max(d.mark.MinFree, total/100*d.mark.MinPercent)
	return free, d.full.Swap(full) != full, nil
}
