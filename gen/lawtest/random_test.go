package lawtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
)

const root = "https://picloud.local"

// eachKind runs a property for every kind that is such.
func eachKind(t *testing.T, such func(*base.Class) bool, property func(*rapid.T, *base.Class)) {
	for _, class := range schema.Model.Classes {
		if class.Kind && such(class) {
			t.Run(class.Word, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) { property(t, class) })
			})
		}
	}
}

func anyKind(*base.Class) bool          { return true }
func declarable(class *base.Class) bool { return class.Origin == base.Declared }
func object(m ...*base.Member) *base.Value {
	return &base.Value{Kind: base.ObjectValue, Members: m}
}
func member(name string, v *base.Value) *base.Member { return &base.Member{Name: name, Value: v} }
func text(s string) *base.Value                      { return &base.Value{Kind: base.StringValue, Text: s} }
func number(s string) *base.Value                    { return &base.Value{Kind: base.NumberValue, Text: s} }

// address draws where a resource of a class may lie.
func address(t *rapid.T, class *base.Class) base.Address {
	name := rapid.SampledFrom([]string{"a", "api-server", "x9", "media-store-2"}).Draw(t, "name")
	product := base.Ref("")
	if class.InProduct && (!class.InCluster || rapid.Bool().Draw(t, "in product")) {
		product = base.Ref("/products/" + rapid.SampledFrom([]string{"photo-app", "shop"}).Draw(t, "product"))
	}
	ref := class.RefTo(product, name)
	return base.Address{Ref: ref, Kind: class.Word, Name: ref.Name(), Product: product}
}

// fields draws an object with a value for every required field and some of the
// others.
func fields(t *rapid.T, class *base.Class, such func(*base.Field) bool) *base.Value {
	v := object()
	alternative := rapid.IntRange(0, 5).Draw(t, "alternative")
	for _, f := range class.Fields {
		if !such(f) || closedOut(class, f, alternative) {
			continue
		}
		if f.Required || chosen(class, f) || rapid.Bool().Draw(t, "has "+f.Name) {
			v.Members = append(v.Members, member(f.Name, values(t, f)))
		}
	}
	return v
}

func chosen(class *base.Class, f *base.Field) bool {
	if slices.Contains(class.OneOf, f.Name) {
		return true
	}
	return slices.ContainsFunc(class.Alternatives, func(set []string) bool { return slices.Contains(set, f.Name) })
}

// closedOut reports whether another field was drawn of those of which exactly
// one may be there.
func closedOut(class *base.Class, f *base.Field, alternative int) bool {
	for _, set := range append(slices.Clip(class.Alternatives), class.OneOf) {
		if slices.Contains(set, f.Name) {
			return set[alternative%len(set)] != f.Name
		}
	}
	return false
}

func declared(f *base.Field) bool { return !f.Observed }

// values draws what a field may hold.
func values(t *rapid.T, f *base.Field) *base.Value {
	n := rapid.IntRange(max(f.MinItems, 1), max(min(f.MaxItems, 3), f.MinItems, 1)).Draw(t, "items of "+f.Name)
	switch f.Form {
	case base.Map:
		return mapOf(t, f, n)
	case base.Set:
		items := map[string]*base.Value{}
		for range n {
			v := one(t, f)
			items[v.Text] = v
		}
		set := &base.Value{Kind: base.ArrayValue}
		for _, v := range base.Sorted(items) {
			set.Items = append(set.Items, v)
		}
		return set
	case base.List:
		list := &base.Value{Kind: base.ArrayValue}
		for range n {
			list.Items = append(list.Items, one(t, f))
		}
		return list
	}
	return one(t, f)
}

func mapOf(t *rapid.T, f *base.Field, n int) *base.Value {
	class := schema.Model.Class(f.Object)
	key := class.Field(f.Key)
	entries := map[string]*base.Value{}
	for range n {
		k := one(t, key).Text
		if f.Value != "" {
			entries[k] = one(t, class.Field(f.Value))
			continue
		}
		entries[k] = fields(t, class, func(field *base.Field) bool { return field != key })
	}
	v := object()
	for k, entry := range base.Sorted(entries) {
		v.Members = append(v.Members, member(k, entry))
	}
	return v
}

// one draws a single value of a field.
func one(t *rapid.T, f *base.Field) *base.Value {
	switch f.Type {
	case base.TypeInteger:
		return number(strconv.FormatInt(integer(f).Draw(t, f.Name), 10))
	case base.TypeBoolean:
		return &base.Value{Kind: base.BoolValue, Bool: rapid.Bool().Draw(t, f.Name)}
	case base.TypeDouble:
		return number(strconv.FormatFloat(rapid.Float64Range(0, 1).Draw(t, f.Name), 'g', -1, 64))
	case base.TypeDateTime:
		return text(base.Time(rapid.Int64Range(1, 4e12).Draw(t, f.Name)).String())
	case base.TypeEnum:
		return text(rapid.SampledFrom(schema.Model.Enum(f.Enum).Tokens).Draw(t, f.Name).Token)
	case base.TypeObject:
		return fields(t, schema.Model.Class(f.Object), func(*base.Field) bool { return true })
	case base.TypeRef:
		return text(string(reference(t, f)))
	}
	return text(words(f).Draw(t, f.Name))
}

