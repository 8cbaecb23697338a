package value

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Function computes a value from values; false is an error of evaluation.
type Function func(args []Value) (Value, bool)

// Builtin finds a function of section 17.4 whose result depends on its
// arguments alone.
func Builtin(name string) (Function, bool) {
	switch name {
	case "STR":
		return unary(str), true
	case "LANG":
		return unary(lang), true
	case "LANGMATCHES":
		return langMatches, true
	case "DATATYPE":
		return unary(datatype), true
	case "IRI":
		return iri, true
	case "STRLANG":
		return strLang, true
	case "STRDT":
		return strDT, true
	case "SAMETERM":
		return func(a []Value) (Value, bool) { return Bool(SameTerm(a[0], a[1])), true }, true
	case "ISIRI", "ISURI":
		return unary(func(v Value) (Value, bool) { return Bool(v.Kind == IRI), true }), true
	case "ISBLANK":
		return unary(func(v Value) (Value, bool) { return Bool(v.Kind == Blank), true }), true
	case "ISLITERAL":
		return unary(func(v Value) (Value, bool) { return Bool(v.IsLiteral()), true }), true
	case "ISNUMERIC":
		return unary(func(v Value) (Value, bool) { return Bool(v.IsNumeric()), true }), true
	case "ABS", "CEIL", "FLOOR", "ROUND":
		return unary(func(v Value) (Value, bool) { return rounding(name, v) }), true
	}
	if f, ok := stringFunction(name); ok {
		return f, true
	}
	if f, ok := dateFunction(name); ok {
		return f, true
	}
	return hashFunction(name)
}

func unary(f func(Value) (Value, bool)) Function {
	return func(args []Value) (Value, bool) { return f(args[0]) }
}

func str(v Value) (Value, bool) {
	switch v.Kind {
	case Unbound, Blank:
		return Value{}, false
	}
	return Str(v.Term().Value), true
}

func lang(v Value) (Value, bool) {
	if !v.IsLiteral() {
		return Value{}, false
	}
	return Str(v.term.Lang), true
}

// langMatches is basic filtering of RFC 4647, section 3.3.1.
func langMatches(a []Value) (Value, bool) {
	if a[0].Kind != String || a[1].Kind != String {
		return Value{}, false
	}
	tag, wanted := strings.ToLower(a[0].term.Value), strings.ToLower(a[1].term.Value)
	if wanted == "*" {
		return Bool(tag != ""), true
	}
	return Bool(tag == wanted || strings.HasPrefix(tag, wanted+"-")), true
}

func datatype(v Value) (Value, bool) {
	if !v.IsLiteral() {
		return Value{}, false
	}
	return Of(base.IRI(v.Term().Datatype)), true
}

// iri resolves a string against the base IRI, its second argument.
func iri(a []Value) (Value, bool) {
	switch a[0].Kind {
	case IRI:
		return a[0], true
	case String:
		if len(a[0].term.Value) > MaxIRI {
			return Value{}, false
		}
		resolved, err := rdf.ResolveIRI(a[1].term.Value, a[0].term.Value)
		if err != nil || len(resolved) > MaxIRI || rdf.CheckIRI(resolved) != nil {
			return Value{}, false
		}
		return Of(base.IRI(resolved)), true
	}
	return Value{}, false
}

func strLang(a []Value) (Value, bool) {
	if a[0].Kind != String || a[1].Kind != String || !validLang(a[1].term.Value) {
		return Value{}, false
	}
	return Of(base.LangString(a[0].term.Value, a[1].term.Value)), true
}

// maxLang bounds a language tag; the longest of RFC 5646 has 35 characters
// without extensions.
const maxLang = 256

// validLang is the production LANGTAG without its sign.
func validLang(tag string) bool {
	if len(tag) > maxLang {
		return false
	}
	for i, part := range strings.Split(tag, "-") {
		if part == "" {
			return false
		}
		for _, r := range part {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
			if !letter && (i == 0 || r < '0' || r > '9') {
				return false
			}
		}
	}
	return true
}

func strDT(a []Value) (Value, bool) {
	if a[0].Kind != String || a[1].Kind != IRI || a[1].term.Value == base.RDFLangStr {
		return Value{}, false
	}
	return Of(base.Typed(a[0].term.Value, a[1].term.Value)), true
}

