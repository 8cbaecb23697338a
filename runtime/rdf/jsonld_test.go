package rdf_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

func TestJSONLDIsReadAsItsQuads(t *testing.T) {
	const text = `{
  "@context": {"@vocab": "https://picloud.local/ontology#", "xsd": "http://www.w3.org/2001/XMLSchema#",
    "size": {"@type": "xsd:integer"}, "product": {"@type": "@id"}, "args": {"@container": "@list"}, "raw": {"@type": "@json"}, "of": {"@reverse": "part"}},
  "@graph": [
    {"@id": "a", "@type": "Container", "size": "5", "replicas": 2, "load": 1.5, "on": true, "product": "../p",
     "args": ["x", {"y": "z"}], "title": {"@value": "hi", "@language": "en"}, "raw": {"b": [1, "<"], "a": null}, "of": {"@id": "w"}},
    {"@id": "g", "@graph": [{"@id": "_:genid1", "name": "n"}]}
  ]}`
	const want = `
@prefix pc: <https://picloud.local/ontology#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<http://e/d/a> a pc:Container ; pc:size 5 ; pc:replicas 2 ; pc:load 1.5E0 ; pc:on true ; pc:product <http://e/p> ;
  pc:args ( "x" [ pc:y "z" ] ) ; pc:title "hi"@en ; pc:raw '{"a":null,"b":[1,"<"]}'^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> .
<http://e/d/w> pc:part <http://e/d/a> .
<http://e/d/g> { [] pc:name "n" }`
	got, err := rdf.ParseAll(strings.NewReader(text), rdf.JSONLD, rdf.Options{Base: "http://e/d/"})
	if err != nil {
		t.Fatal(err)
	}
	expected, err := rdf.ParseAll(strings.NewReader(want), rdf.TriG, rdf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !rdf.Isomorphic(got, expected) {
		t.Errorf("got\n%s", write(t, rdf.TriG, got, rdf.WriteOptions{}))
	}
}

func TestForeignJSONLDCannotDoHarm(t *testing.T) {
	for text, want := range map[string]string{
		`{"@context": "https://schema.org/", "name": "x"}`:              "remote contexts are refused",
		`{"@context": {"@import": "https://schema.org/"}, "name": "x"}`: "remote contexts are refused",
		`{"@id": "http://e/a", "@id": "http://e/b"}`:                    `1:27: JSON: the name "@id" stands twice`,
		`{"http://e/p": 9007199254740993}`:                              "beyond ±2^53",
		`{"http://e/p": 1} {}`:                                          "one value only",
		``:                                                              "JSON:",
		`{"a`:                                                           "JSON:",
		`[{]`:                                                           "JSON:",
		`{"name": "x"}`:                                                 "JSON-LD:",
		`{"@id": "a", "http://e/p": "x"}`:                               "not absolute",
		`{"@id": "http://e/a b", "http://e/p": "x"}`:                                   "not allowed in the IRI",
		`{"@id": "http://e/a", "@type": "Thing"}`:                                      "not absolute",
		"{\"http://e/p\": \"\xff\"}":                                                   "UTF-8",
		`{"@id": "http://e/a", "http://e/p": {"@value": "x", "@language": "not one"}}`: "",
	} {
		quads, err := rdf.ParseAll(strings.NewReader(text), rdf.JSONLD, rdf.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v, %v, want %s", text, quads, err, want)
		}
	}
}

func TestJSONLDIsWrittenFlatWithItsContext(t *testing.T) {
	s, p := base.IRI(document), func(name string) base.Term { return base.IRI(pc + name) }
	quads := []base.Quad{
		{S: s, P: base.IRI(base.RDFType), O: p("Container")},
		{S: s, P: p("image"), O: base.String("photo-api:1.0.0")},
		{S: s, P: p("product"), O: base.IRI("https://picloud.local/products/photo-app")},
		{S: s, P: p("replicas"), O: base.Integer(2)},
		{S: s, P: p("env"), O: base.IRI(document + "#env/A")},
		{S: s, P: p("env"), O: base.IRI(document + "#env/B")},
		{S: s, P: base.IRI(base.RDFSLabel), O: base.LangString("a\"b", "en")},
		{S: base.IRI(document + "#env/A"), P: p("value"), O: base.Boolean(true)},
	}
	context := &rdf.Context{Vocab: pc, Prefixes: prefixes[:5], Terms: []rdf.ContextTerm{
		{Name: "product", IRI: pc + "product", Type: "@id"}, {Name: "env", IRI: pc + "env", Type: "@id"}, {Name: "replicas", IRI: pc + "replicas", Type: base.XSDInteger}}}
	const want = `{
  "@context": {
    "pc": "https://picloud.local/ontology#",
    "pm": "https://picloud.local/ontology/meta#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "@vocab": "https://picloud.local/ontology#",
    "product": {"@id": "pc:product", "@type": "@id"},
    "env": {"@id": "pc:env", "@type": "@id"},
    "replicas": {"@id": "pc:replicas", "@type": "xsd:integer"}
  },
  "@graph": [
    {"@id": "https://picloud.local/products/photo-app/containers/api-server",
     "@type": ["pc:Container"],
     "image": "photo-api:1.0.0",
     "product": "https://picloud.local/products/photo-app",
     "replicas": "2",
     "env": ["https://picloud.local/products/photo-app/containers/api-server#env/A", "https://picloud.local/products/photo-app/containers/api-server#env/B"],
     "rdfs:label": {"@value": "a\"b", "@language": "en"}},
    {"@id": "https://picloud.local/products/photo-app/containers/api-server#env/A",
     "value": {"@value": "true", "@type": "xsd:boolean"}}
  ]
}
`
	if got := write(t, rdf.JSONLD, quads, rdf.WriteOptions{Context: context}); got != want {
		t.Errorf("got\n%s", got)
	}
}

// A context of many terms does not stand before an answer that uses two.
func TestAContextHasTheTermsThatAreUsed(t *testing.T) {
	context := &rdf.Context{Vocab: "http://v/", Terms: []rdf.ContextTerm{{"size", "http://v/size", base.XSDInteger}, {"near", "http://v/near", "@id"}}}
	quads := []base.Quad{
		{S: base.IRI("http://e/a"), P: base.IRI("http://v/near"), O: base.IRI("http://e/b")},
		{S: base.IRI("http://e/a"), P: base.IRI("http://v/far"), O: base.String("size")},
	}
	var b strings.Builder
	if err := rdf.Write(&b, rdf.JSONLD, slices.Values(quads), rdf.WriteOptions{Context: context}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, `"near": {`) || strings.Contains(text, `"size": {`) {
		t.Error(text)
	}
	got, err := rdf.ParseAll(strings.NewReader(b.String()), rdf.JSONLD, rdf.Options{})
	if err != nil || len(got) != 2 || got[0] != quads[0] && got[1] != quads[0] {
		t.Error(err, got)
	}
}
