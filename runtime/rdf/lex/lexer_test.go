package lex_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/picloud/picloud/runtime/rdf/lex"
)

// tokens lists the tokens of a text as "kind text" until the end or an error.
func tokens(text string, d lex.Dialect) string {
	return read(lex.New(iotest.OneByteReader(strings.NewReader(text)), d, lex.Limits{}))
}

func read(l *lex.Lexer) string {
	var out []string
	for {
		t, err := l.Next()
		if err != nil {
			return strings.Join(append(out, "error "+err.Error()), " | ")
		}
		if t.Kind == lex.EOF {
			return strings.Join(out, " | ")
		}
		text := t.Text
		if t.Kind == lex.PName {
			text = t.Prefix + ":" + t.Text
		}
		out = append(out, fmt.Sprintf("%v %s %s", t.Pos, strings.TrimPrefix(strings.TrimPrefix(t.Kind.String(), "an "), "a "), text))
	}
}

func TestTokensAreCutAtTheLongestMatch(t *testing.T) {
	for _, c := range []struct {
		dialect lex.Dialect
		in, out string
	}{
		{lex.Turtle, `<a> a b:c.`, "1:1 IRI a | 1:5 word a | 1:7 prefixed name b:c | 1:10 punctuation ."},
		{lex.Turtle, "true.\r\nx.y:z", "1:1 word true | 1:5 punctuation . | 2:1 prefixed name x.y:z"},
		{lex.Turtle, `1.5 1. .5 1e2 -1.E3 +7`, "1:1 decimal 1.5 | 1:5 integer 1 | 1:6 punctuation . | 1:8 decimal .5 | 1:11 double 1e2 | 1:15 double -1.E3 | 1:21 integer +7"},
		{lex.Turtle, `:a%20\~b:c.d. `, "1:1 prefixed name :a%20~b:c.d | 1:13 punctuation ."},
		{lex.Turtle, `"é\u00e9"@en-GB^^`, "1:1 string éé | 1:10 language tag en-GB | 1:16 punctuation ^^"},
		{lex.Turtle, `'''a'b''c''' ""`, "1:1 string a'b''c | 1:14 string "},
		{lex.Turtle, "# only é\n_:a.b. [", "2:1 blank node a.b | 2:6 punctuation . | 2:8 punctuation ["},
		{lex.SPARQL, `?x<=?y&&$z<5 a:b?|^c:*`, "1:1 variable x | 1:3 punctuation <= | 1:5 variable y | 1:7 punctuation && | 1:9 variable z | 1:11 punctuation < | 1:12 integer 5 | 1:14 prefixed name a:b | 1:17 punctuation ? | 1:18 punctuation | | 1:19 punctuation ^ | 1:20 prefixed name c: | 1:22 punctuation *"},
		{lex.SPARQL, `COUNT(*)-1 !=!<a>`, "1:1 word COUNT | 1:6 punctuation ( | 1:7 punctuation * | 1:8 punctuation ) | 1:9 integer -1 | 1:12 punctuation != | 1:14 punctuation ! | 1:15 IRI a"},
	} {
		if got := tokens(c.in, c.dialect); got != c.out {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.out)
		}
	}
}

func TestErrorsNameThePlaceAndWhatWasExpected(t *testing.T) {
	for in, want := range map[string]string{
		"\n <a b>":        `2:4: ' ' is not allowed in an IRI; write it percent-encoded`,
		"<a":              `1:3: the IRI is not closed; expected ">"`,
		"\"a\nb\"":        `1:3: the string that begins at 1:1 is not closed; expected "`,
		`"a\qb"`:          `1:3: unknown escape; expected one of \t \b \n \r \f \" \' \\ \u \U`,
		`"\uD800"`:        `1:2: expected \u with 4 or \U with 8 hexadecimal digits of a Unicode character`,
		`<\u0020>`:        `1:1: the escaped character ' ' is not allowed in an IRI`,
		"\"é\xff\"":       `1:3: byte 0xFF is not valid UTF-8; the text must be UTF-8`,
		"# \xff":          `1:3: byte 0xFF is not valid UTF-8; the text must be UTF-8`,
		"é":               `1:2: expected ":" after the prefix of a name`,
		"a:b%4":           `1:4: expected two hexadecimal digits after %`,
		"_a":              `1:2: expected ":" and a label after "_"`,
		"@ ":              `1:2: expected a language tag, "prefix" or "base" after "@"`,
		"~":               `1:1: no term or punctuation begins with '~'`,
		"\"abc\" '''x''":  `1:13: the string that begins at 1:7 is not closed; expected '''`,
		"\x00":            `1:1: no term or punctuation begins with '\x00'`,
		"a:b\\x":          `1:4: expected one of _~.-!$&'()*+,;=/?#@% after \ in a name`,
		"<http://a/\xffb": `1:13: the IRI is not closed; expected ">"`,
	} {
		got := tokens(in, lex.Turtle)
		if !strings.HasSuffix(got, "error "+want) {
			t.Errorf("%q\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestATokenOverItsLimitIsRefused(t *testing.T) {
	long := strings.Repeat("a", 100)
	for _, in := range []string{"<" + long + ">", `"` + long + `"`, `"""` + long + `"""`, long, "_:" + long, ":" + long, long + ":", "@" + long, "@a-" + long, strings.Repeat("1", 100), "?" + long} {
		_, err := lex.New(strings.NewReader(in), lex.SPARQL, lex.Limits{IRI: 50, Literal: 50}).Next()
		var e *lex.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v, want an error", in, err)
		}
	}
}

func TestAReadErrorIsPassedOn(t *testing.T) {
	l := lex.New(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("abc def"))), lex.Turtle, lex.Limits{})
	if _, err := l.Next(); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

func FuzzLexer(f *testing.F) {
	for _, s := range []string{`<a> a b:c, "x"@en ; 1.5e3 .`, `?x <= "\u00e9" || !$y`, "_:b '''a''' # c\r\n", "é:ü%20\\~"} {
		f.Add(s, byte(0))
		f.Add(s, byte(2))
	}
	f.Fuzz(func(t *testing.T, s string, d byte) {
		limits := lex.Limits{IRI: 64, Literal: 64}
		whole := read(lex.New(strings.NewReader(s), lex.Dialect(d%3), limits))
		if chunked := read(lex.New(iotest.OneByteReader(strings.NewReader(s)), lex.Dialect(d%3), limits)); chunked != whole {
			t.Fatalf("byte by byte\n%s\nat once\n%s", chunked, whole)
		}
		l := lex.New(strings.NewReader(s), lex.Dialect(d%3), limits)
		for range 2*len(s) + 2 {
			tok, err := l.Next()
			if err == nil && tok.Kind == lex.EOF {
				return
			}
		}
		t.Fatal("the lexer stands still")
	})
}
