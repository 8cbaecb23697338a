package rdf_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// w3cDir finds the W3C test suites, or skips.
func w3cDir(t testing.TB, suite string) string {
	dir := os.Getenv("PICLOUD_W3C")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "w3c")
	}
	dir = filepath.Join(dir, suite)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the W3C test suites are not here (set PICLOUD_W3C): %v", err)
	}
	return dir
}

const (
	manifestNS = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
	rdfTestNS  = "http://www.w3.org/ns/rdftest#"
	w3cBase    = "https://w3c.github.io/rdf-tests/rdf/rdf11/"
)

// leftOut are the tests of the suites that do not run, with the reason.
var leftOut = map[string]string{}

var suites = []struct {
	dir    string
	format rdf.Format
	tests  int
}{
	{"rdf-turtle", rdf.Turtle, 313},
	{"rdf-trig", rdf.TriG, 356},
	{"rdf-n-triples", rdf.NTriples, 70},
	{"rdf-n-quads", rdf.NQuads, 87},
}

// manifestTest is one entry of a W3C manifest.
type manifestTest struct{ name, kind, action, result string }

func manifest(t testing.TB, dir, baseIRI string) []manifestTest {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.ttl"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]*manifestTest{}
	var order []string
	err = rdf.Parse(bytes.NewReader(text), rdf.Turtle, rdf.Options{Base: baseIRI + "manifest.ttl"}, func(s rdf.Statement) error {
		test := tests[s.Quad.S.Value]
		if test == nil {
			test = &manifestTest{name: s.Quad.S.Value[strings.IndexByte(s.Quad.S.Value, '#')+1:]}
			tests[s.Quad.S.Value] = test
			order = append(order, s.Quad.S.Value)
		}
		switch s.Quad.P.Value {
		case base.RDFType:
			if kind, ok := strings.CutPrefix(s.Quad.O.Value, rdfTestNS); ok {
				test.kind = kind
			}
		case manifestNS + "action":
			test.action = strings.TrimPrefix(s.Quad.O.Value, baseIRI)
		case manifestNS + "result":
			test.result = strings.TrimPrefix(s.Quad.O.Value, baseIRI)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []manifestTest
	for _, iri := range order {
		if tests[iri].kind != "" {
			out = append(out, *tests[iri])
		}
	}
	return out
}

func TestW3CSuitesPass(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite.dir, func(t *testing.T) {
			dir := w3cDir(t, filepath.Join("rdf11", suite.dir))
			baseIRI := w3cBase + suite.dir + "/"
			tests := manifest(t, dir, baseIRI)
			if len(tests) != suite.tests {
				t.Errorf("%d tests in the manifest, want %d", len(tests), suite.tests)
			}
			passed := 0
			for _, test := range tests {
				if reason, ok := leftOut[test.name]; ok {
					t.Logf("left out: %s: %s", test.name, reason)
				} else if err := runW3C(dir, baseIRI, suite.format, test); err != nil {
					t.Errorf("%s (%s): %v", test.name, test.kind, err)
				} else {
					passed++
				}
			}
			t.Logf("%s: %d of %d passed", suite.dir, passed, len(tests))
		})
	}
}

// TestChunksMakeNoDifference reads every text of the suites at once and byte by
// byte: statements, places and errors are the same.
func TestChunksMakeNoDifference(t *testing.T) {
	for _, suite := range suites {
		dir := w3cDir(t, filepath.Join("rdf11", suite.dir))
		baseIRI := w3cBase + suite.dir + "/"
		for _, test := range manifest(t, dir, baseIRI) {
			text, err := os.ReadFile(filepath.Join(dir, test.action))
			if err != nil {
				t.Fatal(err)
			}
			read := func(r io.Reader) string {
				var out strings.Builder
				err := rdf.Parse(r, suite.format, rdf.Options{Base: baseIRI, MaxErrors: 5}, func(s rdf.Statement) error {
					_, err := fmt.Fprintln(&out, s)
					return err
				})
				return fmt.Sprint(out.String(), err)
			}
			whole, chunked := read(bytes.NewReader(text)), read(iotest.OneByteReader(bytes.NewReader(text)))
			if whole != chunked {
				t.Errorf("%s: at once\n%s\nbyte by byte\n%s", test.name, whole, chunked)
			}
		}
	}
}

func runW3C(dir, baseIRI string, format rdf.Format, test manifestTest) error {
	quads, err := parseFile(filepath.Join(dir, test.action), format, baseIRI+test.action)
	if strings.HasSuffix(test.kind, "NegativeSyntax") {
		if err == nil {
			return fmt.Errorf("bad input was accepted: %v", quads)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := roundTrip(quads, format); err != nil {
		return err
	}
	if test.result == "" {
		return nil
	}
	resultFormat, _ := rdf.FormatOf(strings.TrimPrefix(filepath.Ext(test.result), "."))
	want, err := parseFile(filepath.Join(dir, test.result), resultFormat, "")
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	if !rdf.Isomorphic(quads, want) {
		return fmt.Errorf("got\n%v\nwant\n%v", quads, want)
	}
	return nil
}

// roundTrip checks that what is written reads back, in both modes of order.
func roundTrip(quads []base.Quad, format rdf.Format) error {
	for _, sorted := range []bool{false, true} {
		var out bytes.Buffer
		if err := rdf.Write(&out, format, slices.Values(quads), rdf.WriteOptions{Sorted: sorted}); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		again, err := rdf.ParseAll(&out, format, rdf.Options{})
		if err != nil || !rdf.Isomorphic(quads, again) {
			return fmt.Errorf("what was written reads back as %v, %v", again, err)
		}
	}
	return nil
}

func parseFile(path string, format rdf.Format, baseIRI string) ([]base.Quad, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return rdf.ParseAll(f, format, rdf.Options{Base: baseIRI})
}
