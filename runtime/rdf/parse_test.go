package rdf_test

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

func TestStatementsCarryThePlacesOfTheirTerms(t *testing.T) {
	const text = `@prefix pc: <https://picloud.local/ontology#> .
<a> a pc:Volume ;
  pc:size 5 , [ pc:é "x" ] ;
  pc:args ( 1 2 ) .
`
	var got strings.Builder
	prefixes := map[string]string{}
	err := rdf.Parse(iotest.OneByteReader(strings.NewReader(text)), rdf.Turtle, rdf.Options{Base: "http://e/", Prefixes: prefixes}, func(s rdf.Statement) error {
		short := func(t base.Term) string {
			return t.Value[strings.LastIndexAny(t.Value, "#/")+1:]
		}
		fmt.Fprintf(&got, "%v %s | %v %s | %v %s\n", s.Subject, short(s.Quad.S), s.Predicate, short(s.Quad.P), s.Object, short(s.Quad.O))
		return nil
	})
	const want = `2:1 a | 2:5 type | 2:7 Volume
2:1 a | 3:3 size | 3:11 5
2:1 a | 3:3 size | 3:15 genid1
3:15 genid1 | 3:17 é | 3:22 x
2:1 a | 4:3 args | 4:11 genid2
4:11 genid2 | 4:13 first | 4:13 1
4:11 genid2 | 4:13 rest | 4:15 genid3
4:15 genid3 | 4:15 first | 4:15 2
4:15 genid3 | 4:15 rest | 4:17 nil
`
	if err != nil || got.String() != want {
		t.Errorf("%v, got\n%s", err, got.String())
	}
	if !maps.Equal(prefixes, map[string]string{"pc": "https://picloud.local/ontology#"}) {
		t.Errorf("prefixes: %v", prefixes)
	}
}

func TestAllErrorsOfATextAreToldAtOnce(t *testing.T) {
	for _, c := range []struct {
		format     rdf.Format
		text, want string
		statements int
	}{
		{rdf.Turtle, `<http://e/a> <http://e/b> <http://e/c>
<http://e/a> pc:x 1 .
<http://e/a> <http://e/b> 2 .
<http://e/a <http://e/b> .
_:x <http://e/b> "a" "b" .
[] <http://e/b> 3 .
( 1 2`, `2:1: expected "." at the end of the statement, or ";" or "," to continue it, found <http://e/a>
4:12: ' ' is not allowed in an IRI; write it percent-encoded
5:22: expected "." at the end of the statement, or ";" or "," to continue it, found the string "b"
7:6: expected ")" at the end of the list that begins at 7:1, found the end of the text`, 8},
		{rdf.Turtle, "pc:a a pc:b .", "1:1: the prefix pc: is not declared; add @prefix pc: <…> . above", 0},
		{rdf.Turtle, "<a> a <b> .", "1:1: <a> is relative and there is no base IRI; write the IRI in full", 0},
		{rdf.NTriples, "<http://e/a> <http://e/b> 1 .\n<http://e/a> <b> <c> .\n<http://e/a> <http://e/b> <http://e/c> . <http://e/a>\n_:a <http://e/b> \"x\" .\n",
			`1:27: expected an object (an IRI, a blank node or a literal), found "1"
2:14: <b> is relative and there is no base IRI; write the IRI in full
3:42: expected a new line after the statement, found <http://e/a>`, 1},
		{rdf.TriG, "<http://e/g> { <http://e/a> <http://e/b> . <http://e/a> <http://e/b> 1 }\n{ x }\n<http://e/a> <http://e/b> 2 .",
			"1:42: expected an object (an IRI, a blank node, a literal, [ or (), found \".\"\n2:3: expected a subject (an IRI, a blank node, [ or () or a directive, found \"x\"", 2},
	} {
		n := 0
		err := rdf.Parse(strings.NewReader(c.text), c.format, rdf.Options{MaxErrors: 10}, func(rdf.Statement) error { n++; return nil })
		if err == nil || err.Error() != c.want || n != c.statements {
			t.Errorf("%v: %d statements, got\n%v\nwant\n%s", c.format, n, err, c.want)
		}
		var first *rdf.SyntaxError
		if !errors.As(err, &first) || first.Pos.Line == 0 {
			t.Errorf("no place in %v", err)
		}
	}
}

func TestTheErrorOfTheReceiverEndsTheParse(t *testing.T) {
	stop := &rdf.SyntaxError{Msg: "mine"}
	err := rdf.Parse(strings.NewReader("<a:a> <a:b> 1, 2 ."), rdf.Turtle, rdf.Options{MaxErrors: 9}, func(rdf.Statement) error { return stop })
	if err != error(stop) {
		t.Errorf("got %v", err)
	}
	err = rdf.Parse(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("<a:a> <a:b> 1 ."))), rdf.Turtle, rdf.Options{MaxErrors: 9}, func(rdf.Statement) error { return nil })
	if !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

