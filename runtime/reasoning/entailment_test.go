package reasoning_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/reasoning"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/results"
)

const (
	mf      = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
	qt      = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
	sd      = "http://www.w3.org/ns/sparql-service-description#"
	owl     = "http://www.w3.org/2002/07/owl#"
	ent     = "http://www.w3.org/ns/entailment/"
	w3cBase = "http://www.w3.org/2009/sparql/docs/tests/data-sparql11/entailment/"
)

// leftOut are the tests that no set of OWL 2 RL rules can answer.
var leftOut = map[string]string{
	"paper-sparqldl-Q3": "that a publication is at something that is no workshop follows from a disjointness by negation; OWL 2 RL has no rule that infers a complement",
	"parent4":           "OWL 2 RL has no rule for minCardinality in what is inferred (profile DL)",
	"parent6":           "OWL 2 RL has no rule for minQualifiedCardinality in what is inferred (profile DL)",
	"parent7":           "OWL 2 RL infers no membership in a maxQualifiedCardinality; it needs a closed set of children (profile DL)",
	"parent8":           "OWL 2 RL infers no membership in a qualifiedCardinality (profile DL)",
	"simple6":           "OWL 2 RL infers no membership in an allValuesFrom; here it follows from a functional property (profile DL)",
	"sparqldl-11":       "OWL 2 RL has no rule from the domain of a property to the range of its inverse (profile DL)",
	"rif01":             "the rules are a document in RIF, which no one here reads",
	"rif03":             "the rules are a document in RIF, which no one here reads",
	"rif04":             "the rules are a document in RIF, which no one here reads",
	"rif06":             "the rules are a document in RIF, which no one here reads",
}

type manifest struct {
	dir   string
	quads []base.Quad
}

func (m manifest) objects(s base.Term, p string) (out []base.Term) {
	for _, q := range m.quads {
		if q.S == s && q.P.Value == p {
			out = append(out, q.O)
		}
	}
	return out
}

func (m manifest) object(s base.Term, p string) base.Term {
	return append(m.objects(s, p), base.Term{})[0]
}

// list reads a value or the members of a list.
func (m manifest) list(t base.Term) (out []string) {
	if first := m.object(t, base.RDFFirst); first.Kind != base.NoTerm {
		return append([]string{strings.TrimPrefix(first.Value, ent)}, m.list(m.object(t, base.RDFRest))...)
	}
	if t.Kind == base.NoTerm || t.Value == base.RDFNil {
		return nil
	}
	return []string{strings.TrimPrefix(t.Value, ent)}
}

func read(t *testing.T, dir string, iri base.Term) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, strings.TrimPrefix(iri.Value, w3cBase)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func turtle(t *testing.T, dir string, iri base.Term) []base.Quad {
	t.Helper()
	quads, err := rdf.ParseAll(bytes.NewReader(read(t, dir, iri)), rdf.Turtle, rdf.Options{Base: iri.Value})
	if err != nil {
		t.Fatal(err)
	}
	return quads
}

func TestW3CEntailment(t *testing.T) {
	dir := os.Getenv("PICLOUD_W3C")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "w3c")
	}
	dir = filepath.Join(dir, "sparql11", "entailment")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the W3C test suites are not here (%v); set PICLOUD_W3C to their folder", err)
	}
	m := manifest{dir, turtle(t, dir, base.IRI(w3cBase+"manifest.ttl"))}
	passed, total := 0, 0
	for _, q := range m.quads {
		if q.P.Value != base.RDFType || q.O.Value != mf+"QueryEvaluationTest" {
			continue
		}
		name := q.S.Value[strings.LastIndexByte(q.S.Value, '#')+1:]
		total++
		action := m.object(q.S, mf+"action")
		regimes := m.list(m.object(action, sd+"entailmentRegime"))
		ok := t.Run(name, func(t *testing.T) {
			if reason := leftOut[name]; reason != "" {
				t.Skip(reason)
			}
			for _, profile := range profiles(regimes) {
				run(t, m, profile, action, m.object(q.S, mf+"result"))
			}
		})
		if ok && leftOut[name] == "" {
			passed++
		}
	}
	t.Logf("W3C SPARQL 1.1 entailment: %d of %d", passed, total)
}

// profiles that answer for the regimes of a test.
func profiles(regimes []string) (out []reasoning.Profile) {
	if slices.ContainsFunc(regimes, func(r string) bool { return r == "RDF" || r == "RDFS" || r == "D" }) {
		out = append(out, reasoning.RDFS)
	}
	if slices.ContainsFunc(regimes, func(r string) bool { return strings.HasPrefix(r, "OWL") || r == "RIF" }) {
		out = append(out, reasoning.OWLRL)
	}
	return out
}

