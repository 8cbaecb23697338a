package rdf_test

import (
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
)

func TestAFormatIsFoundByMediaTypeAndExtension(t *testing.T) {
	for word, want := range map[string]rdf.Format{
		"text/turtle": rdf.Turtle, "Text/Turtle; charset=utf-8": rdf.Turtle, "ttl": rdf.Turtle, "application/trig": rdf.TriG, "nt": rdf.NTriples,
		"application/n-quads": rdf.NQuads, "application/ld+json": rdf.JSONLD, "rdf": rdf.RDFXML, "text/html": 0, "": 0,
	} {
		got, ok := rdf.FormatOf(word)
		if got != want || ok != (want != 0) {
			t.Errorf("%q: %v, %v", word, got, ok)
		}
		if ok {
			if again, _ := rdf.FormatOf(got.MediaType()); again != got {
				t.Errorf("%v is not %s", got, got.MediaType())
			}
			if again, _ := rdf.FormatOf(got.Extension()); again != got {
				t.Errorf("%v is not .%s", got, got.Extension())
			}
		}
	}
}
