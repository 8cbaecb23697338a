package state

import (
	"encoding/base64"
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// Batch is what one decision put into the log: events that stand together, and
// the receipt of the request if it carried an idempotency key.
type Batch struct {
	Events  []*domain.Event
	Receipt *Receipt
}

// logLimits bound what is read back from the log: it was bounded when it was
// written, so these only stop what is damaged.
var logLimits = base.Limits{Bytes: 32 << 20, Depth: 64, Nodes: 8 << 20}

// AppendBatch appends the form that the log keeps: positions and time are the
// log's own, references are relative, sealed values stay sealed.
func AppendBatch(buffer []byte, b Batch) []byte {
	e := base.Encoder{Buffer: buffer, Stored: true}
	e.Begin()
	if b.Receipt != nil {
		e.Object("receipt")
		appendReceipt(&e, b.Receipt)
		e.End()
	}
	e.Name("events")
	e.BeginArray()
	for _, event := range b.Events {
		codec.AppendStoredEvent(&e, event)
	}
	e.EndArray()
	e.End()
	return e.Buffer
}

// DecodeBatch reads what AppendBatch wrote, for the batch whose first event is
// at a position.
func DecodeBatch(first base.Position, at base.Time, payload []byte) (Batch, error) {
	v, fault := base.ReadJSON(payload, logLimits)
	if fault != nil {
		return Batch{}, fmt.Errorf("the batch at position %d: %w", first, fault)
	}
	events := v.Get("events")
	if events == nil || len(events.Items) == 0 {
		return Batch{}, fmt.Errorf("the batch at position %d has no events", first)
	}
	var b Batch
	d := base.Decoder{Stored: true}
	for i, item := range events.Items {
		event, err := codec.DecodeStoredEvent(item)
		if err != nil {
			return Batch{}, fmt.Errorf("the event at position %d: %w", first+base.Position(i), err)
		}
		event.Position, event.Time = first+base.Position(i), at
		b.Events = append(b.Events, event)
	}
	if receipt := v.Get("receipt"); receipt != nil {
		r, err := decodeReceipt(&d, receipt)
		if err != nil {
			return Batch{}, fmt.Errorf("the receipt at position %d: %w", first, err)
		}
		r.Position, r.Time = first+base.Position(len(b.Events)-1), at
		b.Receipt = &r
	}
	if len(d.Violations) > 0 {
		return Batch{}, fmt.Errorf("the batch at position %d: %s", first, d.Violations[0])
	}
	return b, nil
}

func appendReceipt(e *base.Encoder, r *Receipt) {
	e.Text("key", base64.StdEncoding.EncodeToString(r.Key[:]))
	e.Text("request", base64.StdEncoding.EncodeToString(r.Request[:]))
	e.Integer("status", int64(r.Status))
}

func decodeReceipt(d *base.Decoder, v *base.Value) (r Receipt, err error) {
	for _, part := range []struct {
		name string
		to   *[32]byte
	}{{"key", &r.Key}, {"request", &r.Request}} {
		text := v.Get(part.name)
		if text == nil {
			return r, fmt.Errorf("%s is missing", part.name)
		}
		raw, err := base64.StdEncoding.DecodeString(text.Text)
		if err != nil || len(raw) != len(part.to) {
			return r, fmt.Errorf("%s is not a digest", part.name)
		}
		copy(part.to[:], raw)
	}
	if status := v.Get("status"); status != nil {
		r.Status = int(d.Integer(status))
	}
	return r, nil
}

// FoldBatch takes in a whole batch that ends at a place in the log, and hands
// over what each event did.
func (b *Builder) FoldBatch(batch Batch, end Head, seen func(*domain.Event, Change)) {
	for _, event := range batch.Events {
		change := b.Fold(event)
		if seen != nil {
			seen(event, change)
		}
	}
	if batch.Receipt != nil {
		b.Receive(*batch.Receipt)
	}
	b.Move(end)
}
