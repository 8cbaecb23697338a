package lawtest

import (
	"errors"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/generated/schema"
)

// FuzzDeclare: whatever a client sends for whatever kind, it is either refused
// with violations or becomes a resource that reads back.
func FuzzDeclare(f *testing.F) {
	for i := range schema.Model.Classes {
		f.Add(uint8(i), []byte(written))
		f.Add(uint8(i), []byte(body))
	}
	f.Fuzz(func(t *testing.T, i uint8, data []byte) {
		class := schema.Model.Classes[int(i)%len(schema.Model.Classes)]
		v, unreadable := base.ReadJSON(data, base.Limits{})
		if unreadable != nil || !class.Kind {
			return
		}
		at := base.Address{Ref: class.RefTo("/products/photo-app", "a"), Kind: class.Word, Name: "a", Product: "/products/photo-app"}
		d := &base.Decoder{Model: schema.Model, Root: root, Address: at}
		c := codec.DecodeDeclare(d, domain.Kind(class.Word), v, "")
		if c == nil {
			return
		}
		if c.Validate(&d.Check); len(d.Violations) > 0 {
			return
		}
		payloads, err := c.Decide(nil)
		var refusal *base.Error
		if errors.As(err, &refusal) {
			return
		}
		r, err := domain.Evolve(nil, &domain.Event{Position: 1, Subject: at.Ref, Payload: payloads[0]})
		if err != nil {
			t.Fatal(err)
		}
		r.References()
		quads.Append(&base.QuadWriter{Root: root}, r)
		if _, unreadable := base.ReadJSON(shown(r), base.Limits{}); unreadable != nil {
			t.Fatalf("%s\n%v", shown(r), unreadable)
		}
	})
}

// FuzzStoredEvent: whatever the log holds, it is either an event or an error.
func FuzzStoredEvent(f *testing.F) {
	f.Add([]byte(`{"p":1,"y":"VolumeDeclared","v":1,"s":"/products/p/volumes/v","t":1,"a":"/nodes/n","data":{"size":5,"mode":"raw"}}`))
	f.Add([]byte(`{"p":1,"y":"NodeObserved","v":1,"s":"/nodes/n","t":1,"a":"/nodes/n","data":{"changed":["/hostname"],"hostname":"n"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, unreadable := base.ReadJSON(data, base.Limits{})
		if unreadable != nil {
			return
		}
		e, err := codec.DecodeStoredEvent(v)
		if err != nil {
			return
		}
		encoder := &base.Encoder{}
		codec.AppendStoredEvent(encoder, e)
		if _, unreadable := base.ReadJSON(encoder.Buffer, base.Limits{}); unreadable != nil {
			t.Fatalf("%s\n%v", encoder.Buffer, unreadable)
		}
	})
}

func BenchmarkContainer(b *testing.B) {
	r := example(&testing.T{})
	stored := stored(r)
	b.Run("encode", func(b *testing.B) {
		e := &base.Encoder{Root: root}
		for b.Loop() {
			e.Buffer = e.Buffer[:0]
			codec.AppendResource(e, r)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			v, _ := base.ReadJSON(stored, base.Limits{})
			codec.DecodeResource(&base.Decoder{Stored: true}, v)
		}
	})
	b.Run("quads", func(b *testing.B) {
		w := &base.QuadWriter{Root: root}
		for b.Loop() {
			w.Quads = w.Quads[:0]
			quads.Append(w, r)
		}
	})
}
