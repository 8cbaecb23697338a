package value

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/picloud/picloud/gen/base"
)

// Kind is the value space of a Value. The order of the kinds is the order in
// which ORDER BY sorts them (SPARQL 1.1, section 15.1, extended to a total
// order).
type Kind uint8

// Unbound is no value; Other is a literal whose datatype we do not interpret
// or whose lexical form is not in the datatype's lexical space.
const (
	Unbound Kind = iota
	Blank
	IRI
	Integer
	Decimal
	Float
	Double
	String
	LangString
	Boolean
	DateTime
	Other
)

// Value is an RDF term together with its interpretation. The zero Value is
// unbound.
type Value struct {
	Kind Kind
	// zoned tells whether a DateTime carries a time zone.
	zoned bool
	// num is an Integer that fits, a Boolean (0, 1).
	num int64
	// float is a Float or a Double.
	float float64
	// big is an Integer that does not fit num.
	big *big.Int
	dec *apd.Decimal
	at  time.Time
	// term is the term read, or zero for a value that was computed.
	term base.Term
}

// Of interprets a term. A literal outside its datatype's lexical space has
// kind Other.
func Of(t base.Term) Value {
	switch t.Kind {
	case base.IRITerm:
		return Value{Kind: IRI, term: t}
	case base.BlankTerm:
		return Value{Kind: Blank, term: t}
	case base.LiteralTerm:
		return ofLiteral(t)
	}
	return Value{}
}

func ofLiteral(t base.Term) Value {
	if t.Lang != "" {
		return Value{Kind: LangString, term: t}
	}
	if t.Datatype == base.XSDString || t.Datatype == "" {
		return Value{Kind: String, term: t}
	}
	local, isXSD := strings.CutPrefix(t.Datatype, base.XSD)
	if !isXSD {
		return Value{Kind: Other, term: t}
	}
	// A longer number is none that we compute with.
	lexical := strings.Trim(t.Value, " \t\r\n")
	if len(lexical) > maxDigits+8 {
		return Value{Kind: Other, term: t}
	}
	v, ok := parse(local, lexical)
	if !ok {
		return Value{Kind: Other, term: t}
	}
	v.term = t
	return v
}

// parse reads a lexical form of the XML Schema datatype named local.
func parse(local, lexical string) (Value, bool) {
	switch local {
	case "integer":
		return parseInteger(lexical)
	case "decimal":
		return parseDecimal(lexical)
	case "double":
		return parseFloat(lexical, Double)
	case "float":
		return parseFloat(lexical, Float)
	case "boolean":
		return parseBoolean(lexical)
	case "dateTime":
		return parseDateTime(lexical)
	}
	if lo, hi, ok := integerRange(local); ok {
		v, ok := parseInteger(lexical)
		if !ok || lo != nil && v.bigInt().Cmp(lo) < 0 || hi != nil && v.bigInt().Cmp(hi) > 0 {
			return Value{}, false
		}
		return v, true
	}
	return Value{}, false
}

// integerRange gives the bounds of the datatypes derived from xsd:integer
// (XML Schema 1.1 part 2, section 3.4); nil means without bound.
func integerRange(local string) (lo, hi *big.Int, ok bool) {
	signed := func(bits uint) (*big.Int, *big.Int, bool) {
		limit := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return new(big.Int).Neg(limit), new(big.Int).Sub(limit, big.NewInt(1)), true
	}
	unsigned := func(bits uint) (*big.Int, *big.Int, bool) {
		limit := new(big.Int).Lsh(big.NewInt(1), bits)
		return new(big.Int), limit.Sub(limit, big.NewInt(1)), true
	}
	switch local {
	case "long":
		return signed(64)
	case "int":
		return signed(32)
	case "short":
		return signed(16)
	case "byte":
		return signed(8)
	case "unsignedLong":
		return unsigned(64)
	case "unsignedInt":
		return unsigned(32)
	case "unsignedShort":
		return unsigned(16)
	case "unsignedByte":
		return unsigned(8)
	case "nonNegativeInteger":
		return new(big.Int), nil, true
	case "positiveInteger":
		return big.NewInt(1), nil, true
	case "nonPositiveInteger":
		return nil, new(big.Int), true
	case "negativeInteger":
		return nil, big.NewInt(-1), true
	}
	return nil, nil, false
}

