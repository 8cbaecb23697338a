package shacl_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

const (
	sh       = "http://www.w3.org/ns/shacl#"
	mf       = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
	sht      = "http://www.w3.org/ns/shacl-test#"
	w3cBase  = "http://www.w3.org/shacl-tests/"
	w3cTests = 98
)

// w3cDir finds the W3C test suite, or skips.
func w3cDir(t testing.TB) string {
	dir := os.Getenv("PICLOUD_W3C")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "w3c")
	}
	dir = filepath.Join(dir, "shacl", "core")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the W3C test suites are not here (set PICLOUD_W3C): %v", err)
	}
	return dir
}

// suite is the test suite as far as it was read.
type suite struct {
	*testing.T
	dir    string
	passed int
}

func (s *suite) read(iri string) shacl.Graph {
	s.Helper()
	name := strings.TrimPrefix(iri, w3cBase)
	text, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
	if err != nil {
		s.Fatal(err)
	}
	g, err := shacl.Read(shacl.Text{Name: name, Content: text, Format: rdf.Turtle, Options: rdf.Options{Base: iri}})
	if err != nil {
		s.Fatal(err)
	}
	return g
}

// objects are the objects of a subject and predicate in the default graph.
func objects(g shacl.Graph, s base.Term, p string) (found []base.Term) {
	sid, known := g.Snapshot.Lookup(s)
	pid, named := g.Snapshot.Lookup(base.IRI(p))
	if !known || !named {
		return nil
	}
	for q := range g.Snapshot.Quads(rdf.IDQuad{S: sid, P: pid, G: rdf.DefaultGraph}) {
		found = append(found, q.O)
	}
	return found
}

func object(g shacl.Graph, s base.Term, p string) base.Term {
	for _, o := range objects(g, s, p) {
		return o
	}
	return base.Term{}
}

func (s *suite) manifest(iri string) {
	g := s.read(iri)
	for _, included := range objects(g, base.IRI(iri), mf+"include") {
		s.manifest(included.Value)
	}
	for cell := object(g, base.IRI(iri), mf+"entries"); cell.Kind != base.NoTerm && cell.Value != base.RDFNil; cell = object(g, cell, base.RDFRest) {
		entry := object(g, cell, base.RDFFirst)
		s.Run(strings.TrimPrefix(entry.Value, w3cBase), func(t *testing.T) {
			one := suite{T: t, dir: s.dir}
			one.test(g, entry)
			if !t.Failed() {
				s.passed++
			}
		})
	}
}

func (s *suite) test(g shacl.Graph, entry base.Term) {
	action, result := object(g, entry, mf+"action"), object(g, entry, mf+"result")
	shapes, err := shacl.Parse(s.read(object(g, action, sht+"shapesGraph").Value))
	if result == base.IRI(sht+"Failure") {
		if err == nil {
			s.Error("the shapes are taken, want a failure")
		}
		return
	}
	if err != nil {
		s.Fatal(err)
	}
	report, err := shapes.Validate(context.Background(), s.read(object(g, action, sht+"dataGraph").Value), shacl.Limits{})
	if err != nil {
		s.Fatal(err)
	}
	messages := false
	for _, r := range objects(g, result, sh+"result") {
		messages = messages || len(objects(g, r, sh+"resultMessage")) > 0
	}
	store := rdf.NewStore()
	store.LoadQuads(report.Quads())
	ours := shacl.Graph{Snapshot: store.Snapshot()}
	var root base.Term
	for _, q := range report.Quads() {
		if q.O == base.IRI(sh+"ValidationReport") {
			root = q.S
		}
	}
	got, want := comparable(ours, root, messages), comparable(g, result, messages)
	if !rdf.Isomorphic(got, want) {
		s.Errorf("the report differs\n got %s\nwant %s\n%s", dump(got), dump(want), strings.Join(report.Sentences(), "\n"))
	}
	for _, one := range report.Sentences() {
		s.Log(one)
	}
}

// comparable is what the suite compares of a report: results with their
// properties and the blank nodes of paths.
func comparable(g shacl.Graph, report base.Term, messages bool) (quads []base.Quad) {
	emit := func(s base.Term, p string, o base.Term) { quads = append(quads, base.Quad{S: s, P: base.IRI(p), O: o}) }
	var path func(node base.Term)
	path = func(node base.Term) {
		id, _ := g.Snapshot.Lookup(node)
		for q := range g.Snapshot.Quads(rdf.IDQuad{S: id, G: rdf.DefaultGraph}) {
			if quads = append(quads, q); q.O.Kind == base.BlankTerm {
				path(q.O)
			}
		}
	}
	emit(report, sh+"conforms", object(g, report, sh+"conforms"))
	for _, r := range objects(g, report, sh+"result") {
		emit(report, sh+"result", r)
		for _, p := range []string{"focusNode", "resultPath", "resultSeverity", "sourceConstraintComponent", "sourceShape", "value", "resultMessage"} {
			if p == "resultMessage" && !messages {
				continue
			}
			for _, o := range objects(g, r, sh+p) {
				if emit(r, sh+p, o); p == "resultPath" && o.Kind == base.BlankTerm {
					path(o)
				}
			}
		}
	}
	return quads
}

func dump(quads []base.Quad) string {
	var b strings.Builder
	store := rdf.NewStore()
	store.LoadQuads(quads)
	_ = rdf.Write(&b, rdf.Turtle, store.Snapshot().Quads(rdf.IDQuad{}), rdf.WriteOptions{Sorted: true, Prefixes: []rdf.Prefix{{Name: "sh", IRI: sh}}}) // into memory
	return b.String()
}

func TestW3CCorePasses(t *testing.T) {
	s := &suite{T: t, dir: w3cDir(t)}
	s.manifest(w3cBase + "manifest.ttl")
	t.Logf("%d of %d tests of the W3C suite pass", s.passed, w3cTests)
	if s.passed != w3cTests {
		t.Errorf("%d tests pass, want %d", s.passed, w3cTests)
	}
}