func run(t *testing.T, m manifest, profile reasoning.Profile, action, result base.Term) {
	text := read(t, m.dir, m.object(action, qt+"query"))
	store := rdf.NewStore()
	for _, data := range m.objects(action, qt+"data") {
		store.LoadQuads(turtle(t, m.dir, data))
	}
	var asked []base.Quad
	if profile == reasoning.OWLRL {
		asked = expressions(string(text))
		store.LoadQuads(asked)
	}
	r := reasoning.New(reasoning.Config{Profile: profile, Trivial: true})
	if err := r.Load(context.Background(), store.Snapshot()); err != nil {
		t.Fatal(err)
	}
	store.Load(r.All())
	q, err := sparql.Parse(string(text), sparql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := sparql.Dataset{Snapshot: store.Snapshot()}
	d.Default = slices.Collect(d.Snapshot.Graphs())
	got, err := sparql.Execute(context.Background(), q, d, sparql.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := results.ReadXML(bytes.NewReader(read(t, m.dir, result)))
	if err != nil {
		t.Fatal(err)
	}
	if want.Boolean != nil {
		if got.Boolean != *want.Boolean {
			t.Errorf("%v: got %v, want %v\n%s", profile, got.Boolean, *want.Boolean, text)
		}
		return
	}
	var rows []string
	for row, err := range got.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if profile == reasoning.OWLRL && slices.ContainsFunc(row, expression(d.Snapshot)) {
			continue
		}
		rows = append(rows, line(got.Vars, row))
	}
	var wanted []string
	for _, row := range want.Rows {
		wanted = append(wanted, line(want.Vars, row))
	}
	slices.Sort(rows)
	if len(asked) > 0 { // the same class in the graph and in the query is one
		rows = slices.Compact(rows)
	}
	slices.Sort(wanted)
	if !slices.Equal(rows, wanted) {
		t.Errorf("%v\n%s\ngot  %q\nwant %q", profile, text, rows, wanted)
	}
}

var (
	braces   = regexp.MustCompile(`(?s)\{(.*)\}`)
	filter   = regexp.MustCompile(`FILTER\s*\([^)]*\)`)
	variable = regexp.MustCompile(`\?(\w+)`)
)

// expressions are the class expressions that a query writes as blank nodes.
// Under OWL's direct semantics a query may ask about classes that no graph
// describes; so the reasoner has to hear of them.
func expressions(query string) (out []base.Quad) {
	head, _, _ := strings.Cut(query, "SELECT")
	block := braces.FindStringSubmatch(query)
	if block == nil || strings.Contains(block[1], "{") {
		return nil
	}
	body := variable.ReplaceAllString(filter.ReplaceAllString(block[1], ""), "<urn:var:$1>")
	for _, form := range []string{body, body + " ."} {
		quads, err := rdf.ParseAll(strings.NewReader(head+form), rdf.Turtle, rdf.Options{Base: w3cBase})
		if err != nil {
			continue
		}
		for _, q := range quads {
			for _, term := range []*base.Term{&q.S, &q.O} {
				if term.Kind == base.BlankTerm {
					term.Value = "query" + term.Value
				}
			}
			if q.S.Kind == base.BlankTerm && !strings.HasPrefix(q.O.Value, "urn:var:") && !strings.HasPrefix(q.P.Value, "http://example.org/") && q.P.Value != base.RDFType {
				out = append(out, q)
			}
			if q.S.Kind == base.BlankTerm && q.P.Value == base.RDFType && strings.HasPrefix(q.O.Value, owl) {
				out = append(out, q)
			}
		}
		return out
	}
	return nil
}

// expression tells whether a term is a class without a name. Variables do not
// stand for such under OWL's direct semantics.
func expression(s *rdf.Snapshot) func(base.Term) bool {
	return func(t base.Term) bool {
		id, ok := s.Lookup(t)
		if t.Kind != base.BlankTerm || !ok {
			return false
		}
		for q := range s.Quads(rdf.IDQuad{S: id}) {
			if q.P.Value == base.RDFType && (q.O.Value == owl+"Class" || q.O.Value == owl+"Restriction") {
				return true
			}
		}
		return false
	}
}

// line is a row without the labels of blank nodes, its variables sorted.
func line(vars []string, row []base.Term) string {
	var words []string
	for i, term := range row {
		if term.Kind == base.BlankTerm {
			term.Value = ""
		}
		if term.Kind != base.NoTerm {
			words = append(words, vars[i]+"="+term.Value+"@"+term.Lang+"^"+term.Datatype)
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}
