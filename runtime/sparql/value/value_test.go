package value

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// lit reads "lexical^^type" with a type of XML Schema, "text@lang" or text.
func lit(s string) Value {
	if text, datatype, ok := strings.Cut(s, "^^"); ok {
		return Of(base.Typed(text, base.XSD+datatype))
	}
	if text, lang, ok := strings.Cut(s, "@"); ok {
		return Of(base.LangString(text, lang))
	}
	return Of(base.String(s))
}

// show is the inverse of lit; an error is "error".
func show(v Value, ok bool) string {
	if !ok {
		return "error"
	}
	t := v.Term()
	switch {
	case t.Kind != base.LiteralTerm:
		return t.Value
	case t.Lang != "":
		return t.Value + "@" + t.Lang
	case t.Datatype == base.XSDString:
		return t.Value
	}
	return t.Value + "^^" + strings.TrimPrefix(t.Datatype, base.XSD)
}

func TestArithmeticIsThatOfXMLSchema(t *testing.T) {
	tests := []struct{ a, op, b, want string }{
		{"1^^integer", "+", "2^^integer", "3^^integer"},
		{"9223372036854775807^^integer", "+", "1^^integer", "9223372036854775808^^integer"},
		{"-9223372036854775808^^integer", "-", "1^^integer", "-9223372036854775809^^integer"},
		{"3037000500^^integer", "*", "3037000500^^integer", "9223372037000250000^^integer"},
		{"1^^integer", "/", "4^^integer", "0.25^^decimal"},
		{"1^^integer", "/", "3^^integer", "0.33333333333333333333333333^^decimal"},
		{"4^^integer", "/", "2^^integer", "2^^decimal"},
		{"1^^integer", "/", "0^^integer", "error"},
		{"1.0^^decimal", "/", "0^^integer", "error"},
		{"1^^double", "/", "0^^integer", "INF^^double"},
		{"0^^double", "/", "0^^integer", "NaN^^double"},
		{"0.1^^decimal", "+", "0.2^^decimal", "0.3^^decimal"},
		{"0.1^^decimal", "*", "0.1^^decimal", "0.01^^decimal"},
		{"1^^integer", "+", "0.5^^decimal", "1.5^^decimal"},
		{"1^^integer", "+", "0.5^^float", "1.5E0^^float"},
		{"1.5^^float", "+", "0.5^^double", "2.0E0^^double"},
		{"1^^byte", "+", "1^^unsignedInt", "2^^integer"},
		{"300^^byte", "+", "1^^integer", "error"},
		{"x", "+", "1^^integer", "error"},
	}
	for _, test := range tests {
		if got := show(Arithmetic(test.op[0], lit(test.a), lit(test.b))); got != test.want {
			t.Errorf("%s %s %s = %s, want %s", test.a, test.op, test.b, got, test.want)
		}
	}
}

func TestEqualityIsByValueWhereTheValueIsKnown(t *testing.T) {
	tests := []struct{ a, b, want string }{
		{"1^^integer", "01^^integer", "true"},
		{"1^^integer", "1.0^^decimal", "true"},
		{"1^^integer", "1.0E0^^double", "true"},
		{"NaN^^double", "NaN^^double", "false"},
		{"1^^boolean", "true^^boolean", "true"},
		{"a", "a", "true"},
		{"a@en", "a@EN", "true"},
		{"a@en", "a@de", "false"},
		{"a@en", "a", "false"},
		{"1^^integer", "1", "false"},
		{"2020-01-01T00:00:00Z^^dateTime", "2020-01-01T01:00:00+01:00^^dateTime", "true"},
		{"2020-01-01T24:00:00Z^^dateTime", "2020-01-02T00:00:00Z^^dateTime", "true"},
		{"x^^unknown", "x^^unknown", "true"},
		{"x^^unknown", "y^^unknown", "error"},
		{"x^^integer", "1^^integer", "error"},
	}
	for _, test := range tests {
		equal, ok := Equal(lit(test.a), lit(test.b))
		if got := show(Bool(equal), ok); strings.TrimSuffix(got, "^^boolean") != test.want {
			t.Errorf("%s = %s gives %s, want %s", test.a, test.b, got, test.want)
		}
	}
}

func TestOrderIsTotal(t *testing.T) {
	ascending := []Value{
		{}, Of(base.Blank("b")), Of(base.IRI("http://a")), Of(base.IRI("http://b")),
		lit("NaN^^double"), lit("-INF^^double"), lit("-1^^integer"), lit("0.5^^decimal"), lit("1^^integer"), lit("INF^^float"),
		lit("a"), lit("b"), lit("a@de"), lit("a@en"), lit("false^^boolean"), lit("true^^boolean"),
		lit("2020-01-01T00:00:00Z^^dateTime"), lit("2021-01-01T00:00:00Z^^dateTime"), lit("x^^unknown"),
	}
	for i, a := range ascending {
		for j, b := range ascending {
			got := Order(a, b)
			if i < j && got >= 0 || i > j && got <= 0 || i == j && got != 0 {
				t.Errorf("Order(%v, %v) = %d", a.Term(), b.Term(), got)
			}
		}
	}
}

