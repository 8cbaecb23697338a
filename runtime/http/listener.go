package http

import (
	"context"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/http/feed"
)

// recordBytes is how much is written at once, unless one event is larger: what a
// record of TLS takes.
const recordBytes = 16 << 10

// listener is a client to whom events are told.
type listener struct {
	stream
	filter eventFilter
}

// replay tells what the log holds now.
func (l *listener) replay(ctx context.Context, after base.Position) error {
	walk, end := feed.NewWalk(l.server.events, l.server.appendEvent, after), base.Position(l.server.events.Head().Position)
	for walk.At < end && ctx.Err() == nil {
		events, err := walk.Next(end)
		if err == nil {
			err = l.tell(events)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow tells what comes until ctx ends.
func (l *listener) follow(ctx context.Context, after base.Position) error {
	if err := l.flush(nil); err != nil { // the client learns at once that it is connected
		return err
	}
	heard := l.server.feed.Join(after)
	defer heard.Leave()
	heartbeat := l.server.cfg.Times.Heartbeat
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	for ctx.Err() == nil {
		events, more, err := heard.Next()
		if err == nil {
			err = l.tell(events)
		}
		switch {
		case err != nil:
			return err
		case more == nil:
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
		case <-beat.C:
			if time.Since(l.wrote) >= heartbeat {
				if err := l.beat(); err != nil {
					return err
				}
			}
			beat.Reset(heartbeat - time.Since(l.wrote))
		}
	}
	return nil
}

// records are buffers for what is written at once.
var records = sync.Pool{New: func() any { return new([recordBytes]byte) }}

// tell writes those events that pass and may be seen, in as few records as
// they need.
func (l *listener) tell(events []feed.Event) error {
	record := records.Get().(*[recordBytes]byte)
	defer records.Put(record)
	for len(events) > 0 {
		principal, err := l.principal()
		if err != nil {
			return err
		}
		var text []byte
		if text, events = l.gather(record[:0], principal, events); len(text) > 0 {
			if err := l.flush(text); err != nil {
				return err
			}
		}
	}
	return nil
}

// gather appends events to a record until it is full and gives the rest; an
// event that is larger than a record comes alone, and is not copied.
func (l *listener) gather(record []byte, principal command.Principal, events []feed.Event) (text []byte, rest []feed.Event) {
	for i := range events {
		e := &events[i]
		if !l.filter.passes(e) || !l.server.door.MaySee(principal, e.Kind, e.Subject) {
			continue
		}
		said := e.Line()
		if l.format == SSE {
			said = e.SSE()
		}
		switch {
		case len(record)+len(said) <= cap(record):
			record = append(record, said...)
		case len(record) == 0:
			return said, events[i+1:]
		default:
			return record, events[i:]
		}
	}
	return record, nil
}