func TestEveryLimitIsAnErrorWithItsNumber(t *testing.T) {
	long := strings.Repeat("x", 2000)
	o := rdf.Options{MaxDepth: 10, MaxIRI: 1000, MaxLiteral: 1000, MaxBytes: 3000, MaxValues: 50, Base: "http://e/"}
	for _, c := range []struct {
		format rdf.Format
		text   string
		want   string
	}{
		{rdf.Turtle, strings.Repeat("[ <a> ", 11), "deeper than 10 levels"},
		{rdf.Turtle, strings.Repeat("(", 11), "deeper than 10 levels"},
		{rdf.Turtle, "<" + long + ">", "longer than 1000 bytes"},
		{rdf.Turtle, "@prefix a: <http://e/" + long[:900] + "> . a:" + long[:200] + " a a:", "longer than 1000 bytes"},
		{rdf.Turtle, `<a> <b> "` + long + `"`, "longer than 1000 bytes"},
		{rdf.NTriples, `<a:a> <a:b> "` + long + `"`, "longer than 1000 bytes"},
		{rdf.JSONLD, strings.Repeat("[", 11) + strings.Repeat("]", 11), "deeper than 10 levels"},
		{rdf.JSONLD, `"` + long + long + `"`, "longer than 3000 bytes"},
		{rdf.JSONLD, "[" + strings.Repeat("1,", 50) + "1]", "more than 50 values"},
		{rdf.RDFXML, `<e:a xmlns:e="http://e/">` + strings.Repeat("<e:a>", 11), "deeper than 10 levels"},
		{rdf.RDFXML, "<a>" + long + long + "</a>", "longer than 3000 bytes"},
	} {
		_, err := rdf.ParseAll(strings.NewReader(c.text), c.format, o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %.20s: got %v, want %s", c.format, c.text, err, c.want)
		}
	}
	name := "http://e/" + strings.Repeat("x", 8000)
	root := `<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:a="` + name + `" xml:base="` + name + `">`
	for bomb, format := range map[string]rdf.Format{
		"@prefix a: <" + name + "> .\n" + strings.Repeat("a: a: a: .\n", 1000):                                                                rdf.Turtle,
		root + "<a:a>" + strings.Repeat("<a:b/>", 1000):                                                                                       rdf.RDFXML,
		strings.ReplaceAll(root, name, strings.Repeat(name, 8)) + "<r:a>" + strings.Repeat(`<r:li r:parseType="Literal"><a:a/></r:li>`, 1000): rdf.RDFXML,
	} {
		if _, err := rdf.ParseAll(strings.NewReader(bomb), format, rdf.Options{}); err == nil || !strings.Contains(err.Error(), "times longer than the text") {
			t.Errorf("%v %.60s: a text that expands without end: %v", format, bomb[len(bomb)-60:], err)
		}
	}
}

// What was handed over is not kept, and names are not kept with their base.
func TestRDFXMLTakesTheMemoryOfItsTextAlone(t *testing.T) {
	const root = `<a:RDF xmlns:a="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/" xml:base="http://e/`
	var names strings.Builder
	for i := range 1 << 17 {
		fmt.Fprintf(&names, `<e:n a:ID="n%d"/>`, i)
	}
	for what, text := range map[string]string{
		"properties": root + `"><e:n>` + strings.Repeat("<e:b/>", 1<<20) + `</e:n></a:RDF>`,
		"names":      root + strings.Repeat("x", 3000) + `">` + names.String() + `</a:RDF>`,
	} {
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		count, most := 0, int64(0)
		err := rdf.Parse(strings.NewReader(text), rdf.RDFXML, rdf.Options{}, func(rdf.Statement) error {
			if count++; count%(1<<16) == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, int64(now.HeapAlloc)-int64(before.HeapAlloc))
			}
			return nil
		})
		if err != nil || count < 1<<17 {
			t.Fatalf("%s: %d statements, %v", what, count, err)
		}
		if t.Logf("%s: %d bytes of text took %d bytes of memory", what, len(text), most); most > 16*int64(len(text)) {
			t.Errorf("%s: %d bytes of text took %d bytes of memory", what, len(text), most)
		}
	}
}

func TestBlankNodesWithoutLabelNeverMeetThoseWithOne(t *testing.T) {
	quads, err := rdf.ParseAll(strings.NewReader("[] <a:b> _:genid1, _:genid1x, _:genid, _:a ."), rdf.Turtle, rdf.Options{BlankPrefix: "p"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, q := range quads {
		got = append(got, q.S.Value+" "+q.O.Value)
	}
	if want := "[pgenid1 pgenid1x pgenid1 pgenid1xx pgenid1 pgenidx pgenid1 pa]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