func TestFunctions(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"ROUND", []string{"-2.5^^decimal"}, "-2^^decimal"},
		{"ROUND", []string{"2.5^^double"}, "3.0E0^^double"},
		{"CEIL", []string{"-1.5^^decimal"}, "-1^^decimal"},
		{"ABS", []string{"-9223372036854775808^^integer"}, "9223372036854775808^^integer"},
		{"SUBSTR", []string{"motor car@en", "6^^integer"}, " car@en"},
		{"SUBSTR", []string{"metadata", "4^^integer", "3^^integer"}, "ada"},
		{"SUBSTR", []string{"12345", "1.5^^decimal", "2.6^^decimal"}, "234"},
		{"SUBSTR", []string{"12345", "0^^integer", "3^^integer"}, "12"},
		{"STRBEFORE", []string{"abc@en", "z"}, ""},
		{"STRBEFORE", []string{"abc@en", "c@de"}, "error"},
		{"STRAFTER", []string{"abc@en", ""}, "abc@en"},
		{"CONCAT", []string{"a@en", "b@en"}, "ab@en"},
		{"CONCAT", []string{"a@en", "b"}, "ab"},
		{"CONCAT", []string{"a", "1^^integer"}, "error"},
		{"LANGMATCHES", []string{"de-CH", "de"}, "true^^boolean"},
		{"LANGMATCHES", []string{"de", "*"}, "true^^boolean"},
		{"LANGMATCHES", []string{"", "*"}, "false^^boolean"},
		{"ENCODE_FOR_URI", []string{"Los Ängeles"}, "Los%20%C3%84ngeles"},
		{"STRLEN", []string{"食べ物"}, "3^^integer"},
		{"SECONDS", []string{"2011-01-10T14:45:13.815-05:00^^dateTime"}, "13.815^^decimal"},
		{"HOURS", []string{"2011-01-10T14:45:13.815-05:00^^dateTime"}, "14^^integer"},
		{"TIMEZONE", []string{"2011-01-10T14:45:13-05:30^^dateTime"}, "-PT5H30M^^dayTimeDuration"},
		{"TIMEZONE", []string{"2011-01-10T14:45:13^^dateTime"}, "error"},
		{"TZ", []string{"2011-01-10T14:45:13+00:00^^dateTime"}, "+00:00"},
		{"SHA1", []string{"abc"}, "a9993e364706816aba3e25717850c26c9cd0d89d"},
	}
	for _, test := range tests {
		f, ok := Builtin(test.name)
		if !ok {
			t.Fatalf("no function %s", test.name)
		}
		var args []Value
		for _, a := range test.args {
			args = append(args, lit(a))
		}
		if got := show(f(args)); got != test.want {
			t.Errorf("%s%v = %s, want %s", test.name, test.args, got, test.want)
		}
	}
}

func TestCasts(t *testing.T) {
	tests := []struct{ datatype, in, want string }{
		{"integer", "1.9^^decimal", "1^^integer"},
		{"integer", "-1.9E0^^double", "-1^^integer"},
		{"integer", "1E30^^double", "1000000000000000019884624838656^^integer"},
		{"integer", "INF^^double", "error"},
		{"integer", " 12 ", "12^^integer"},
		{"integer", "1.5", "error"},
		{"decimal", "1E-7^^double", "0.0000001^^decimal"},
		{"double", "x", "error"},
		{"boolean", "0.0E0^^double", "false^^boolean"},
		{"boolean", "yes", "error"},
		{"string", "1.0E0^^double", "1"},
		{"string", "1.0E7^^double", "1.0E7"},
		{"dateTime", "2020-02-30T00:00:00Z", "error"},
		{"unsignedByte", "256^^integer", "error"},
		{"unsignedByte", "255^^integer", "255^^unsignedByte"},
	}
	for _, test := range tests {
		cast, ok := Cast(base.XSD + test.datatype)
		if !ok {
			t.Fatalf("no cast to %s", test.datatype)
		}
		if got := show(cast([]Value{lit(test.in)})); got != test.want {
			t.Errorf("%s(%s) = %s, want %s", test.datatype, test.in, got, test.want)
		}
	}
}

func TestHostileRegexIsRefusedOrLinear(t *testing.T) {
	for _, pattern := range []string{"(", `(a)\1`, "(?=a)", strings.Repeat("a", 5000), "((a{100}){100}){100}"} {
		if _, err := CompileRegex(pattern, ""); err == nil {
			t.Errorf("%.20s compiles", pattern)
		}
	}
	re, err := CompileRegex("(a+)+$", "")
	if err != nil || re.MatchString(strings.Repeat("a", 1<<20)+"b") {
		t.Error("a pattern with nested repetitions should run in linear time")
	}
}

