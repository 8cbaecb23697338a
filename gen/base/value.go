package base

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// ValueKind is what a Value is.
type ValueKind uint8

const (
	NullValue ValueKind = iota
	BoolValue
	NumberValue
	StringValue
	ArrayValue
	ObjectValue
)

func (k ValueKind) String() string {
	return [...]string{"null", "true or false", "a number", "a string", "a list", "an object"}[k]
}

// Value is one node of what somebody wrote, with its place. JSON, RDF and the
// .picloud language are all read into this tree, and one set of generated
// decoders turns it into typed resources: there is one way in.
type Value struct {
	Kind    ValueKind
	Text    string // a string's content, or a number as written
	Bool    bool
	Items   []*Value
	Members []*Member
	Line    int // from 1; 0 = unknown
	Column  int
}

// Member is one member of an object.
type Member struct {
	Name   string
	Line   int // of the name
	Column int
	Value  *Value
}

// Get is the value of a member, or nil.
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Locate finds the node that an RFC 6901 pointer names, or the nearest one
// above it when it is not there.
func (v *Value) Locate(pointer string) *Value {
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		next := v.Get(step)
		if i, err := strconv.Atoi(step); err == nil && v.Kind == ArrayValue && i >= 0 && i < len(v.Items) {
			next = v.Items[i]
		}
		if next == nil {
			return v
		}
		v = next
	}
	return v
}

// Address is what the place of a resource already says about it; members of
// the same name have to agree with it.
type Address struct {
	Ref     Ref
	Kind    string // word
	Name    string
	Product Ref // or ""
}

// Decoder turns values into typed fields and gathers every violation, each
// with its pointer and place. The zero values of fields stand for what could
// not be read.
type Decoder struct {
	Check
	Model   *Model
	Root    string // of the cluster, without slash; absolute IRIs below it become Refs
	Address Address
	// Stored is set while reading the log and checkpoints: sealed values are
	// taken as they are, and members that this release does not know are left.
	Stored bool
	// Patch is the merge-patch that led to the value, or nil: sensitive fields,
	// which no reader sees, are removed where it says null.
	Patch *Value
	// Resolve finds the resource of an abstract class that a bare name means.
	// It may be nil.
	Resolve func(class *Class, product Ref, name string) (Ref, bool)
}

// Members yields the members of an object, each with its place entered. A
// member that is null counts as absent. A value that is no object is noted.
func (d *Decoder) Members(v *Value) iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		if v.Kind != ObjectValue {
			d.wrong(v, ObjectValue)
			return
		}
		for _, m := range v.Members {
			if m.Value.Kind == NullValue {
				continue
			}
			d.Enter(m.Name)
			more := yield(m)
			d.Leave()
			if !more {
				return
			}
		}
	}
}

// Items yields the values of a list or set, each with its place entered.
func (d *Decoder) Items(v *Value) iter.Seq[*Value] {
	return func(yield func(*Value) bool) {
		if v.Kind != ArrayValue {
			d.wrong(v, ArrayValue)
			return
		}
		for i, item := range v.Items {
			d.Enter(strconv.Itoa(i))
			more := yield(item)
			d.Leave()
			if !more {
				return
			}
		}
	}
}

// Unknown notes a member that the class does not have, with the nearest word.
func (d *Decoder) Unknown(m *Member, words ...string) {
	if d.Stored {
		return
	}
	message := "unknown field " + strconv.Quote(shorten(m.Name))
	if near := Nearest(m.Name, words); near != "" {
		message += "; did you mean " + strconv.Quote(near) + "?"
	}
	d.note("unknown", "", strings.Join(words, ", "), message, m.Line, m.Column)
}

// Missing notes a required member that is absent from an object. What the log
// holds was complete when it was written.
func (d *Decoder) Missing(v *Value, field, rule string) {
	if v.Kind != ObjectValue || d.Stored {
		return
	}
	if m := v.Get(field); m == nil || m.Kind == NullValue {
		d.Enter(field)
		d.note("missing", rule, field, field+" is missing", v.Line, v.Column)
		d.Leave()
	}
}

// Removes reports whether the patch removes a sensitive field.
func (d *Decoder) Removes(field string) bool {
	v := d.Patch.Get(field)
	return v != nil && v.Kind == NullValue
}

// Empty notes members where there are to be none; no value at all is fine.
func (d *Decoder) Empty(v *Value) {
	if v == nil {
		return
	}
	for m := range d.Members(v) {
		d.Unknown(m)
	}
}

// Text reads a string.
func (d *Decoder) Text(v *Value) string {
	if v.Kind != StringValue {
		d.wrong(v, StringValue)
		return ""
	}
	return v.Text
}

