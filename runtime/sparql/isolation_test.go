package sparql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// answer is all that a query tells: its rows, quads or boolean.
func answer(t *testing.T, q *Query, d Dataset) string {
	t.Helper()
	r, err := Execute(context.Background(), q, d, Limits{})
	if err != nil {
		return err.Error()
	}
	var out []string
	switch r.Form {
	case syntax.Ask:
		return fmt.Sprint(r.Boolean)
	case syntax.Select:
		for row, err := range r.Rows() {
			if err != nil {
				return err.Error()
			}
			out = append(out, fmt.Sprint(row))
		}
	default:
		for q, err := range r.Quads() {
			if err != nil {
				return err.Error()
			}
			out = append(out, fmt.Sprint(q))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// datasetOf makes a dataset that may read the default graph and the graphs in
// merged (as part of the default graph) and named.
func datasetOf(quads []base.Quad, merged, named []string) Dataset {
	s := rdf.NewStore()
	s.LoadQuads(quads)
	d := Dataset{Snapshot: s.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
	add := func(list []rdf.ID, iris []string) []rdf.ID {
		for _, iri := range iris {
			if id, ok := d.Snapshot.Lookup(base.IRI(iri)); ok {
				list = append(list, id)
			}
		}
		return list
	}
	d.Default, d.Named = add(d.Default, merged), add(d.Named, named)
	return d
}

const secret = "http://e/secret"

// public and private are facts of two graphs; the private ones share terms with
// the public ones, so that every kind of join could find them.
func public() []base.Quad {
	return []base.Quad{
		quad("a", "p", "b", ""), quad("b", "p", "c", "g"), quad("a", "knows", "d", "g"), quad("c", "q", "a", "h"),
	}
}

func private() []base.Quad {
	return []base.Quad{
		quad("b", "p", "x", "secret"), quad("x", "p", "y", "secret"), quad("a", "p", "b", "secret"),
		quad("a", "password", "hunter2", "secret"), quad("secret", "p", "secret", "secret"), quad("a#part", "p", "z", "secret"),
	}
}

func quad(s, p, o, g string) base.Quad {
	iri := func(local string) base.Term { return base.IRI("http://e/" + local) }
	q := base.Quad{S: iri(s), P: iri(p), O: iri(o)}
	if g != "" {
		q.G = iri(g)
	}
	return q
}

// TestUnreadableGraphDoesNotExist asks every way that leads to a graph. A store
// that has the secret graph must answer as one that never had it.
func TestUnreadableGraphDoesNotExist(t *testing.T) {
	queries := []string{
		`SELECT * { ?s ?p ?o }`,
		`SELECT * { GRAPH ?g { ?s ?p ?o } }`,
		`SELECT * { GRAPH ?g { } }`,
		`SELECT * { GRAPH :secret { ?s ?p ?o } }`,
		`SELECT * { VALUES ?g { :secret :g } GRAPH ?g { ?s ?p ?o } }`,
		`SELECT * { BIND(:secret AS ?g) GRAPH ?g { ?s ?p ?o } }`,
		`SELECT * FROM :secret { ?s ?p ?o }`,
		`SELECT * FROM :secret FROM :g { ?s ?p ?o }`,
		`SELECT * FROM NAMED :secret { GRAPH ?g { ?s ?p ?o } }`,
		`ASK FROM :secret { ?s ?p ?o }`,
		`SELECT * { ?s :p* ?o }`,
		`SELECT * { :x :p* ?o }`,
		`SELECT * { ?s :p* :y }`,
		`SELECT * { VALUES ?s { :x :y :secret } ?s :p* ?o }`,
		`SELECT * { ?s :p+ ?o }`,
		`SELECT * { ?s !:q ?o }`,
		`SELECT * { ?s (:p|:password)? ?o }`,
		`SELECT * { GRAPH ?g { ?s :p* ?o } }`,
		`SELECT * { GRAPH :secret { ?s :p* ?o } }`,
		`SELECT * { GRAPH :secret { :x :p? ?o } }`,
		`DESCRIBE :x`, `DESCRIBE :a`, `DESCRIBE :secret`, `DESCRIBE <http://e/a#part>`,
		`DESCRIBE ?s { ?s ?p ?o }`,
		`DESCRIBE :x FROM :secret`,
		`CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }`,
		`CONSTRUCT { ?s ?p ?o } FROM :secret WHERE { ?s ?p ?o }`,
		`ASK { :x ?p ?o }`, `ASK { GRAPH ?g { :x ?p ?o } }`,
		`SELECT ?s { ?s ?p ?o FILTER EXISTS { ?o :p ?z } }`,
		`SELECT ?s { ?s ?p ?o FILTER EXISTS { GRAPH ?g { ?s :password ?z } } }`,
		`SELECT ?s { ?s ?p ?o FILTER NOT EXISTS { GRAPH :secret { ?s ?p ?o } } }`,
		`SELECT (COUNT(*) AS ?n) { ?s ?p ?o }`,
		`SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }`,
		`SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s ?p ?o } }`,
		`SELECT * { ?s ?p ?o MINUS { GRAPH :secret { ?s ?p ?o } } }`,
		`SELECT * { ?s ?p ?o OPTIONAL { GRAPH ?g { ?s :password ?w } } }`,
		`SELECT * { { SELECT ?s { GRAPH ?g { ?s :password ?w } } } UNION { ?s :password ?w } }`,
	}
	grants := []struct {
		name          string
		merged, named []string
	}{
		{"one default graph", nil, []string{"http://e/g", "http://e/h"}},
		{"few default graphs", []string{"http://e/g", "http://e/h"}, []string{"http://e/g"}},
		{"many default graphs", []string{"http://e/g", "http://e/h", "http://e/i", "http://e/j", "http://e/k"}, []string{"http://e/g"}},
	}
	filler := []base.Quad{quad("i", "p", "j", "i"), quad("j", "p", "k", "j"), quad("k", "p", "l", "k")}
	without := append(public(), filler...)
	with := append(slices.Clone(without), private()...)
	for _, grant := range grants {
		for _, text := range queries {
			q := mustParse(t, text)
			got := answer(t, q, datasetOf(with, grant.merged, grant.named))
			want := answer(t, q, datasetOf(without, grant.merged, grant.named))
			if got != want {
				t.Errorf("%s: %s\nleaks: got\n%s\nwant\n%s", grant.name, text, got, want)
			}
			if q.Form() == syntax.Describe {
				continue
			}
			plan := explained(t, q, datasetOf(with, grant.merged, grant.named))
			if other := explained(t, q, datasetOf(without, grant.merged, grant.named)); plan != other {
				t.Errorf("%s: explain of %s tells of the secret graph:\n%s\nwant\n%s", grant.name, text, plan, other)
			}
		}
	}
	if answer(t, mustParse(t, `ASK { GRAPH :secret { :x ?p ?o } }`), datasetOf(with, nil, []string{secret})) != "true" {
		t.Error("the secret graph is not there for those who may read it: this test proves nothing")
	}
}

// TestUnreadableGraphDoesNotExistForRandomQueries does the same with generated
// queries, whose graph :h is the secret one.
func TestUnreadableGraphDoesNotExistForRandomQueries(t *testing.T) {
	for seed := range uint64(2000) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 2))}
		with := g.quads()
		without := slices.DeleteFunc(slices.Clone(with), func(q base.Quad) bool { return q.G.Value == "http://e/h" })
		text := g.query()
		q, err := Parse("PREFIX : <http://e/> "+text, Options{})
		if err != nil {
			continue
		}
		readable := []string{"http://e/g", "http://e/a"}
		if got, want := answer(t, q, datasetOf(with, nil, readable)), answer(t, q, datasetOf(without, nil, readable)); got != want {
			t.Fatalf("seed %d: %s\nleaks: got\n%s\nwant\n%s", seed, text, got, want)
		}
	}
}