// TestALongTextIsMatchedLikeAShortOne compares the two ways of matching, of
// which one can be ended in between.
func TestALongTextIsMatchedLikeAShortOne(t *testing.T) {
	always := func(int) bool { return true }
	texts := []string{"", "a", "aa b\na  b\r\n", "  trim me  ", "aXbXc", "éaé ab\xffa", "foo bar foo", strings.Repeat("ab ", 30)}
	for _, pattern := range []string{"a", "^a", "(?m)^a", "a$", "\\bfoo\\b", "\\b", "^\\s+|\\s+$", "(a)|(b)", "(?i)x", "a*b", ".", "o{2}", "(f)(o+)", "[^a]+", "\\B"} {
		for _, text := range texts {
			fast, err := NewRegex(pattern, "")
			if err != nil {
				t.Fatal(err)
			}
			slow, _ := NewRegex(pattern, "")
			slow.instructions = 1 << 30
			if fast.Match(text, always) != slow.Match(text, always) {
				t.Errorf("%q matches %q in one way only", pattern, text)
			}
			want := fmt.Sprint(fast.re.FindAllStringSubmatchIndex(text, -1))
			var got [][]int
			slow.matches(text, always, func(m []int) bool { got = append(got, m); return true })
			if fmt.Sprint(got) != want {
				t.Errorf("%q in %q: %v, want %v", pattern, text, got, want)
			}
			one, _ := fast.Replace(Str(text), "<$0$1\\$$2>", always)
			other, _ := slow.Replace(Str(text), "<$0$1\\$$2>", always)
			if one.Text() != other.Text() {
				t.Errorf("replacing %q in %q: %q and %q", pattern, text, one.Text(), other.Text())
			}
		}
	}
}

// TestMatchingEndsSoon lets hostile matching work for ten thousand steps, of
// which each is a microsecond at most.
func TestMatchingEndsSoon(t *testing.T) {
	long := strings.Repeat("a", MaxString)
	for _, pattern := range []string{"(a|aa)+$b", "(.{20}){50}b", "a.*b|a", "\\s+$|a", "(a?){900}b"} {
		re, err := NewRegex(pattern, "")
		if err != nil {
			t.Fatal(pattern, err)
		}
		for name, run := range map[string]func(Meter){
			"match":   func(m Meter) { re.Match(long, m) },
			"replace": func(m Meter) { re.Replace(Str(long), "$0$0$0", m) },
		} {
			left := 10_000
			began := time.Now()
			run(func(steps int) bool { left -= steps; return left > 0 })
			took := time.Since(began)
			t.Logf("%s of %s: %s, %d steps left", name, pattern, took, max(left, 0))
			if took > 500*time.Millisecond {
				t.Errorf("%s of %s took %s for ten thousand steps", name, pattern, took)
			}
		}
	}
}

// TestNoFunctionMakesWithoutMeasure applies what can make much of little.
func TestNoFunctionMakesWithoutMeasure(t *testing.T) {
	always := func(int) bool { return true }
	long := Str(strings.Repeat("%", MaxString-1))
	re, _ := NewRegex("(.+)", "")
	for name, run := range map[string]func() (Value, bool){
		"REPLACE":        func() (Value, bool) { return re.Replace(long, strings.Repeat("$1", 1<<20), always) },
		"CONCAT":         func() (Value, bool) { return concat([]Value{long, long, long, long}) },
		"ENCODE_FOR_URI": func() (Value, bool) { f, _ := Builtin("ENCODE_FOR_URI"); return f([]Value{long}) },
		"STRLANG":        func() (Value, bool) { return strLang([]Value{Str("a"), Str(strings.Repeat("a-", 1<<20) + "a")}) },
		"IRI":            func() (Value, bool) { return iri([]Value{long, Str("http://e/")}) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, ok := run()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; ok || took > 3*MaxString {
			t.Errorf("%s: %t, %d bytes allocated", name, ok, took)
		}
	}
}

// FuzzLiteral reads what it may find in data: no literal makes a panic, and
// what is computed reads back as itself.
func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"1", "-0.0", "1E400", "2020-01-01T00:00:00.123+14:00", "-0001-01-01T00:00:00", "true", "NaN"} {
		for _, d := range []string{"integer", "decimal", "double", "float", "dateTime", "boolean", "long"} {
			f.Add(s, d)
		}
	}
	f.Fuzz(func(t *testing.T, text, datatype string) {
		v := Of(base.Typed(text, base.XSD+datatype))
		for _, name := range []string{"integer", "decimal", "double", "string", "boolean", "dateTime"} {
			cast, _ := Cast(base.XSD + name)
			out, ok := cast([]Value{v})
			if !ok {
				continue
			}
			again := Of(out.Term())
			if again.Kind != out.Kind {
				t.Fatalf("%s(%q^^%s) is %v, which reads as kind %d", name, text, datatype, out.Term(), again.Kind)
			}
		}
		Arithmetic('/', v, v)
		Order(v, Int(1))
	})
}
