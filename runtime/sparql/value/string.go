package value

import (
	"math"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// MaxString bounds the length of a computed string, in bytes; MaxIRI that of a
// computed IRI.
const (
	MaxString = 4 << 20
	MaxIRI    = 64 << 10
)

func stringFunction(name string) (Function, bool) {
	switch name {
	case "STRLEN":
		return text(func(s string) Value { return Int(int64(runeCount(s))) }), true
	case "UCASE":
		return unary(func(v Value) (Value, bool) { return mapString(v, strings.ToUpper) }), true
	case "LCASE":
		return unary(func(v Value) (Value, bool) { return mapString(v, strings.ToLower) }), true
	case "ENCODE_FOR_URI":
		return unary(func(v Value) (Value, bool) {
			if !v.IsString() || len(v.term.Value) > MaxString/3 { // each byte may become three
				return Value{}, false
			}
			return Str(encodeForURI(v.term.Value)), true
		}), true
	case "CONTAINS":
		return test(strings.Contains), true
	case "STRSTARTS":
		return test(strings.HasPrefix), true
	case "STRENDS":
		return test(strings.HasSuffix), true
	case "STRBEFORE":
		return strBefore, true
	case "STRAFTER":
		return strAfter, true
	case "CONCAT":
		return concat, true
	case "SUBSTR":
		return substr, true
	}
	return nil, false
}

// IsString reports a literal that string functions take: with a language tag
// or without.
func (v Value) IsString() bool { return v.Kind == String || v.Kind == LangString }

// Text is the lexical form of a string, or the IRI.
func (v Value) Text() string { return v.term.Value }

// Bytes is about how much memory v takes beside itself.
func (v Value) Bytes() int {
	n := len(v.term.Value) + len(v.term.Lang)
	if v.big != nil {
		n += 48 + v.big.BitLen()/8
	}
	if v.dec != nil {
		n += 64 + v.dec.Coeff.BitLen()/8
	}
	return n
}

func text(f func(string) Value) Function {
	return unary(func(v Value) (Value, bool) {
		if !v.IsString() {
			return Value{}, false
		}
		return f(v.term.Value), true
	})
}

// WithText is v, a string, with another lexical form and the same language.
func (v Value) WithText(s string) (Value, bool) {
	if !v.IsString() || len(s) > MaxString {
		return Value{}, false
	}
	t := v.term
	t.Value = s
	return Value{Kind: v.Kind, term: t}, true
}

func mapString(v Value, f func(string) string) (Value, bool) {
	if !v.IsString() || len(v.term.Value) > MaxString {
		return Value{}, false
	}
	return v.WithText(f(v.term.Value))
}

// compatible is argument compatibility (section 17.4.3.1.2).
func compatible(a, b Value) bool {
	if !a.IsString() || !b.IsString() {
		return false
	}
	return b.Kind == String || a.Kind == LangString && strings.EqualFold(a.term.Lang, b.term.Lang)
}

func test(f func(s, t string) bool) Function {
	return func(a []Value) (Value, bool) {
		if !compatible(a[0], a[1]) {
			return Value{}, false
		}
		return Bool(f(a[0].term.Value, a[1].term.Value)), true
	}
}

func strBefore(a []Value) (Value, bool) {
	if !compatible(a[0], a[1]) {
		return Value{}, false
	}
	before, _, found := strings.Cut(a[0].term.Value, a[1].term.Value)
	if !found {
		return Str(""), true
	}
	return a[0].WithText(strings.Clone(before)) // lest a short text keep a long one alive
}

func strAfter(a []Value) (Value, bool) {
	if !compatible(a[0], a[1]) {
		return Value{}, false
	}
	_, after, found := strings.Cut(a[0].term.Value, a[1].term.Value)
	if !found {
		return Str(""), true
	}
	return a[0].WithText(strings.Clone(after))
}

// concat keeps a language tag that all arguments share.
func concat(args []Value) (Value, bool) {
	shared, size := "", 0
	for i, v := range args {
		if size += len(v.term.Value); !v.IsString() || size > MaxString {
			return Value{}, false
		}
		if i == 0 {
			shared = v.term.Lang
		} else if !strings.EqualFold(shared, v.term.Lang) {
			shared = ""
		}
	}
	var b strings.Builder
	b.Grow(size)
	for _, v := range args {
		b.WriteString(v.term.Value)
	}
	if shared != "" {
		return Of(base.LangString(b.String(), shared)), true
	}
	return Str(b.String()), true
}

// substr counts characters from 1; positions are rounded as fn:substring does.
func substr(a []Value) (Value, bool) {
	if !a[0].IsString() || !a[1].IsNumeric() || len(a) == 3 && !a[2].IsNumeric() {
		return Value{}, false
	}
	start := roundHalfUp(a[1].asFloat())
	end := math.Inf(1)
	if len(a) == 3 {
		end = start + roundHalfUp(a[2].asFloat())
	}
	text := a[0].term.Value
	first, last := len(text), len(text)
	position := 1.0
	for i := range text {
		if position >= end {
			last = i
			break
		}
		if position >= start && i < first {
			first = i
		}
		position++
	}
	return a[0].WithText(strings.Clone(text[min(first, last):last]))
}

// encodeForURI escapes all but the unreserved characters of RFC 3986.
func encodeForURI(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}
