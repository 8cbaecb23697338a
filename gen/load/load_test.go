package load_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	knakk "github.com/knakk/rdf"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/gentest"
	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/runtime/rdf"
)

func TestStatementsKnowTheirPlace(t *testing.T) {
	o, err := load.Read(fstest.MapFS{"a.ttl": {Data: []byte("@prefix a: <https://a.example/> .\na:s a:p\n  a:o, \"x\" .\n")}})
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, s := range o.Files[0].Statements {
		places = append(places, s.Subject.String(), s.Predicate.String(), s.Object.String())
	}
	want := "a.ttl:2:1 a.ttl:2:5 a.ttl:3:3 a.ttl:2:1 a.ttl:2:5 a.ttl:3:8"
	if got := strings.Join(places, " "); got != want {
		t.Errorf("places %s, want %s", got, want)
	}
}

func TestSyntaxErrorsOfAllFilesAreToldAtOnce(t *testing.T) {
	_, err := load.Read(fstest.MapFS{
		"b.ttl": {Data: []byte("<https://a.example/s> <https://a.example/p> .\n")},
		"a.ttl": {Data: []byte("\n nope:x a nope:y .\n")},
	})
	var problems load.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error %v, want problems", err)
	}
	files := map[string]bool{}
	for _, p := range problems {
		files[p.File] = true
	}
	if !files["a.ttl"] || !files["b.ttl"] || problems[0].File != "a.ttl" || problems[0].Line != 2 {
		t.Errorf("problems:\n%s", problems)
	}
}

func TestFolderWithoutOntologyIsRefused(t *testing.T) {
	if _, err := load.Read(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "repository") {
		t.Errorf("error %v, want one that says where to run", err)
	}
}

// Two parsers that share no line read every file of the ontology alike. The
// examples are left to the W3C suite of runtime/rdf: they have relative
// references, which the second parser joins to the base as text.
func TestSecondParserReadsTheSameTriples(t *testing.T) {
	files := gentest.Ontology(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.Contains(name, "/") {
			continue
		}
		ours, err := rdf.ParseAll(bytes.NewReader(files[name].Data), rdf.Turtle, rdf.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		theirs, err := second(files[name].Data)
		if err != nil {
			t.Fatalf("%s: the second parser: %v", name, err)
		}
		if !rdf.Isomorphic(ours, theirs) {
			t.Errorf("%s: %d triples here, %d by the second parser, and they differ", name, len(ours), len(theirs))
		}
	}
}

func second(text []byte) (quads []base.Quad, err error) {
	decoder := knakk.NewTripleDecoder(bytes.NewReader(text), knakk.Turtle)
	for {
		triple, err := decoder.Decode()
		if err == io.EOF {
			return quads, nil
		}
		if err != nil {
			return nil, err
		}
		quads = append(quads, base.Quad{S: term(triple.Subj), P: term(triple.Pred), O: term(triple.Obj)})
	}
}

func term(t knakk.Term) base.Term {
	switch t := t.(type) {
	case knakk.IRI:
		return base.IRI(t.String())
	case knakk.Blank:
		return base.Blank(strings.TrimPrefix(t.String(), "_:"))
	case knakk.Literal:
		if t.Lang() != "" {
			return base.Term{Kind: base.LiteralTerm, Value: t.String(), Datatype: base.RDFLangStr, Lang: t.Lang()}
		}
		return base.Typed(t.String(), t.DataType.String())
	}
	return base.Term{}
}