func integer(f *base.Field) *rapid.Generator[int64] {
	low, high := int64(-base.MaxInteger), int64(base.MaxInteger)
	if f.Min != nil {
		low = *f.Min
	}
	if f.Max != nil {
		high = min(high, *f.Max)
	}
	return rapid.OneOf(rapid.Int64Range(low, high), rapid.SampledFrom([]int64{low, high}))
}

func reference(t *rapid.T, f *base.Field) base.Ref {
	if f.Target == "" {
		return "/events/7"
	}
	kinds := schema.Model.Class(f.Target).Kinds
	if len(kinds) == 0 {
		kinds = []string{f.Target}
	}
	return address(t, schema.Model.Class(rapid.SampledFrom(kinds).Draw(t, "kind"))).Ref
}

func words(f *base.Field) *rapid.Generator[string] {
	scalar := schema.Model.Scalar(f.Scalar)
	g := rapid.StringN(f.MinLength, min(f.MaxLength, f.MinLength+20), -1)
	if scalar.Pattern != "" {
		g = rapid.OneOf(rapid.Just(scalar.Example), rapid.StringMatching(scalar.Pattern))
	}
	return g.Filter(func(s string) bool {
		n := utf8.RuneCountInString(s)
		return n >= f.MinLength && n <= f.MaxLength && !bytes.ContainsRune([]byte(s), 0)
	})
}

// seal does what the leader does, but in a way that anybody can undo.
func seal(c domain.Command) {
	c.Sensitive(func(field string, value *base.Sensitive) {
		if value.Clear == nil {
			return
		}
		digest := sha256.Sum256([]byte(string(c.Subject()) + "\x00" + field + "\x00" + string(value.Clear)))
		*value = base.Sensitive{Sealed: slices.Clone(value.Clear), Fingerprint: hex.EncodeToString(digest[:])}
	})
}

// declaration reads a document as a client sent it; it fails on violations.
func declaration(t *rapid.T, at base.Address, v *base.Value) domain.Command {
	d := &base.Decoder{Model: schema.Model, Root: root, Address: at}
	c := codec.DecodeDeclare(d, domain.Kind(at.Kind), v, "")
	c.Validate(&d.Check)
	if len(d.Violations) > 0 {
		t.Fatalf("%s\n%v", base.AppendValue(nil, v), d.Violations)
	}
	seal(c)
	return c
}

// decide decides and folds; a refusal is returned.
func decide(t *rapid.T, before domain.Resource, c domain.Command, position *base.Position) (domain.Resource, []*domain.Event, error) {
	payloads, err := c.Decide(before)
	if err != nil {
		return before, nil, err
	}
	var events []*domain.Event
	for _, p := range payloads {
		*position++
		e := &domain.Event{
			Position: *position, Subject: c.Subject(), Time: base.Time(*position) * 1000, Actor: "/identities/alice", Payload: p,
		}
		events = append(events, e)
		before = fold(t, before, e)
	}
	return before, events, nil
}

func fold(t *rapid.T, before domain.Resource, e *domain.Event) domain.Resource {
	after, err := domain.Evolve(before, e)
	if err != nil {
		t.Fatalf("Evolve refuses what Decide gave: %v", err)
	}
	return after
}

// payloadOf draws the data of an event as the log holds it.
func payloadOf(t *rapid.T, class *base.Class, kind domain.EventType) domain.Payload {
	v := fields(t, class, func(f *base.Field) bool { return !f.Sensitive && !headField(f.Name) && len(f.StampedBy) == 0 })
	changed := &base.Value{Kind: base.ArrayValue}
	for _, m := range v.Members {
		changed.Items = append(changed.Items, text("/"+m.Name))
	}
	v.Members = append(v.Members, member("of", number("7")), member("reason", text("because")), member("changed", changed))
	payload, err := codec.DecodePayload(&base.Decoder{Model: schema.Model, Stored: true}, kind, 1, v)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func headField(name string) bool {
	return slices.ContainsFunc(schema.Model.Class("Resource").Fields, func(f *base.Field) bool { return f.Observed && f.Name == name })
}

// live draws the state of a resource after a life of some events.
func live(t *rapid.T, class *base.Class) (base.Address, domain.Resource) {
	at := address(t, class)
	position := base.Position(100)
	var r domain.Resource
	if class.Origin == base.Declared {
		r, _, _ = decide(t, nil, declaration(t, at, fields(t, class, declared)), &position)
	}
	for _, kind := range domain.EventTypes(domain.Kind(class.Word)) {
		if r != nil && !rapid.Bool().Draw(t, "happens "+string(kind)) || len(class.OneOf) > 0 && strings.HasSuffix(string(kind), "Changed") {
			continue // drawn payloads hold no sealed value
		}
		position++
		e := &domain.Event{Position: position, Subject: at.Ref, Time: base.Time(position) * 1000, Actor: "/nodes/pi-1", Payload: payloadOf(t, class, kind)}
		if after, err := domain.Evolve(r, e); err == nil && after != nil && after.Common().CreatedAt != 0 {
			r = after
		}
	}
	return at, r
}