func parseInteger(s string) (Value, bool) {
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || len(digits) > maxDigits || !allDigits(digits) {
		return Value{}, false
	}
	if i, err := strconv.ParseInt(strings.TrimPrefix(s, "+"), 10, 64); err == nil {
		return Value{Kind: Integer, num: i}, true
	}
	b, ok := new(big.Int).SetString(strings.TrimPrefix(s, "+"), 10)
	return Value{Kind: Integer, big: b}, ok
}

func parseDecimal(s string) (Value, bool) {
	digits := strings.TrimLeft(s, "+-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if len(s)-len(digits) > 1 || whole+fraction == "" || len(digits) > maxDigits ||
		!allDigits(whole) || !allDigits(fraction) {
		return Value{}, false
	}
	d, _, err := apd.NewFromString(s)
	if err != nil {
		return Value{}, false
	}
	return Value{Kind: Decimal, dec: d}, true
}

func parseFloat(s string, kind Kind) (Value, bool) {
	switch s {
	case "INF", "+INF":
		return Value{Kind: kind, float: math.Inf(1)}, true
	case "-INF":
		return Value{Kind: kind, float: math.Inf(-1)}, true
	case "NaN":
		return Value{Kind: kind, float: math.NaN()}, true
	}
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return Value{}, false
	}
	bits := 64
	if kind == Float {
		bits = 32
	}
	// Out of range is not an error in XML Schema: the value is an infinity,
	// which ParseFloat returns beside its error.
	f, err := strconv.ParseFloat(s, bits)
	if err != nil && !math.IsInf(f, 0) {
		return Value{}, false
	}
	return Value{Kind: kind, float: f}, true
}

func parseBoolean(s string) (Value, bool) {
	switch s {
	case "true", "1":
		return Bool(true), true
	case "false", "0":
		return Bool(false), true
	}
	return Value{}, false
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Bool makes an xsd:boolean.
func Bool(b bool) Value {
	if b {
		return Value{Kind: Boolean, num: 1}
	}
	return Value{Kind: Boolean}
}

// Int makes an xsd:integer.
func Int(i int64) Value { return Value{Kind: Integer, num: i} }

// Str makes an xsd:string.
func Str(s string) Value { return Value{Kind: String, term: base.String(s)} }

// Term is the RDF term of a value: the one that was read, or the canonical
// form of what was computed.
func (v Value) Term() base.Term {
	if v.term.Kind != base.NoTerm {
		return v.term
	}
	switch v.Kind {
	case Integer:
		return base.Typed(v.bigInt().String(), base.XSDInteger)
	case Decimal:
		return base.Typed(formatDecimal(v.dec), base.XSDDecimal)
	case Float:
		return base.Typed(formatFloat(v.float, 32), base.XSDFloat)
	case Double:
		return base.Typed(formatFloat(v.float, 64), base.XSDDouble)
	case Boolean:
		return base.Boolean(v.num != 0)
	case DateTime:
		return base.Typed(formatDateTime(v.at, v.zoned), base.XSDDateTime)
	}
	return base.Term{}
}

// IsLiteral reports whether v is a literal.
func (v Value) IsLiteral() bool { return v.Kind >= Integer }

// IsNumeric reports whether v is a number.
func (v Value) IsNumeric() bool { return v.Kind >= Integer && v.Kind <= Double }

// EBV is the effective boolean value (SPARQL 1.1, section 17.2.2).
func (v Value) EBV() (value, ok bool) {
	switch v.Kind {
	case Boolean:
		return v.num != 0, true
	case String:
		return v.term.Value != "", true
	case Integer:
		return v.big != nil || v.num != 0, true
	case Decimal:
		return !v.dec.IsZero(), true
	case Float, Double:
		return v.float != 0 && !math.IsNaN(v.float), true
	case Other:
		// An invalid lexical form of a boolean or a number is false.
		return false, invalidTruth(v.term.Datatype)
	}
	return false, false
}

func invalidTruth(datatype string) bool {
	switch datatype {
	case base.XSDBoolean, base.XSDInteger, base.XSDDecimal, base.XSDFloat, base.XSDDouble:
		return true
	}
	_, _, ok := integerRange(strings.TrimPrefix(datatype, base.XSD))
	return ok
}

func (v Value) bigInt() *big.Int {
	if v.big != nil {
		return v.big
	}
	return big.NewInt(v.num)
}

// bigResult normalises an integer result, and refuses one without measure.
func bigResult(b *big.Int) (Value, bool) {
	if b.IsInt64() {
		return Int(b.Int64()), true
	}
	return Value{Kind: Integer, big: b}, b.BitLen() <= maxBits
}

// Float64 makes an xsd:double.
func Float64(f float64) Value { return Value{Kind: Double, float: f} }
