package rdf_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

const (
	pc       = "https://picloud.local/ontology#"
	document = "https://picloud.local/products/photo-app/containers/api-server"
)

var prefixes = []rdf.Prefix{
	{Name: "pc", IRI: pc},
	{Name: "pm", IRI: "https://picloud.local/ontology/meta#"},
	{Name: "rdf", IRI: base.RDF},
	{Name: "rdfs", IRI: base.RDFS},
	{Name: "xsd", IRI: base.XSD},
	{Name: "unused", IRI: "http://unused/"},
	{Name: "img", IRI: "https://picloud.local/images/"},
}

const apiServer = `@base <https://picloud.local/products/photo-app/containers/api-server> .
@prefix pc:   <https://picloud.local/ontology#> .
@prefix pm:   <https://picloud.local/ontology/meta#> .
@prefix rdf:  <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd:  <http://www.w3.org/2001/XMLSchema#> .

<> a pc:Container ;
   rdfs:label "api-server" ;
   pc:product <https://picloud.local/products/photo-app> ;
   pc:image <https://picloud.local/images/a@sha256:0f> ;
   pc:args <#args/0> ;
   pc:env <#env/DB_URL>, <#env/LOG_LEVEL> ;
   pc:replicas 2 ;
   pc:load 1.5E0 ;
   pc:createdAt "2026-11-22T20:31:07.114Z"^^xsd:dateTime ;
   pc:title "Zürich\n\"x\""@de-CH ;
   pc:odd "01x"^^xsd:integer .

<#tags/team> a pc:Tag ; pc:key "team" ; pc:value "backend" .
<#args/0> rdf:first "--port" ; rdf:rest <#args/1> ; pm:index 0 .
<#args/1> rdf:first "8080"   ; rdf:rest rdf:nil   ; pm:index 1 .
<#env/DB_URL>    a pc:EnvVar ; pc:key "DB_URL"    .
<#env/LOG_LEVEL> a pc:EnvVar ; pc:key "LOG_LEVEL" .
<#mounts/media-store> a pc:Mount ; pc:path "/data" ; pc:readOnly false .
`

func TestTurtleIsLaidOutAsAPersonWould(t *testing.T) {
	quads, err := rdf.ParseAll(strings.NewReader(apiServer), rdf.Turtle, rdf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(`"DB_URL"    .`, `"DB_URL" .`, `"LOG_LEVEL" .`, `"LOG_LEVEL" .`).Replace(apiServer)
	if got := write(t, rdf.Turtle, quads, rdf.WriteOptions{Base: document, Prefixes: prefixes}); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestTriGKeepsGraphsApart(t *testing.T) {
	g, s, p := base.IRI("http://e/g"), base.IRI("http://e/s"), base.IRI("http://e/p")
	quads := []base.Quad{{S: s, P: p, O: base.Integer(2), G: base.Blank("g")}, {S: s, P: p, O: base.Integer(1)}, {S: s, P: p, O: base.Boolean(true), G: g}, {S: g, P: p, O: p, G: g}, {S: s, P: p, O: base.Integer(2), G: base.Blank("g")}}
	const want = `@prefix e: <http://e/> .

e:s e:p 1 .

e:g {
   e:g e:p e:p .

   e:s e:p true .
}

_:g {
   e:s e:p 2 .
}
`
	if got := write(t, rdf.TriG, quads, rdf.WriteOptions{Sorted: true, Prefixes: []rdf.Prefix{{Name: "e", IRI: "http://e/"}}}); got != want {
		t.Errorf("got\n%s", got)
	}
}

func write(t *testing.T, format rdf.Format, quads []base.Quad, o rdf.WriteOptions) string {
	t.Helper()
	var out bytes.Buffer
	if err := rdf.Write(&out, format, slices.Values(quads), o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// anyIRI draws IRIs that tempt a writer to shorten them wrongly.
var anyIRI = rapid.Custom(func(t *rapid.T) base.Term {
	start := rapid.SampledFrom([]string{pc, document, document + "#", "https://picloud.local/images/", base.XSD, "urn:", "pc:", "product:x", "http://é/"}).Draw(t, "start")
	rest := rapid.StringOfN(rapid.RuneFrom([]rune("aZ0.-_:/#?%@~'(),;!$&*+=é·\u0300😀\uFFFD")), 0, 6, -1).Draw(t, "rest")
	return base.IRI(start + rest)
})

var anyBlank = rapid.Custom(func(t *rapid.T) base.Term {
	return base.Blank(rapid.StringMatching(`[a-z0-9_é]([a-z.-]{0,3}[a-z·])?|genid[0-9]x{0,2}`).Draw(t, "label"))
})

var anyLiteral = rapid.Custom(func(t *rapid.T) base.Term {
	text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\"'\\\n\r\t\b\f\x00\x7fa\u2028\uFFFF"))),
		rapid.SampledFrom([]string{"1", "+01", "-0", "1.", ".5", "1.50", "1e", "1e5", "-.5E-3", "true", "false", "True", "", "+", "1.5.5", "a"})).Draw(t, "text")
	switch rapid.IntRange(0, 3).Draw(t, "sort") {
	case 0:
		return base.String(text)
	case 1:
		return base.LangString(text, rapid.SampledFrom([]string{"en", "de-CH", "x-1a"}).Draw(t, "lang"))
	case 2:
		return base.Typed(text, base.XSD+rapid.SampledFrom([]string{"integer", "decimal", "double", "boolean", "dateTime"}).Draw(t, "datatype"))
	}
	return base.Typed(text, anyIRI.Draw(t, "datatype").Value)
})

