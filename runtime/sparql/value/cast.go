package value

import (
	"math"
	"math/big"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/picloud/picloud/gen/base"
)

// Cast finds a constructor function (section 17.5) by the datatype's IRI.
func Cast(datatype string) (Function, bool) {
	local, ok := strings.CutPrefix(datatype, base.XSD)
	if !ok {
		return nil, false
	}
	switch local {
	case "string":
		return unary(castString), true
	case "boolean":
		return unary(castBoolean), true
	case "integer":
		return unary(castInteger), true
	case "decimal":
		return unary(castDecimal), true
	case "float":
		return unary(func(v Value) (Value, bool) { return castFloat(v, Float) }), true
	case "double":
		return unary(func(v Value) (Value, bool) { return castFloat(v, Double) }), true
	case "dateTime":
		return unary(castDateTime), true
	}
	if _, _, derived := integerRange(local); derived {
		return unary(func(v Value) (Value, bool) { return castDerived(v, local) }), true
	}
	return nil, false
}

func castString(v Value) (Value, bool) {
	switch v.Kind {
	case Unbound, Blank, LangString:
		return Value{}, false
	case Integer:
		return Str(v.bigInt().String()), true
	case Decimal:
		return Str(formatDecimal(v.dec)), true
	case Float:
		return Str(plainFloat(v.float, 32)), true
	case Double:
		return Str(plainFloat(v.float, 64)), true
	case Boolean:
		return Str(Bool(v.num != 0).Term().Value), true
	}
	return Str(v.Term().Value), true
}

func castBoolean(v Value) (Value, bool) {
	switch {
	case v.Kind == Boolean:
		return Bool(v.num != 0), true
	case v.IsNumeric():
		truth, ok := v.EBV()
		return Bool(truth), ok
	case v.Kind == String:
		return parseBoolean(trim(v))
	}
	return Value{}, false
}

// trim is the text of a string without white space around it, "" if it is too
// long to be anything that we compute with.
func trim(v Value) string {
	if s := strings.Trim(v.term.Value, " \t\r\n"); len(s) <= maxDigits+8 {
		return s
	}
	return ""
}

func castInteger(v Value) (Value, bool) {
	switch v.Kind {
	case Integer:
		return bigResult(v.bigInt())
	case Boolean:
		return Int(v.num), true
	case String:
		return parseInteger(trim(v))
	case Decimal:
		return truncate(v.dec)
	case Float, Double:
		if math.IsNaN(v.float) || math.IsInf(v.float, 0) {
			return Value{}, false
		}
		b, _ := big.NewFloat(v.float).Int(nil)
		return bigResult(b)
	}
	return Value{}, false
}

func truncate(d *apd.Decimal) (Value, bool) {
	var whole, fraction apd.Decimal
	d.Modf(&whole, &fraction)
	whole.Exponent = max(whole.Exponent, -maxDigits)
	return parseInteger(formatDecimal(&whole))
}

func castDecimal(v Value) (Value, bool) {
	switch v.Kind {
	case Decimal:
		return Value{Kind: Decimal, dec: v.dec}, true
	case Integer:
		return Value{Kind: Decimal, dec: v.asDecimal()}, true
	case Boolean:
		return Value{Kind: Decimal, dec: apd.New(v.num, 0)}, true
	case String:
		d, ok := parseDecimal(trim(v))
		return d, ok
	case Float, Double:
		if math.IsNaN(v.float) || math.IsInf(v.float, 0) {
			return Value{}, false
		}
		bits := 64
		if v.Kind == Float {
			bits = 32
		}
		d, _, err := apd.NewFromString(formatFloat(v.float, bits))
		return Value{Kind: Decimal, dec: d}, err == nil
	}
	return Value{}, false
}

func castFloat(v Value, kind Kind) (Value, bool) {
	switch {
	case v.IsNumeric():
		return floating(v.asFloat(), kind)
	case v.Kind == Boolean:
		return floating(float64(v.num), kind)
	case v.Kind == String:
		return parseFloat(trim(v), kind)
	}
	return Value{}, false
}

func castDateTime(v Value) (Value, bool) {
	switch v.Kind {
	case DateTime:
		return v, true
	case String:
		return parseDateTime(trim(v))
	}
	return Value{}, false
}

// castDerived casts to a datatype derived from xsd:integer, whose name it keeps.
func castDerived(v Value, local string) (Value, bool) {
	whole, ok := castInteger(v)
	if !ok {
		return Value{}, false
	}
	out := Of(base.Typed(whole.bigInt().String(), base.XSD+local))
	return out, out.Kind == Integer
}
