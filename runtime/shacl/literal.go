package shacl

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// operand is a term that is compared by value.
type operand struct {
	term  base.Term
	value value.Value
}

// operandOf interprets a term. Days are compared as their midnights, which
// SPARQL 1.1 leaves to the engine.
func operandOf(t base.Term) operand {
	if t.Datatype == base.XSD+"date" {
		return operand{t, value.Of(midnight(t))}
	}
	return operand{t, value.Of(t)}
}

func midnight(t base.Term) base.Term {
	day, zone := t.Value, ""
	if at := len(zoneOf(t.Value)); at > 0 {
		day, zone = t.Value[:len(t.Value)-at], zoneOf(t.Value)
	}
	return base.Typed(day+"T00:00:00"+zone, base.XSDDateTime)
}

// zoneOf is the time zone at the end of a date or dateTime.
func zoneOf(lexical string) string {
	if strings.HasSuffix(lexical, "Z") {
		return "Z"
	}
	if n := len(lexical); n > 6 && lexical[n-3] == ':' && (lexical[n-6] == '+' || lexical[n-6] == '-') {
		return lexical[n-6:]
	}
	return ""
}

// compare orders two literals as "<" does, or reports that it does not. A
// moment without a time zone and one with compare only where every zone gives
// the same answer (XML Schema 1.1 part 2, section 3.3.7.1).
func (a operand) compare(b operand) (order int, ok bool) {
	if a.value.Kind == value.DateTime && b.value.Kind == value.DateTime {
		early, late := a.zoned("+14:00"), a.zoned("-14:00")
		first, _, ok1 := value.Compare(early, b.zoned("+14:00"))
		last, _, ok2 := value.Compare(late, b.zoned("-14:00"))
		return first, ok1 && ok2 && first == last && a.term.Datatype == b.term.Datatype
	}
	order, incomparable, ok := value.Compare(a.value, b.value)
	return order, ok && !incomparable
}

// zoned is the moment in its own zone, or in one if it has none.
func (a operand) zoned(zone string) value.Value {
	t := a.term
	if t.Datatype == base.XSD+"date" {
		t = midnight(t)
	}
	if zoneOf(t.Value) != "" {
		return a.value
	}
	return value.Of(base.Typed(t.Value+zone, base.XSDDateTime))
}

// Lexical forms of the datatypes of XML Schema that SPARQL does not compute
// with (XML Schema 1.1 part 2).
const (
	duration  = `-?P(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?(\d+([.]\d+)?S)?)?`
	timezone  = `(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)?`
	yearDigit = `-?([1-9]\d{3,}|0\d{3})`
	monthPart = `(0[1-9]|1[0-2])`
	dayPart   = `(0[1-9]|[12]\d|3[01])`
)

// lexical finds the pattern of a datatype.
func lexical(local string) string {
	switch local {
	case "duration", "dayTimeDuration", "yearMonthDuration":
		return duration
	case "gYear":
		return yearDigit + timezone
	case "gYearMonth":
		return yearDigit + "-" + monthPart + timezone
	case "gMonth":
		return "--" + monthPart + timezone
	case "gMonthDay":
		return "--" + monthPart + "-" + dayPart + timezone
	case "gDay":
		return "---" + dayPart + timezone
	}
	return ""
}

// wellFormed reports whether a literal is in the lexical space of its datatype
// (section 4.1.2); of datatypes that nobody here knows all are.
func wellFormed(t base.Term) bool {
	local, ours := strings.CutPrefix(t.Datatype, base.XSD)
	if !ours {
		return t.Datatype != base.RDFLangStr || t.Lang != ""
	}
	text := strings.Trim(t.Value, " \t\r\n")
	switch local {
	case "string", "anyURI", "normalizedString", "token", "language", "Name", "NCName", "NMTOKEN", "QName", "NOTATION":
		return true
	case "date":
		return !strings.Contains(text, "T") && value.Of(midnight(base.Typed(text, t.Datatype))).Kind == value.DateTime
	case "time":
		return value.Of(base.Typed("2000-01-01T"+text, base.XSDDateTime)).Kind == value.DateTime
	case "dateTimeStamp":
		return zoneOf(text) != "" && value.Of(base.Typed(text, base.XSDDateTime)).Kind == value.DateTime
	case "hexBinary":
		_, err := hex.DecodeString(text)
		return err == nil
	case "base64Binary":
		_, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, " ", ""))
		return err == nil
	}
	if form := lexical(local); form != "" {
		matched, err := regexp.MatchString("^("+form+")$", text)
		return err == nil && matched && allowedDuration(local, text)
	}
	if value.Of(t).Kind != value.Other {
		return true
	}
	switch local {
	case "integer", "decimal", "float", "double", "boolean", "dateTime", "long", "int", "short", "byte", "unsignedLong", "unsignedInt",
		"unsignedShort", "unsignedByte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger", "negativeInteger":
		return false
	}
	return true
}

// allowedDuration leaves out durations without a part, and parts that the two
// derived types do not have.
func allowedDuration(local, text string) bool {
	if !strings.HasSuffix(local, "uration") {
		return true
	}
	days, clock, hasClock := strings.Cut(text, "T")
	switch {
	case strings.HasSuffix(text, "P") || hasClock && clock == "":
		return false
	case local == "dayTimeDuration":
		return !strings.ContainsAny(days, "YM")
	case local == "yearMonthDuration":
		return !strings.Contains(days, "D") && !hasClock
	}
	return true
}
