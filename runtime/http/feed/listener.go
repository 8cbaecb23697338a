package feed

import (
	"io"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/eventlog"
)

// What a walk reads of the log before it gives what it found.
const (
	burstBytes   = 16 << 10
	burstBatches = 256
)

// Walk reads events from the log itself, which nobody shares. It is for one
// goroutine.
type Walk struct {
	// At is up to where the log was walked.
	At     base.Position
	log    *eventlog.Log
	reader *eventlog.Reader // nil where the walk was not here before
	encode Encode
}

// NewWalk begins after a position.
func NewWalk(log *eventlog.Log, encode Encode, after base.Position) *Walk {
	return &Walk{At: after, log: log, encode: encode}
}

// Next gives the next events up to a position where a batch ends. There may be
// none although the walk is not there yet: see At.
func (w *Walk) Next(until base.Position) (events []Event, err error) {
	at := w.At
	if w.reader == nil {
		w.reader = w.log.Reader(uint64(at))
	}
	for n, size := 0, 0; n < burstBatches && size < burstBytes && err == nil; n++ {
		batch, failed := w.reader.Until(uint64(until))
		if failed == io.EOF { // the log may pass over the positions before
			w.At = max(w.At, until)
			break
		}
		var more []Event
		if err = failed; err == nil {
			more, err = Decode(w.encode, batch)
		}
		if err == nil {
			w.At, size = base.Position(batch.Last()), size+len(batch.Payload)
			events = append(events, more...)
		}
	}
	for len(events) > 0 && events[0].Position <= at { // it began within a batch
		events = events[1:]
	}
	return events, err
}

// Listener hears the events after a position, all of them, in order: from the
// feed, and from the log what the feed does not hold any more. It is for one
// goroutine.
type Listener struct {
	feed *Feed
	walk *Walk
}

// Leave must be called once.
func (l *Listener) Leave() { l.feed.leave() }

// Next gives what comes next, and where that was all a channel that is closed
// when there is more. An error is the end.
func (l *Listener) Next() (events []Event, more <-chan struct{}, err error) {
	now := l.feed.current.Load()
	if l.walk.At < now.from {
		events, err = l.walk.Next(now.to)
		return events, nil, err
	}
	events = now.after(l.walk.At)
	if l.walk.At < now.to {
		l.walk.At, l.walk.reader = now.to, nil
	}
	if len(events) > 0 && now.err != nil {
		return events, nil, nil
	}
	return events, now.newer, now.err
}