func TestMergedDefaultGraphHasEachTripleOnce(t *testing.T) {
	var quads []base.Quad
	var graphs []string
	for i := range 8 {
		name := fmt.Sprintf("g%d", i)
		graphs = append(graphs, "http://e/"+name)
		quads = append(quads, quad("a", "p", "b", name), quad("a", "p", name, name))
		want := fmt.Sprintf("[{3 %d http://www.w3.org/2001/XMLSchema#integer }]", i+2)
		for _, text := range []string{
			`SELECT (COUNT(*) AS ?n) { ?s ?p ?o }`, `SELECT (COUNT(*) AS ?n) { ?s :p ?o }`,
			`SELECT (COUNT(*) AS ?n) { :a ?p ?o }`, `SELECT (COUNT(*) AS ?n) { :a :p ?o }`,
			`SELECT (COUNT(*) AS ?n) { ?s (:p|:p+|:q)+ ?o }`,
		} {
			if got := answer(t, mustParse(t, text), datasetOf(quads, graphs, nil)); got != want {
				t.Errorf("%d graphs: %s: got %s, want %s", i+1, text, got, want)
			}
		}
	}
}

func mustParse(t testing.TB, text string) *Query {
	t.Helper()
	q, err := Parse("PREFIX : <http://e/>\n"+text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return q
}
