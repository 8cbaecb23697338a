package reasoning

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// datatype is a datatype of the OWL 2 RL datatype map, or one on the way to
// it. Its value space is a part of a primitive one; values of two spaces are
// never equal (XML Schema 1.1 Part 2).
type datatype struct {
	space string
	// value maps a lexical form to the canonical form of its value.
	value func(lexical string) (string, bool)
}

var datatypes = map[string]*datatype{
	base.RDF + "PlainLiteral": {"text", nil},
	base.RDF + "langString":   {"text", nil},
	base.RDF + "XMLLiteral":   {"xml", nil},
	base.RDFS + "Literal":     {"", nil},

	base.XSD + "string":           {"text", text(nil)},
	base.XSD + "normalizedString": {"text", text(func(s string) bool { return !strings.ContainsAny(s, "\t\n\r") })},
	base.XSD + "token":            {"text", text(token)},
	base.XSD + "language":         {"text", pattern(`[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`)},
	base.XSD + "Name":             {"text", pattern(`[\pL_:][\pL\pN._:-]*`)},
	base.XSD + "NCName":           {"text", pattern(`[\pL_][\pL\pN._-]*`)},
	base.XSD + "NMTOKEN":          {"text", pattern(`[\pL\pN._:-]+`)},

	base.XSD + "boolean":       {"boolean", boolean},
	base.XSD + "decimal":       {"decimal", decimal},
	base.XSD + "double":        {"double", floating(64)},
	base.XSD + "float":         {"float", floating(32)},
	base.XSD + "dateTime":      {"dateTime", dateTime(false)},
	base.XSD + "dateTimeStamp": {"dateTime", dateTime(true)},
	base.XSD + "anyURI":        {"anyURI", text(nil)},
	base.XSD + "hexBinary":     {"hex", func(s string) (string, bool) { return strings.ToUpper(s), hexBinary.MatchString(s) }},
	base.XSD + "base64Binary": {"base64", func(s string) (string, bool) {
		s = strings.ReplaceAll(s, " ", "")
		return s, base64Binary.MatchString(s)
	}},

	base.XSD + "integer":            integer("", ""),
	base.XSD + "nonNegativeInteger": integer("0", ""),
	base.XSD + "nonPositiveInteger": integer("", "0"),
	base.XSD + "positiveInteger":    integer("1", ""),
	base.XSD + "negativeInteger":    integer("", "-1"),
	base.XSD + "long":               integer("-9223372036854775808", "9223372036854775807"),
	base.XSD + "int":                integer("-2147483648", "2147483647"),
	base.XSD + "short":              integer("-32768", "32767"),
	base.XSD + "byte":               integer("-128", "127"),
	base.XSD + "unsignedLong":       integer("0", "18446744073709551615"),
	base.XSD + "unsignedInt":        integer("0", "4294967295"),
	base.XSD + "unsignedShort":      integer("0", "65535"),
	base.XSD + "unsignedByte":       integer("0", "255"),
}

var (
	decimalForm  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`)
	integerForm  = regexp.MustCompile(`^[+-]?[0-9]+$`)
	floatForm    = regexp.MustCompile(`^([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?INF|NaN)$`)
	hexBinary    = regexp.MustCompile(`^([0-9a-fA-F]{2})*$`)
	base64Binary = regexp.MustCompile(`^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`)
)

// valueOf is the value space and the canonical form of a literal's value;
// no space when its datatype is unknown or it has no value.
func valueOf(l base.Term) (space, value string) {
	if l.Lang != "" {
		return "text", l.Value + "\x00" + strings.ToLower(l.Lang)
	}
	d := datatypes[l.Datatype]
	if d == nil || d.value == nil {
		return "", ""
	}
	v, ok := d.value(l.Value)
	if !ok {
		return "", ""
	}
	return d.space, v
}

// within tells whether the value of a literal is one of a datatype's. Of
// datatypes that we do not know nothing is said to be wrong.
func within(l base.Term, iri string) bool {
	d, own := datatypes[iri], datatypes[l.Datatype]
	switch {
	case d == nil || d.space == "" || own == nil || own.space == "":
		return true
	case l.Lang != "":
		return d.value == nil && d.space == "text"
	case own.value == nil || d.value == nil:
		return d.space == own.space
	}
	v, ok := own.value(l.Value)
	if !ok || own.space != d.space {
		return false
	}
	_, ok = d.value(v)
	return ok
}

func text(valid func(string) bool) func(string) (string, bool) {
	return func(s string) (string, bool) { return s, valid == nil || valid(s) }
}

func token(s string) bool {
	return s == strings.Join(strings.Fields(s), " ") && !strings.ContainsAny(s, "\t\n\r")
}

func pattern(p string) func(string) (string, bool) {
	form := regexp.MustCompile("^(" + p + ")$")
	return func(s string) (string, bool) { return s, form.MatchString(s) }
}

func boolean(s string) (string, bool) {
	switch s {
	case "true", "1":
		return "true", true
	case "false", "0":
		return "false", true
	}
	return "", false
}

// decimal gives integers without a point, so that they compare equal to the
// same number as xsd:integer: both are in the value space of xsd:decimal.
func decimal(s string) (string, bool) {
	if !decimalForm.MatchString(s) {
		return "", false
	}
	sign := ""
	switch s[0] {
	case '-':
		sign, s = "-", s[1:]
	case '+':
		s = s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	switch {
	case fraction != "":
		return sign + whole + "." + fraction, true
	case whole == "0":
		return "0", true
	}
	return sign + whole, true
}

func integer(least, greatest string) *datatype {
	bound := func(s string) *big.Int {
		if n, ok := new(big.Int).SetString(s, 10); ok {
			return n
		}
		return nil
	}
	from, to := bound(least), bound(greatest)
	return &datatype{"decimal", func(s string) (string, bool) {
		if !integerForm.MatchString(s) {
			return "", false
		}
		if from != nil || to != nil {
			n, _ := new(big.Int).SetString(strings.TrimPrefix(s, "+"), 10)
			if from != nil && n.Cmp(from) < 0 || to != nil && n.Cmp(to) > 0 {
				return "", false
			}
		}
		return decimal(s)
	}}
}

func floating(bits int) func(string) (string, bool) {
	return func(s string) (string, bool) {
		if !floatForm.MatchString(s) {
			return "", false
		}
		f, err := strconv.ParseFloat(s, bits)
		if err != nil && !math.IsInf(f, 0) {
			return "", false
		}
		return strconv.FormatFloat(f, 'E', -1, bits), true
	}
}

// dateTime compares moments: those with a zone in UTC, those without apart.
func dateTime(zoned bool) func(string) (string, bool) {
	return func(s string) (string, bool) {
		if t, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", s); err == nil {
			return t.UTC().Format("2006-01-02T15:04:05.999999999Z"), true
		}
		t, err := time.Parse("2006-01-02T15:04:05.999999999", s)
		return t.Format("2006-01-02T15:04:05.999999999"), err == nil && !zoned
	}
}
