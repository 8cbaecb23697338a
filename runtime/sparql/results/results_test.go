package results

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

func sample() *Table {
	return &Table{Vars: []string{"a", "b"}, Rows: [][]base.Term{
		{base.IRI("http://e/<&>"), base.Blank("x1")},
		{base.String("a \"b\",\\ \t\n\r <c> & 食 \u2028"), {}},
		{base.LangString("x", "en-GB"), base.Integer(7)},
		{{}, base.Typed("1.0E6", base.XSDDouble)},
		{base.String(""), base.Typed("x", "http://e/t")},
		{{}, {}},
	}}
}

func rows(t *Table) Rows {
	return func(yield func([]base.Term, error) bool) {
		for _, r := range t.Rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestWhatIsWrittenReadsBack(t *testing.T) {
	read := map[Format]func(*bytes.Buffer) (*Table, error){
		JSON: func(b *bytes.Buffer) (*Table, error) { return ReadJSON(b) },
		XML:  func(b *bytes.Buffer) (*Table, error) { return ReadXML(b) },
	}
	for f, parse := range read {
		var b bytes.Buffer
		if err := Write(&b, f, sample().Vars, rows(sample())); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		got, err := parse(&b)
		if err != nil || !reflect.DeepEqual(got, sample()) {
			t.Errorf("%s: %v\n%s\ngot %v", f.MediaType(), err, text, got)
		}
	}
}

func TestBooleansReadBack(t *testing.T) {
	for _, want := range []bool{true, false} {
		var j, x bytes.Buffer
		if err := errors.Join(WriteBoolean(&j, JSON, want), WriteBoolean(&x, XML, want)); err != nil {
			t.Fatal(err)
		}
		fromJSON, err1 := ReadJSON(&j)
		fromXML, err2 := ReadXML(&x)
		if err1 != nil || err2 != nil || *fromJSON.Boolean != want || *fromXML.Boolean != want {
			t.Errorf("%v: %v %v", want, err1, err2)
		}
	}
}

func TestTextFormats(t *testing.T) {
	want := map[Format]string{
		CSV: "a,b\r\nhttp://e/<&>,_:x1\r\n\"a \"\"b\"\",\\ \t\n\r <c> & 食 \u2028\",\r\nx,7\r\n,1.0E6\r\n,x\r\n,\r\n",
		TSV: "?a\t?b\n<http://e/<&>>\t_:x1\n\"a \\\"b\\\",\\\\ \\t\\n\\r <c> & 食 \u2028\"\t\n\"x\"@en-GB\t7\n\t1.0E6\n\"\"\t\"x\"^^<http://e/t>\n\t\n",
	}
	for f, text := range want {
		var b bytes.Buffer
		if err := Write(&b, f, sample().Vars, rows(sample())); err != nil || b.String() != text {
			t.Errorf("%s: %v\ngot  %q\nwant %q", f.MediaType(), err, b.String(), text)
		}
	}
}

func TestAnErrorAmongTheRowsIsReturned(t *testing.T) {
	broken := errors.New("broken")
	for _, f := range []Format{JSON, XML, CSV, TSV} {
		err := Write(&bytes.Buffer{}, f, []string{"a"}, func(yield func([]base.Term, error) bool) {
			_ = yield([]base.Term{base.String("x")}, nil) && yield(nil, broken)
		})
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v", f.MediaType(), err)
		}
	}
}

func TestMalformedResultsAreErrors(t *testing.T) {
	for _, text := range []string{"", "{", `{"head":{"vars":["a"]},"results":{"bindings":[{"a":{"type":"x","value":"y"}}]}}`} {
		if _, err := ReadJSON(strings.NewReader(text)); err == nil {
			t.Errorf("JSON %q is read", text)
		}
	}
	for _, text := range []string{"", "<sparql>", `<other/>`, `<sparql><head/><results><result><binding name="z"/></result></results></sparql>`} {
		if _, err := ReadXML(strings.NewReader(text)); err == nil {
			t.Errorf("XML %q is read", text)
		}
	}
}
