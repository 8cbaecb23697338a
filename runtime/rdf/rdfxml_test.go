package rdf_test

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
)

func TestRDFXMLIsRead(t *testing.T) {
	const text = `<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">
  <rdf:Description rdf:about="a"><e:p xml:lang="en">x</e:p><e:q><rdf:Description e:r="y"/></e:q></rdf:Description>
</rdf:RDF>`
	got, err := rdf.ParseAll(strings.NewReader(text), rdf.RDFXML, rdf.Options{Base: "http://e/d"})
	if err != nil {
		t.Fatal(err)
	}
	want, err := rdf.ParseAll(strings.NewReader(`@prefix e: <http://e/> . e:a e:p "x"@en ; e:q [ e:r "y" ] .`), rdf.Turtle, rdf.Options{})
	if err != nil || !rdf.Isomorphic(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "<a>", "<a></b>", "<rdf:RDF", "\xff"} {
		if quads, err := rdf.ParseAll(strings.NewReader(bad), rdf.RDFXML, rdf.Options{}); err == nil {
			t.Errorf("%q: %v", bad, quads)
		}
	}
}

func TestRDFXMLSaysWhereAndWhatIsWrong(t *testing.T) {
	const open = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">` + "\n"
	for body, want := range map[string]string{
		`<rdf:li/>`:         "2:1: rdf:li cannot be a node",
		`<e:a><f:b/></e:a>`: "2:6: the element f:b has no namespace",
		`<e:a about="x"/>`:  "2:1: the attribute about has no namespace",
		`<e:a><e:b rdf:resource="http://e/x">y</e:b></e:a>`: "2:37: e:b must be empty",
		`<e:a rdf:about="x"/>`:                              "2:1: the reference <x> is relative",
		`<e:a><e:b>x<e:c/></e:b></e:a>`:                     "2:12: expected </e:b>: a property has one value",
		`<e:a></e:b>`:                                       "2:6: XML: </e:b> closes no open element",
		`<e:a rdf:ID="1"/>`:                                 `2:1: rdf:ID "1" is not an XML name`,
		`<e:a>text</e:a>`:                                   `2:6: text stands where elements are expected: "text"`,
		`<e:a>&nope;</e:a>`:                                 "XML: invalid character entity",
	} {
		_, err := rdf.ParseAll(strings.NewReader(open+body+"</rdf:RDF>"), rdf.RDFXML, rdf.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", body, err, want)
		}
	}
	bomb := `<!DOCTYPE a [<!ENTITY x "` + strings.Repeat("x", 300) + `">]><a/>`
	if _, err := rdf.ParseAll(strings.NewReader(bomb), rdf.RDFXML, rdf.Options{}); err == nil || !strings.Contains(err.Error(), "longer than 256 bytes") {
		t.Errorf("a large entity: %v", err)
	}
}

func TestXMLLiteralsAreCanonical(t *testing.T) {
	const text = `<!DOCTYPE rdf:RDF [<!ENTITY e "http://e/">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="&e;"><e:a rdf:about="&e;a"><e:p rdf:parseType="Literal"><b z="1" e:y="&lt;"><e:c/></b>x</e:p></e:a></rdf:RDF>`
	quads, err := rdf.ParseAll(strings.NewReader(text), rdf.RDFXML, rdf.Options{})
	if err != nil || len(quads) != 2 || quads[1].O.Value != `<b xmlns:e="http://e/" z="1" e:y="&lt;"><e:c></e:c></b>x` {
		t.Errorf("got %v, %v", quads, err)
	}
}
