package shacl_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

// FuzzShapes takes any Turtle for shapes and for data: nothing makes a panic,
// every problem has its place and something to say, what is judged ends, and
// the report is RDF.
func FuzzShapes(f *testing.F) {
	for _, seed := range []string{
		`ex:s a sh:NodeShape, rdfs:Class ; sh:closed true ; sh:property [ sh:path ( ex:p [ sh:inversePath ex:q ] ) ; sh:minCount 1 ; sh:node ex:s ] . ex:a a ex:s ; ex:p ex:a .`,
		`ex:s sh:targetSubjectsOf ex:p ; sh:xone ( [ sh:datatype xsd:date ] [ sh:pattern "^a+$" ; sh:flags "i" ] ) ; sh:message "no"@en . ex:a ex:p "2026-01-01"^^xsd:date .`,
		`ex:s sh:targetObjectsOf ex:p ; sh:property [ sh:path [ sh:zeroOrMorePath ex:p ] ; sh:qualifiedValueShape [ sh:in ( 1 2 ) ] ; sh:qualifiedMaxCount 1 ] . ex:a ex:p 1, ex:a .`,
	} {
		f.Add(prefixes + seed)
	}
	dir := os.Getenv("PICLOUD_W3C")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "w3c")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "shacl", "core", "*", "*.ttl")) // none where the suites are not
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil {
			f.Add(string(content))
		}
	}
	f.Fuzz(func(t *testing.T, turtle string) {
		o := rdf.Options{Base: "http://e/", MaxDepth: 32, MaxIRI: 1 << 10, MaxLiteral: 4 << 10}
		g, err := shacl.Read(shacl.Text{Name: "x.ttl", Content: []byte(turtle), Format: rdf.Turtle, Options: o})
		if err != nil {
			return
		}
		s, err := shacl.Parse(g)
		if err != nil {
			problems, ok := err.(shacl.Problems)
			if !ok || len(problems) == 0 {
				t.Fatalf("not of type Problems: %v", err)
			}
			for _, p := range problems {
				if p.Message == "" || p.Place.Line == 0 {
					t.Fatalf("a problem without a place: %+v", p)
				}
			}
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		report, err := s.Validate(ctx, g, shacl.Limits{Results: 100, Nodes: 100_000})
		if err != nil {
			return
		}
		for _, one := range report.Sentences("de") {
			if one == "" {
				t.Fatal("an empty sentence")
			}
		}
		store := rdf.NewStore()
		if store.LoadQuads(report.Quads()); report.Conforms != (len(report.Results) == 0) {
			t.Fatal("a report that contradicts itself")
		}
		for _, q := range report.Quads() {
			if q.S.Kind == base.LiteralTerm || q.P.Kind != base.IRITerm {
				t.Fatalf("no RDF: %v", q)
			}
		}
	})
}