// Given reads a string that is optional and cannot be empty. What it gives for
// an empty one stands for absence elsewhere, so it is noted here.
func (d *Decoder) Given(v *Value, rule string) string {
	text := d.Text(v)
	if text == "" && v.Kind == StringValue && !d.Stored {
		d.Add("empty", "", rule, "text", d.path[len(d.path)-1]+" is empty")
		last := &d.Violations[len(d.Violations)-1]
		last.Line, last.Column = v.Line, v.Column
	}
	return text
}

// Integer reads a whole number; exponents and fractions are refused, as are
// numbers beyond ±(2^53−1), which JSON readers cannot all hold (RFC 8259,
// section 6).
func (d *Decoder) Integer(v *Value) int64 {
	if v.Kind != NumberValue {
		d.wrong(v, NumberValue)
		return 0
	}
	i, err := strconv.ParseInt(v.Text, 10, 64)
	if err != nil || i > MaxInteger || i < -MaxInteger {
		d.note("integer", "", "a whole number within ±9007199254740991",
			fmt.Sprintf("%s is not a whole number within ±9007199254740991", shorten(v.Text)), v.Line, v.Column)
		return 0
	}
	return i
}

// MaxInteger is 2^53−1, the largest whole number that every JSON reader holds.
const MaxInteger = 1<<53 - 1

// Double reads a number.
func (d *Decoder) Double(v *Value) float64 {
	if v.Kind != NumberValue {
		d.wrong(v, NumberValue)
		return 0
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	if err != nil {
		d.note("number", "", "a number", shorten(v.Text)+" is not a number that can be kept", v.Line, v.Column)
	}
	return f
}

// Boolean reads true or false.
func (d *Decoder) Boolean(v *Value) bool {
	if v.Kind != BoolValue {
		d.wrong(v, BoolValue)
	}
	return v.Bool
}

// DateTime reads a moment: xsd:dateTime in UTC ("2026-11-22T20:31:07.114Z").
func (d *Decoder) DateTime(v *Value) Time {
	if v.Kind != StringValue {
		d.wrong(v, StringValue)
		return 0
	}
	t, ok := ParseTime(v.Text)
	if !ok {
		d.note("dateTime", "", "2006-01-02T15:04:05.000Z",
			strconv.Quote(shorten(v.Text))+" is not a time in UTC such as 2006-01-02T15:04:05.000Z", v.Line, v.Column)
	}
	return t
}

// Token reads a member of an enumeration.
func (d *Decoder) Token(v *Value, rule string, tokens ...string) string {
	if v.Kind != StringValue {
		d.wrong(v, StringValue)
		return ""
	}
	for _, t := range tokens {
		if v.Text == t {
			return t
		}
	}
	message := strconv.Quote(shorten(v.Text)) + " is not one of " + strings.Join(tokens, ", ")
	if near := Nearest(v.Text, tokens); near != "" {
		message += "; did you mean " + strconv.Quote(near) + "?"
	}
	d.note("token", rule, strings.Join(tokens, ", "), message, v.Line, v.Column)
	return ""
}

// wrong notes a value of another kind than the one expected.
func (d *Decoder) wrong(v *Value, expected ValueKind) {
	d.note("type", "", expected.String(), fmt.Sprintf("expected %s, found %s", expected, v.Kind), v.Line, v.Column)
}

func (d *Decoder) note(id, rule, expected, message string, line, column int) {
	if n := len(d.path); n > 0 && id != "unknown" && id != "missing" {
		field := d.path[n-1]
		if _, err := strconv.Atoi(field); err == nil && n > 1 {
			field = d.path[n-2] + "[" + field + "]"
		}
		message = field + ": " + message
	}
	d.Add(id, "", rule, expected, message)
	last := &d.Violations[len(d.Violations)-1]
	last.Line, last.Column = line, column
}

// Nearest is the word closest to a misspelt one, or "" when none is close:
// at most two edits, and fewer than half of the letters.
func Nearest(word string, words []string) string {
	best, distance := "", min(2, (len(word)-1)/2)+1
	for _, w := range words {
		if n := edits(strings.ToLower(word), strings.ToLower(w), distance); n < distance {
			best, distance = w, n
		}
	}
	return best
}

// edits is the distance of two words, or limit when it is at least that: how
// many letters to insert, remove, replace or swap with their neighbour (Damerau
// 1964, no letter touched twice).
func edits(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := last[j]
			if a[i] != b[j] {
				cost = 1 + min(last[j], row[j], last[j+1])
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cost = min(cost, before[j-1]+1)
			}
			row[j+1] = cost
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
