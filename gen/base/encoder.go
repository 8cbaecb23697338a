package base

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Encoder writes JSON in the order it is told, without reflection. Members
// that are absent are simply not written: no value is ever null.
type Encoder struct {
	Buffer []byte
	// Root makes references absolute; it is "" in the log and in checkpoints.
	Root string
	// Stored writes sealed values. Without it sensitive fields are left out.
	Stored bool
	// Request writes sensitive values in the clear, as a client gave them. A
	// server never sets it.
	Request bool
	// Resource is the one being written: keys that are references are as short
	// as it may write them.
	Resource Ref
	// Source names the cluster in CloudEvents: "urn:uuid:…".
	Source string

	comma bool
}

// Object writes a nested object as a member, Value an array item or the
// outermost object: End closes either.
func (e *Encoder) Object(name string) { e.Name(name); e.Begin() }

// Begin opens an object, BeginArray an array.
func (e *Encoder) Begin()      { e.separate(); e.Buffer = append(e.Buffer, '{'); e.comma = false }
func (e *Encoder) BeginArray() { e.separate(); e.Buffer = append(e.Buffer, '['); e.comma = false }

// End closes an object, EndArray an array.
func (e *Encoder) End()      { e.Buffer = append(e.Buffer, '}'); e.comma = true }
func (e *Encoder) EndArray() { e.Buffer = append(e.Buffer, ']'); e.comma = true }

// Name writes the name of the member that the next value belongs to.
func (e *Encoder) Name(name string) {
	e.separate()
	e.Buffer = AppendString(e.Buffer, name)
	e.Buffer = append(e.Buffer, ':')
	e.comma = false
}

func (e *Encoder) separate() {
	if e.comma {
		e.Buffer = append(e.Buffer, ',')
	}
	e.comma = true
}

// Text, Integer, Boolean, Double, Time and Ref write a member.
func (e *Encoder) Text(name, value string)           { e.Name(name); e.TextItem(value) }
func (e *Encoder) Integer(name string, value int64)  { e.Name(name); e.IntegerItem(value) }
func (e *Encoder) Boolean(name string, value bool)   { e.Name(name); e.BooleanItem(value) }
func (e *Encoder) Double(name string, value float64) { e.Name(name); e.DoubleItem(value) }
func (e *Encoder) Time(name string, value Time)      { e.Text(name, value.String()) }
func (e *Encoder) Ref(name string, value Ref)        { e.Name(name); e.RefItem(value) }

// Sensitive writes a sealed value where such may be seen, a clear one in
// requests, nothing elsewhere.
func (e *Encoder) Sensitive(name string, value Sensitive) {
	if e.Request && value.Clear != nil {
		e.Text(name, string(value.Clear))
	}
	if !e.Stored || value.IsZero() {
		return
	}
	e.Object(name)
	e.Text("sealed", base64.StdEncoding.EncodeToString(value.Sealed))
	e.Text("fingerprint", value.Fingerprint)
	e.End()
}

// Key writes the name of a member of a map that is keyed by references.
// inBoth says that resources of its kind live in products and in the cluster.
func (e *Encoder) Key(ref Ref, inBoth bool) {
	if e.Stored {
		e.Name(string(ref))
		return
	}
	e.Name(ref.Short(e.Resource, inBoth))
}

// Texts, Refs and Integers write a member that is a set or list, nothing when it
// is empty.
func (e *Encoder) Texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	e.Name(name)
	e.BeginArray()
	for _, v := range values {
		e.TextItem(v)
	}
	e.EndArray()
}
func (e *Encoder) Refs(name string, values []Ref) {
	if len(values) == 0 {
		return
	}
	e.Name(name)
	e.BeginArray()
	for _, v := range values {
		e.RefItem(v)
	}
	e.EndArray()
}

func (e *Encoder) Integers(name string, values []int64) {
	if len(values) == 0 {
		return
	}
	e.Name(name)
	e.BeginArray()
	for _, v := range values {
		e.IntegerItem(v)
	}
	e.EndArray()
}

// Map writes a member that is a map of texts, in the order of its keys;
// Sensitives one of sealed values, where such may be seen.
func (e *Encoder) Map(name string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	e.Object(name)
	for key, value := range Sorted(values) {
		e.Text(key, value)
	}
	e.End()
}
func (e *Encoder) Sensitives(name string, values map[string]Sensitive) {
	if !e.Stored && !e.Request || len(values) == 0 {
		return
	}
	e.Object(name)
	for key, value := range Sorted(values) {
		e.Sensitive(key, value)
	}
	e.End()
}

// TextItem and its like write an item of an array, or the value of a member
// whose name was written.
func (e *Encoder) TextItem(value string) { e.separate(); e.Buffer = AppendString(e.Buffer, value) }
func (e *Encoder) IntegerItem(value int64) {
	e.separate()
	e.Buffer = strconv.AppendInt(e.Buffer, value, 10)
}
func (e *Encoder) BooleanItem(value bool) {
	e.separate()
	e.Buffer = strconv.AppendBool(e.Buffer, value)
}
func (e *Encoder) DoubleItem(value float64) {
	e.separate()
	e.Buffer = strconv.AppendFloat(e.Buffer, value, 'g', -1, 64)
}
func (e *Encoder) TimeItem(value Time) { e.TextItem(value.String()) }
func (e *Encoder) RefItem(value Ref)   { e.TextItem(value.Absolute(e.Root)) }

// Raw writes an item that is JSON already.
func (e *Encoder) Raw(json []byte) { e.separate(); e.Buffer = append(e.Buffer, json...) }

// AppendString appends a JSON string (RFC 8259, section 7). Every reader refuses
// invalid UTF-8; should some get this far, it becomes U+FFFD.
func AppendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	s = strings.ToValidUTF8(s, "\uFFFD")
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
