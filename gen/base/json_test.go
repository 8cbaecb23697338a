package base_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

func TestEveryNodeOfJSONHasItsPlace(t *testing.T) {
	v, err := base.ReadJSON([]byte("{\n  \"ü\": [1, \"é\", true],\n  \"b\": null\n}"), base.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var walk func(v *base.Value)
	walk = func(v *base.Value) {
		got = append(got, fmt.Sprintf("%d:%d %s", v.Line, v.Column, v.Kind))
		for _, i := range v.Items {
			walk(i)
		}
		for _, m := range v.Members {
			got = append(got, fmt.Sprintf("%d:%d %q", m.Line, m.Column, m.Name))
			walk(m.Value)
		}
	}
	walk(v)
	want := []string{
		"1:1 an object", `2:3 "ü"`, "2:8 a list", "2:9 a number", "2:12 a string", "2:17 true or false", `3:3 "b"`, "3:8 null",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFaultyJSONIsRefusedWithPlaceAndExpectation(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{``, `1:1 syntax "" a value: expected a value, found the end of the text`},
		{`{"a":1} x`, `1:9 syntax "" the end of the text: expected the end of the text, found 'x'`},
		{`{"a":1,"b":2,"a":3}`, `1:14 duplicate "/a" : member "a" stands twice in one object`},
		{"{\"a\":\n [1,\n  ü]}", `3:3 syntax "/a/1" a value: expected a value, found 'ü'`},
		{`{a:1}`, `1:2 syntax "" a member name in double quotes: expected a member name in double quotes, found 'a'`},
		{`{"a" 1}`, `1:6 syntax "/a" ":": expected ":", found '1'`},
		{`{"a":1,}`, `1:8 syntax "" a member name in double quotes: expected a member name in double quotes, found '}'`},
		{`{"a":1 "b"}`, `1:8 syntax "" "," or "}": expected "," or "}", found '"'`},
		{`[1 2]`, `1:4 syntax "" "," or "]": expected "," or "]", found '2'`},
		{`[1,]`, `1:4 syntax "/1" a value: expected a value, found ']'`},
		{`01`, `1:2 syntax "" the end of the text: expected the end of the text, found '1'`},
		{`-`, `1:2 syntax "" a digit: expected a digit, found the end of the text`},
		{`1.`, `1:3 syntax "" a digit: expected a digit, found the end of the text`},
		{`1e+`, `1:4 syntax "" a digit: expected a digit, found the end of the text`},
		{`+1`, `1:1 syntax "" a value: expected a value, found '+'`},
		{`True`, `1:1 syntax "" a value: expected a value, found 'T'`},
		{`tru`, `1:1 syntax "" true: expected true, found 't'`},
		{`"a`, `1:3 syntax "" a closing '"': expected a closing '"', found the end of the text`},
		{`"\n\`, `1:5 syntax "" a character after the backslash: expected a character after the backslash, found the end of the text`},
		{"\"a\nb\"", `1:3 control "" \u000a: a string cannot hold the control character U+000A; write \u000a`},
		{`"\x"`, `1:2 escape "" \" \\ \/ \b \f \n \r \t \uXXXX: a backslash stands before one of " \ / b f n r t u`},
		{`"\u12g4"`, `1:2 escape "" four hexadecimal digits: \u needs four hexadecimal digits`},
		{`"\u0000"`, `1:2 escape "" : \u0000 cannot be kept in a text`},
		{`"a\ud800"`, `1:3 surrogate "" a pair of surrogates: half of a surrogate pair is no character`},
		{`"\ud800\u0041"`, `1:2 surrogate "" a pair of surrogates: half of a surrogate pair is no character`},
		{`"\udc00"`, `1:2 surrogate "" a pair of surrogates: half of a surrogate pair is no character`},
		{"\"\xff\"", `1:2 utf8 "" UTF-8: byte 0xFF is not UTF-8`},
		{"\"\xed\xa0\x80\"", `1:2 utf8 "" UTF-8: byte 0xED is not UTF-8`},
		{"\ufeff{}", `1:1 syntax "" a value: expected a value, found '\ufeff'`},
		{strings.Repeat("[", 33), `1:33 depth "` + strings.Repeat("/0", 32) + `" : more than 32 arrays and objects inside each other`},
	} {
		_, err := base.ReadJSON([]byte(test.text), base.Limits{})
		if err == nil || err.Code != base.Unparsable || len(err.Violations) != 1 {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		v := err.Violations[0]
		if got := fmt.Sprintf("%d:%d %s %q %s: %s", v.Line, v.Column, v.ID, v.Pointer, v.Expected, v.Message); got != test.want {
			t.Errorf("%q\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestAllDuplicateNamesAreListed(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"n":{"x":1,"x":2}`)
	for i := range 40 {
		fmt.Fprintf(&b, `,"m%d":0`, i)
	}
	b.WriteString(`,"m0":1,"m39":{"\u0061":1,"a":2}}`)
	_, err := base.ReadJSON([]byte(b.String()), base.Limits{})
	if err == nil || len(err.Violations) != 4 {
		t.Fatalf("%v", err)
	}
}

func TestLimitsOfJSONHold(t *testing.T) {
	for text, limits := range map[string]base.Limits{
		"[1,2,3]":   {Nodes: 3},
		"[1,2,3] ":  {Bytes: 7},
		`{"a":"bc"`: {Bytes: 3},
	} {
		if _, err := base.ReadJSON([]byte(text), limits); err == nil || err.Code != base.TooLarge {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestEscapesOfJSONAreResolved(t *testing.T) {
	v, err := base.ReadJSON([]byte(`["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é", "plain"]`), base.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Items[0].Text; got != "\"\\/\b\f\n\r\té😀é" {
		t.Errorf("%q", got)
	}
	if got := v.Items[1].Text; got != "plain" {
		t.Errorf("%q", got)
	}
}

// FuzzReadJSON demands that the reader accepts nothing that encoding/json
// refuses, and that what it reads survives writing and reading again.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\u00e9\ud83d\ude00"],"b":{"c":null}}`, `"\ud800"`, `[[[[]]]]`, "{\"a\":1,\"a\":2}", "\xff", `-0.0E-1`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := base.ReadJSON(data, base.Limits{})
		if err != nil {
			if v != nil || len(err.Violations) == 0 && err.Code != base.TooLarge {
				t.Fatalf("%v %v", v, err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted %q", data)
		}
		text := base.AppendValue(nil, v)
		again, err := base.ReadJSON(text, base.Limits{})
		if err != nil || !base.EqualValues(v, again) {
			t.Fatalf("%q became %q: %v", data, text, err)
		}
	})
}

func sample() []byte {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := range 500 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"iri":"https://picloud.local/products/photo-app/containers/c%d","kind":"container","image":"photo-api:1.0.0",`+
			`"args":["--port","8080"],"env":{"LOG_LEVEL":{"value":"info"}},"resources":{"cpu":500,"memory":268435456},"replicas":%d}`, i, i%9)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func BenchmarkReadJSON(b *testing.B) {
	data := sample()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := base.ReadJSON(data, base.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodingJSON(b *testing.B) {
	data := sample()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}