var anyTermsQuad = rapid.Custom(func(t *rapid.T) base.Quad {
	resource := rapid.OneOf(anyIRI, anyBlank)
	return base.Quad{S: resource.Draw(t, "s"), P: rapid.OneOf(anyIRI, rapid.Just(base.IRI(base.RDFType))).Draw(t, "p"), O: rapid.OneOf(resource, anyLiteral).Draw(t, "o"),
		G: rapid.OneOf(rapid.Just(base.Term{}), resource).Draw(t, "g")}
})

func TestWhatIsWrittenReadsBackAsTheSame(t *testing.T) {
	context := &rdf.Context{Vocab: pc, Prefixes: prefixes, Terms: []rdf.ContextTerm{
		{Name: "product", IRI: pc + "product", Type: "@id"}, {Name: "replicas", IRI: pc + "replicas", Type: base.XSDInteger}, {Name: "a", IRI: pc + "a", Type: ""}}}
	rapid.Check(t, func(t *rapid.T) {
		quads := rapid.SliceOfN(anyTermsQuad, 0, 8).Draw(t, "quads")
		format := rapid.SampledFrom([]rdf.Format{rdf.Turtle, rdf.TriG, rdf.NTriples, rdf.NQuads, rdf.JSONLD}).Draw(t, "format")
		if format == rdf.Turtle || format == rdf.NTriples {
			for i := range quads {
				quads[i].G = base.Term{}
			}
		}
		if format == rdf.JSONLD {
			for i := range quads { // JSON-LD may write language tags in lower case
				quads[i].O.Lang = strings.ToLower(quads[i].O.Lang)
				// json-gold demands that a datatype is a URI to the letter.
				quads[i].O.Datatype = strings.ReplaceAll(quads[i].O.Datatype, "%", "")
			}
		}
		o := rdf.WriteOptions{Sorted: rapid.Bool().Draw(t, "sorted")}
		if rapid.Bool().Draw(t, "short") {
			o.Base, o.Prefixes, o.Context = document, prefixes, context
		}
		var out bytes.Buffer
		if err := rdf.Write(&out, format, slices.Values(quads), o); err != nil {
			t.Fatal(err)
		}
		got, err := rdf.ParseAll(bytes.NewReader(out.Bytes()), format, rdf.Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if !rdf.Isomorphic(quads, got) {
			t.Fatalf("wrote %v\nas %s\nread %v", quads, out.String(), got)
		}
	})
}

func TestWhatNoTextCanSayIsRefused(t *testing.T) {
	iri, lit := base.IRI("http://e/a"), base.String("x")
	for _, q := range []base.Quad{
		{S: lit, P: iri, O: iri}, {S: iri, P: lit, O: iri}, {S: iri, P: base.Blank("b"), O: iri}, {S: iri, P: iri}, {},
		{S: iri, P: iri, O: iri, G: lit}, {S: base.IRI("a"), P: iri, O: iri}, {S: base.IRI("http://e/ b"), P: iri, O: iri}, {S: base.Blank("a b"), P: iri, O: iri},
		{S: iri, P: iri, O: base.String("\xff")}, {S: iri, P: iri, O: base.LangString("x", "e n")}, {S: iri, P: iri, O: base.Typed("x", "")}, {S: iri, P: iri, O: base.Typed("x", base.RDFLangStr)},
	} {
		for _, format := range []rdf.Format{rdf.Turtle, rdf.TriG, rdf.NTriples, rdf.NQuads, rdf.JSONLD} {
			if err := rdf.Write(&bytes.Buffer{}, format, slices.Values([]base.Quad{q}), rdf.WriteOptions{}); err == nil {
				t.Errorf("%v wrote %v", format, q)
			}
		}
	}
	for _, format := range []rdf.Format{rdf.Turtle, rdf.NTriples, rdf.RDFXML} {
		if err := rdf.Write(&bytes.Buffer{}, format, slices.Values([]base.Quad{{S: iri, P: iri, O: iri, G: iri}}), rdf.WriteOptions{}); err == nil {
			t.Errorf("%v wrote a named graph", format)
		}
	}
}

// TestWritingEndsWithItsReader groups very many quads of one subject and asks
// to end in the middle.
func TestWritingEndsWithItsReader(t *testing.T) {
	quads := make([]base.Quad, 200_000)
	for i := range quads {
		quads[i] = base.Quad{S: base.IRI("http://e/s"), P: base.IRI("http://e/p"), O: base.Integer(int64(i))}
	}
	gone := errors.New("gone")
	for _, format := range []rdf.Format{rdf.Turtle, rdf.TriG, rdf.JSONLD} {
		asked := 0
		err := rdf.Write(io.Discard, format, slices.Values(quads), rdf.WriteOptions{Alive: func() error {
			if asked++; asked == 100 {
				return gone
			}
			return nil
		}})
		if !errors.Is(err, gone) || asked != 100 {
			t.Errorf("%s: %v after it was asked %d times", format, err, asked)
		}
	}
}
