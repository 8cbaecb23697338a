package feed

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/state"
)

// Event is one event as it leaves, with what decides who is told.
type Event struct {
	Position    base.Position
	Subject     base.Ref
	Kind        domain.Kind
	Type        domain.EventType
	Correlation string

	text []byte // of a stream of server-sent events
	data int    // where the CloudEvent begins in it
}

// SSE is the event of a text/event-stream (WHATWG HTML, section 9.2).
func (e *Event) SSE() []byte { return e.text }

// Line is the CloudEvent in JSON with its line feed.
func (e *Event) Line() []byte { return e.text[e.data : len(e.text)-1] }

// Encode appends an event as a CloudEvent in JSON, on one line without its end.
type Encode func(b []byte, e *domain.Event) []byte

// Decode gives the events of a batch; none of one that compaction dropped: what
// it said comes later.
func Decode(encode Encode, b eventlog.Batch) ([]Event, error) {
	if b.Dropped {
		return nil, nil
	}
	batch, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(batch.Events))
	for i, e := range batch.Events {
		text := fmt.Appendf(nil, "id: %d\nevent: %s\ndata: ", e.Position, e.Payload.Type())
		data := len(text)
		events[i] = Event{
			Position: e.Position, Subject: e.Subject, Kind: e.Payload.Kind(), Type: e.Payload.Type(), Correlation: e.Correlation,
			text: append(encode(text, e), '\n', '\n'), data: data,
		}
	}
	return events, nil
}
