package rdf_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
)

// fuzz checks the promises of a parser: no panic, an error has a place, and
// what was read can be written and reads back the same.
func fuzz(f *testing.F, format rdf.Format, pattern string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	if dir := os.Getenv("PICLOUD_W3C"); dir != "" || pattern != "" {
		if dir == "" {
			dir = filepath.Join("..", "..", "..", "shared", "w3c")
		}
		files, _ := filepath.Glob(filepath.Join(dir, "rdf11", pattern)) // none where the suites are not
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && len(text) < 4<<10 {
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o := rdf.Options{Base: "http://e/d", MaxDepth: 32, MaxIRI: 1 << 10, MaxLiteral: 4 << 10, MaxBytes: 64 << 10, MaxErrors: 5}
		quads, err := rdf.ParseAll(bytes.NewReader(text), format, o)
		if err != nil {
			var syntax *rdf.SyntaxError
			if errors.As(err, &syntax) && (syntax.Pos.Line < 1 || syntax.Pos.Col < 1) {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		out := format
		if format == rdf.RDFXML {
			out = rdf.Turtle
		}
		var written bytes.Buffer
		if err := rdf.Write(&written, out, slices.Values(quads), rdf.WriteOptions{Base: "http://e/d", Prefixes: prefixes}); err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		again, err := rdf.ParseAll(bytes.NewReader(written.Bytes()), out, rdf.Options{})
		if err != nil {
			t.Fatalf("%v in\n%s", err, written.String())
		}
		// Blank nodes keep their labels but for those that fresh could give,
		// so sizes agree; the full comparison is exponential on made-up data.
		if a, b := distinct(quads), distinct(again); a != b {
			t.Fatalf("%d quads became %d:\n%s", a, b, written.String())
		}
	})
}

func distinct[T comparable](list []T) int {
	set := map[T]bool{}
	for _, v := range list {
		set[v] = true
	}
	return len(set)
}

func FuzzTurtle(f *testing.F) {
	fuzz(f, rdf.Turtle, "rdf-turtle/*.ttl", apiServer, "@prefix a: <b> . [ a:\\~%20 ( 1 .5 true '''x''' ) ] .")
}

func FuzzTriG(f *testing.F) {
	fuzz(f, rdf.TriG, "rdf-trig/*.trig", "GRAPH <g> { <a> <b> 1 . [] <c> () } { <a> a 2 }")
}

func FuzzNTriples(f *testing.F) {
	fuzz(f, rdf.NTriples, "rdf-n-triples/*.nt", "<a:b> <a:c> \"\\u00e9\"@en . # c\r\n_:a <a:b> _:b .")
}

func FuzzNQuads(f *testing.F) {
	fuzz(f, rdf.NQuads, "rdf-n-quads/*.nq", "<a:b> <a:c> \"x\"^^<a:d> _:g .\n")
}

func FuzzJSONLD(f *testing.F) {
	fuzz(f, rdf.JSONLD, "", `{"@context": {"@vocab": "http://e/", "b": {"@type": "@json"}, "l": {"@container": "@list"}}, "@id": "a", "b": [{}], "l": [1, "x"], "c": {"@value": "v", "@language": "en"}}`,
		`[{"@id": "http://e/g", "@graph": [{"http://e/p": {"@id": "_:b"}}]}]`, `{"@reverse": {"http://e/p": {"@id": "x"}}, "@included": [{}]}`)
}

func FuzzRDFXML(f *testing.F) {
	fuzz(f, rdf.RDFXML, "", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/"><rdf:Description rdf:about="a"><e:p>x</e:p></rdf:Description></rdf:RDF>`)
}
