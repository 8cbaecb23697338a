package value

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// The size of exact numbers: far beyond any use, small enough that repeated
// squaring in one query cannot eat the machine.
const (
	maxDigits = 8192
	maxBits   = maxDigits * 3
	// divisionDigits is how many digits a quotient carries beyond those of
	// its operands; XML Schema asks for at least 18.
	divisionDigits = 24
)

// numericKind is the type to which both operands are promoted
// (XPath 3.1, section B.1).
func numericKind(a, b Value) Kind {
	return max(a.Kind, b.Kind)
}

func (v Value) asFloat() float64 {
	switch v.Kind {
	case Integer:
		if v.big == nil {
			return float64(v.num)
		}
		f, _ := new(big.Float).SetInt(v.big).Float64()
		return f
	case Decimal:
		f, err := strconv.ParseFloat(v.dec.String(), 64)
		if err != nil && !math.IsInf(f, 0) {
			return math.NaN()
		}
		return f
	}
	return v.float
}

func (v Value) asDecimal() *apd.Decimal {
	if v.Kind == Decimal {
		return v.dec
	}
	if v.big == nil {
		return apd.New(v.num, 0)
	}
	return apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(v.big), 0)
}

func floating(f float64, kind Kind) (Value, bool) {
	if kind == Float {
		f = float64(float32(f))
	}
	return Value{Kind: kind, float: f}, true
}

// Arithmetic applies one of "+", "-", "*", "/" (SPARQL 1.1, section 17.3;
// XPath functions, section 4.2). Division of integers gives a decimal, and by
// zero an error; floats divide by zero to an infinity.
func Arithmetic(op byte, a, b Value) (Value, bool) {
	if !a.IsNumeric() || !b.IsNumeric() {
		return Value{}, false
	}
	switch kind := numericKind(a, b); {
	case kind == Integer && op != '/':
		return integerArithmetic(op, a, b)
	case kind <= Decimal:
		return decimalArithmetic(op, a.asDecimal(), b.asDecimal())
	default:
		x, y := a.asFloat(), b.asFloat()
		switch op {
		case '+':
			return floating(x+y, kind)
		case '-':
			return floating(x-y, kind)
		case '*':
			return floating(x*y, kind)
		}
		return floating(x/y, kind)
	}
}

func integerArithmetic(op byte, a, b Value) (Value, bool) {
	if a.big == nil && b.big == nil {
		if v, ok := smallArithmetic(op, a.num, b.num); ok {
			return v, true
		}
	}
	x, y, z := a.bigInt(), b.bigInt(), new(big.Int)
	switch op {
	case '+':
		z.Add(x, y)
	case '-':
		z.Sub(x, y)
	default:
		z.Mul(x, y)
	}
	return bigResult(z)
}

// smallArithmetic is the path without allocation; ok is false on overflow.
func smallArithmetic(op byte, x, y int64) (Value, bool) {
	switch op {
	case '+':
		z := x + y
		return Int(z), (z > x) == (y > 0)
	case '-':
		z := x - y
		return Int(z), (z < x) == (y > 0)
	}
	const half = 1 << 31
	return Int(x * y), x > -half && x < half && y > -half && y < half
}

func decimalArithmetic(op byte, x, y *apd.Decimal) (Value, bool) {
	exact := apd.BaseContext
	z := new(apd.Decimal)
	var err error
	switch op {
	case '+':
		_, err = exact.Add(z, x, y)
	case '-':
		_, err = exact.Sub(z, x, y)
	case '*':
		_, err = exact.Mul(z, x, y)
	default:
		if y.IsZero() {
			return Value{}, false
		}
		digits := x.NumDigits() + y.NumDigits() + divisionDigits
		_, err = exact.WithPrecision(uint32(digits)).Quo(z, x, y)
		z.Reduce(z)
	}
	if err != nil || z.NumDigits() > maxDigits || z.Exponent < -maxDigits || z.Exponent > maxDigits {
		return Value{}, false
	}
	return Value{Kind: Decimal, dec: z}, true
}

// Negate is unary minus.
func Negate(v Value) (Value, bool) {
	switch v.Kind {
	case Integer:
		return bigResult(new(big.Int).Neg(v.bigInt()))
	case Decimal:
		return Value{Kind: Decimal, dec: new(apd.Decimal).Neg(v.dec)}, true
	case Float, Double:
		return Value{Kind: v.Kind, float: -v.float}, true
	}
	return Value{}, false
}

// compareNumbers is -1, 0 or 1; ok is false when a NaN takes part.
func compareNumbers(a, b Value) (order int, ok bool) {
	switch kind := numericKind(a, b); {
	case kind == Integer:
		if a.big == nil && b.big == nil {
			switch {
			case a.num < b.num:
				return -1, true
			case a.num > b.num:
				return 1, true
			}
			return 0, true
		}
		return a.bigInt().Cmp(b.bigInt()), true
	case kind == Decimal:
		return a.asDecimal().Cmp(b.asDecimal()), true
	default:
		x, y := a.asFloat(), b.asFloat()
		if kind == Float {
			x, y = float64(float32(x)), float64(float32(y))
		}
		switch {
		case x < y:
			return -1, true
		case x > y:
			return 1, true
		}
		return 0, x == y
	}
}

// formatDecimal writes the canonical form of XML Schema 1.1: no exponent, no
// point for a whole number.
func formatDecimal(d *apd.Decimal) string {
	s := d.Text('f')
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

// formatFloat writes the canonical form of xsd:double and xsd:float: a
// mantissa with a point, E, an exponent without plus or padding.
func formatFloat(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, bits), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	sign := ""
	if exponent[0] == '-' {
		sign = "-"
	}
	exponent = strings.TrimLeft(exponent[1:], "0")
	if exponent == "" {
		return mantissa + "E0"
	}
	return mantissa + "E" + sign + exponent
}

// plainFloat is the string that XPath casts a double to: decimal notation
// between 1e-6 and 1e6, the canonical form elsewhere.
func plainFloat(f float64, bits int) string {
	a := math.Abs(f)
	switch {
	case f == 0 && math.Signbit(f):
		return "-0"
	case f == 0:
		return "0"
	case a >= 1e-6 && a < 1e6:
		return strconv.FormatFloat(f, 'f', -1, bits)
	}
	return formatFloat(f, bits)
}