// rounding is ABS, CEIL, FLOOR or ROUND; a half is rounded toward positive
// infinity, as XPath says. The result keeps the numeric type, a derived integer
// type becoming xsd:integer.
func rounding(name string, v Value) (Value, bool) {
	switch v.Kind {
	case Integer:
		b := v.bigInt()
		if name == "ABS" && b.Sign() < 0 {
			return Negate(v)
		}
		return bigResult(b)
	case Decimal:
		return roundDecimal(name, v.dec)
	case Float, Double:
		f := v.float
		switch name {
		case "ABS":
			f = math.Abs(f)
		case "CEIL":
			f = math.Ceil(f)
		case "FLOOR":
			f = math.Floor(f)
		default:
			f = roundHalfUp(f)
		}
		return floating(f, v.Kind)
	}
	return Value{}, false
}

func roundHalfUp(f float64) float64 {
	floor := math.Floor(f)
	if f-floor >= 0.5 {
		return floor + 1
	}
	return floor
}

func roundDecimal(name string, d *apd.Decimal) (Value, bool) {
	z := new(apd.Decimal)
	exact := apd.BaseContext.WithPrecision(maxDigits)
	var err error
	switch name {
	case "ABS":
		z.Abs(d)
	case "CEIL":
		_, err = exact.Ceil(z, d)
	case "FLOOR":
		_, err = exact.Floor(z, d)
	default:
		if _, err = exact.Add(z, d, apd.New(5, -1)); err == nil {
			_, err = exact.Floor(z, z)
		}
	}
	return Value{Kind: Decimal, dec: z}, err == nil
}

func hashFunction(name string) (Function, bool) {
	digest := func(sum func([]byte) []byte) (Function, bool) {
		return unary(func(v Value) (Value, bool) {
			if v.Kind != String {
				return Value{}, false
			}
			return Str(hex.EncodeToString(sum([]byte(v.term.Value)))), true
		}), true
	}
	switch name {
	case "MD5":
		return digest(func(b []byte) []byte { s := md5.Sum(b); return s[:] })
	case "SHA1":
		return digest(func(b []byte) []byte { s := sha1.Sum(b); return s[:] })
	case "SHA256":
		return digest(func(b []byte) []byte { s := sha256.Sum256(b); return s[:] })
	case "SHA384":
		return digest(func(b []byte) []byte { s := sha512.Sum384(b); return s[:] })
	case "SHA512":
		return digest(func(b []byte) []byte { s := sha512.Sum512(b); return s[:] })
	}
	return nil, false
}

func dateFunction(name string) (Function, bool) {
	part := func(f func(Value) (Value, bool)) (Function, bool) {
		return unary(func(v Value) (Value, bool) {
			if v.Kind != DateTime {
				return Value{}, false
			}
			return f(v)
		}), true
	}
	whole := func(f func(Value) int) (Function, bool) {
		return part(func(v Value) (Value, bool) { return Int(int64(f(v))), true })
	}
	switch name {
	case "YEAR":
		return whole(func(v Value) int { return v.at.Year() })
	case "MONTH":
		return whole(func(v Value) int { return int(v.at.Month()) })
	case "DAY":
		return whole(func(v Value) int { return v.at.Day() })
	case "HOURS":
		return whole(func(v Value) int { return v.at.Hour() })
	case "MINUTES":
		return whole(func(v Value) int { return v.at.Minute() })
	case "SECONDS":
		return part(func(v Value) (Value, bool) {
			d, ok := parseDecimal(strings.TrimPrefix(seconds(v.at), "0"))
			return d, ok
		})
	case "TIMEZONE":
		return part(func(v Value) (Value, bool) {
			return Of(base.Typed(zoneDuration(v.at), base.XSD+"dayTimeDuration")), v.zoned
		})
	case "TZ":
		return part(func(v Value) (Value, bool) {
			if !v.zoned {
				return Str(""), true
			}
			// The zone as it was written: "+00:00" is not "Z".
			if text := v.term.Value; strings.HasSuffix(text, ":00") && len(text) > 6 {
				if z := text[len(text)-6:]; z[0] == '+' || z[0] == '-' {
					return Str(strings.Clone(z)), true
				}
			}
			return Str(zoneText(v.at)), true
		})
	}
	return nil, false
}

func runeCount(s string) int { return utf8.RuneCountInString(s) }
