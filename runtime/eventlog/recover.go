package eventlog

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/picloud/picloud/runtime/disk"
)

// Recovery tells what Open found after the last durable batch and cut away.
// The zero value: nothing was cut. Raft's log brings the cut batches again.
type Recovery struct {
	File   string // the segment that was cut
	Offset int64  // where
	Bytes  int64  // how many bytes went
	Reason string // why they are no batch
	Head   Head   // where the log ends now
}

// Cut tells whether anything was cut.
func (r Recovery) Cut() bool { return r.File != "" }

// open finds the segments, checks how they continue each other, and reads the
// newest one whole.
func (l *Log) open() error {
	segments, torn, err := l.list()
	if err != nil {
		return err
	}
	l.markFile, l.mark, err = openMark(l.fs, l.dir, len(segments) == 0 && torn == "")
	var bad *CorruptError
	if errors.As(err, &bad) {
		return l.lost(segments, bad.File, bad.Reason)
	}
	if err != nil {
		return err
	}
	if torn != "" {
		if err := l.dropTorn(segments, torn); err != nil {
			return err
		}
	}
	if len(segments) == 0 {
		return l.begin()
	}
	l.compacted.Store(readPlace(l.fs, l.dir, compactedName))
	return l.resume(segments)
}

// lost is the damage of a log that goes on after the segments, or did: it ends with
// what is whole of the last of them.
func (l *Log) lost(segments []*segment, file, reason string) error {
	head := Beginning()
	if n := len(segments); n > 0 {
		var torn *frameError
		var err error
		if head, _, _, err = l.replay(segments[n-1]); err != nil && !errors.As(err, &torn) {
			return err
		}
	}
	return l.lostAfter(head, file, 0, reason)
}

// lostAfter is damage after which nothing of the log can be read.
func (l *Log) lostAfter(head Head, file string, offset int64, reason string) error {
	return &CorruptError{File: file, Offset: offset, Position: head.Position + 1, Until: l.mark.position, Reason: reason, End: &head}
}

// dropTorn removes a newest segment whose header never became durable.
func (l *Log) dropTorn(segments []*segment, torn string) error {
	durable := filepath.Base(segmentPath("", l.mark.segment))
	if l.mark.segment != 0 && filepath.Base(torn) <= durable {
		return l.lost(segments, torn, errHeaderBad.Error())
	}
	l.recovery = Recovery{File: torn, Reason: "the header of the segment was never completed"}
	if err := l.fs.Remove(torn); err != nil {
		return named("remove the torn segment "+torn, err)
	}
	return l.fs.SyncDir(l.dir)
}

// begin starts an empty log: first the mark, then the segment, so that a
// segment without a mark is always damage.
func (l *Log) begin() error {
	if l.mark.segment != 0 {
		return l.lost(nil, segmentPath(l.dir, l.mark.segment), errMissing.Error())
	}
	for range 2 { // both slots, so that neither needs room later
		l.mark.sequence++
		if err := writeMark(l.markFile, l.mark); err != nil {
			return named("begin the event log", err)
		}
	}
	head := Beginning()
	if err := l.fs.SyncDir(l.dir); err != nil {
		return named("begin the event log", err)
	}
	seg, file, err := l.create(1, head)
	if err != nil {
		return err
	}
	seg.indexed = true
	l.recovery.Head = head
	l.view.Store(&view{head: head, segments: []*segment{seg}, file: file, end: segmentHeader, whole: segmentHeader, changed: make(chan struct{})})
	return nil
}

// resume reads the newest segment, cuts what was never durable, and continues.
func (l *Log) resume(segments []*segment) error {
	seg := segments[len(segments)-1]
	if l.mark.segment > seg.first() {
		return l.lost(segments, segmentPath(l.dir, l.mark.segment), errMissing.Error())
	}
	if seg.archive != nil {
		return l.resumeAfter(segments)
	}
	head, end, whole, bad := l.replay(seg)
	var torn *frameError
	if bad != nil && !errors.As(bad, &torn) {
		return bad
	}
	if l.mark.segment == seg.first() && end < l.mark.offset {
		if torn != nil {
			return l.lostAfter(head, seg.path, torn.offset, torn.reason.Error())
		}
		return l.lostAfter(head, seg.path, end, "the file is shorter than what was synced")
	}
	file, err := l.fs.OpenFile(seg.path, os.O_RDWR, 0)
	if err != nil {
		return named("open the event log", err)
	}
	if err := l.cut(seg, file, head, end, torn); err != nil {
		return closing(file, err)
	}
	l.view.Store(&view{head: head, segments: segments, file: file, end: end, whole: whole, changed: make(chan struct{})})
	return nil
}

// resumeAfter continues after an archive: what came after it is lost, and given up by
// Salvage.
func (l *Log) resumeAfter(segments []*segment) error {
	last := segments[len(segments)-1]
	head, _, _, err := l.replay(last)
	if err != nil {
		return last.corrupt(err, head.Position+1)
	}
	seg, file, err := l.create(last.number+1, head)
	if err != nil {
		return err
	}
	l.recovery = Recovery{File: last.path, Offset: last.size, Reason: "the segments that came after it are missing", Head: head}
	l.view.Store(&view{head: head, segments: append(segments, seg), file: file, end: segmentHeader, whole: segmentHeader, changed: make(chan struct{})})
	return nil
}

// replay walks the newest segment. head, end and whole are those after the last
// whole Raft entry; err is why the walk ended there, nil at the end of the file.
func (l *Log) replay(seg *segment) (head Head, end, whole int64, err error) {
	head, end, whole = seg.before, segmentHeader, segmentHeader
	at, size := head, whole
	sc := newScanner(l.fs, seg, segmentHeader, seg.size)
	for {
		start := sc.offset
		f, err := sc.next()
		switch {
		case err == io.EOF && end != start:
			return head, end, whole, &frameError{end, errShort}
		case err == io.EOF:
			return head, end, whole, nil
		case err != nil:
			return head, end, whole, err
		}
		if at, err = at.follow(f.batch, f.raw); err != nil {
			return head, end, whole, &frameError{start, err}
		}
		seg.note(f.batch.First, start)
		size += f.batch.whole()
		if !f.more {
			head, end, whole = at, sc.offset, size
		}
	}
}

// cut removes everything after end from the newest segment.
func (l *Log) cut(seg *segment, file disk.File, head Head, end int64, torn *frameError) error {
	seg.mu.Lock()
	seg.indexed = true
	for n := len(seg.index); n > 0 && seg.index[n-1].offset >= end; n-- {
		seg.index = seg.index[:n-1]
	}
	seg.mu.Unlock()
	l.recovery.Head = head
	if torn == nil {
		return nil
	}
	l.recovery = Recovery{File: seg.path, Offset: end, Bytes: seg.size - end, Reason: torn.reason.Error(), Head: head}
	err := file.Truncate(end)
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return named("cut the torn tail of "+seg.path, err)
	}
	return nil
}
