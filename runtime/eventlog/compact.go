package eventlog

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/picloud/picloud/runtime/disk"
)

// Compaction drops payloads of sealed segments. What it drops depends on the log
// alone, so that it comes to the same on every node, however often and in
// whatever steps each does it.
type Compaction struct {
	// Through is where a sealed segment ends: see Compactable.
	Through uint64
	// Note is shown batches up to Through, in order, all that may make others
	// superfluous: what they say makes older ones so.
	Note func(Batch) error
	// Judge tells afterwards what becomes of a batch up to Through, and what is left
	// in the place of a payload that is dropped. It may be asked twice.
	Judge func(Batch) (left []byte, fate Fate)
}

// Compactable is the greatest position up to which compaction may go when all it
// touches is to be older than a time; 0 if there is none.
func (l *Log) Compactable(olderThan time.Time) (through uint64) {
	segments := l.view.Load().segments
	for i := 1; i < len(segments)-recent; i++ {
		if seg := segments[i]; seg.damage == nil && seg.before.Time.Before(olderThan) {
			through = seg.before.Position
		}
	}
	return through
}

// Compacted is the position up to which this log was compacted.
func (l *Log) Compacted() uint64 { return l.compacted.Load() }

// Compact carries out a compaction. It works beside the appender and readers; what
// was done when ctx or a fault ends it stays done, and doing it again completes
// it.
func (l *Log) Compact(ctx context.Context, c Compaction) error {
	l.rewriting.Lock()
	defer l.rewriting.Unlock()
	done := l.compacted.Load()
	if c.Through <= done {
		return nil
	}
	segments := l.view.Load().segments
	end := slices.IndexFunc(segments, func(s *segment) bool { return s.before.Position == c.Through })
	if end < 1 || end >= len(segments)-recent {
		return fmt.Errorf("eventlog: no sealed segment that is not recent ends at position %d", c.Through)
	}
	for _, seg := range segments[:end] {
		// What was said last before is in segments that have something to drop yet.
		if seg.before.Position < done && seg.droppable() == 0 {
			continue
		}
		if _, err := l.walk(ctx, seg, func(f frame, _ Head) error {
			if f.batch.Dropped {
				return nil
			}
			return c.Note(f.batch)
		}); err != nil {
			return err
		}
	}
	for i, seg := range segments[:end] {
		needed, err := l.touches(ctx, seg, done, c)
		if err == nil && needed {
			err = l.rewrite(ctx, seg, segments[i+1], c.Through, c.Judge)
		}
		if err != nil {
			return err
		}
	}
	if err := writePlace(l.fs, l.dir, compactedName, c.Through); err != nil {
		return err
	}
	l.compacted.Store(c.Through)
	return nil
}

// touches tells whether a compaction makes another form of a segment: of those that
// were never compacted always, of others where it drops something.
func (l *Log) touches(ctx context.Context, seg *segment, done uint64, c Compaction) (bool, error) {
	switch {
	case seg.compacted() >= c.Through: // before it was interrupted
		return false, nil
	case seg.compacted() == 0 || seg.before.Position >= done:
		return true, nil
	case seg.droppable() == 0:
		return false, nil
	}
	drops := false
	_, err := l.walk(ctx, seg, func(f frame, _ Head) error {
		if !f.batch.Dropped {
			_, fate := c.Judge(f.batch)
			drops = drops || fate == Drop
		}
		return nil
	})
	return drops, err
}

// Files of the log's directory that remember a position, both hints: without
// "compacted", the last completed compaction, the next one looks at everything
// again; "owed" is what Salvage cut.
//
//	 0 [8] "pcplace1"
//	 8 u64 position
//	16 u32 CRC-32C of the bytes before
const (
	compactedName = "compacted"
	owedName      = "owed"
	placeMagic    = "pcplace1"
	placeBytes    = 20
)

func writePlace(fsys disk.FS, dir, name string, position uint64) error {
	b := binary.LittleEndian.AppendUint64([]byte(placeMagic), position)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	err := disk.WriteFile(fsys, filepath.Join(dir, name), 0o600, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return named("write the file "+name+" of the event log", err)
	}
	return nil
}

// readPlace is 0 when nothing readable is there.
func readPlace(fsys disk.FS, dir, name string) uint64 {
	b, err := disk.ReadFile(fsys, filepath.Join(dir, name))
	if err != nil || len(b) != placeBytes || string(b[:8]) != placeMagic || crc32.Checksum(b[:16], castagnoli) != binary.LittleEndian.Uint32(b[16:]) {
		return 0
	}
	return binary.LittleEndian.Uint64(b[8:])
}
