package sparql_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/results"
)

// graph loads TriG and makes a dataset of which all graphs may be read.
func graph(t testing.TB, trig string) sparql.Dataset {
	t.Helper()
	quads, err := rdf.ParseAll(strings.NewReader(trig), rdf.TriG, rdf.Options{Base: "http://example.org/"})
	if err != nil {
		t.Fatal(err)
	}
	s := rdf.NewStore()
	s.LoadQuads(quads)
	d := sparql.Dataset{Snapshot: s.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
	for g := range d.Snapshot.Graphs() {
		if g != rdf.DefaultGraph {
			d.Named = append(d.Named, g)
		}
	}
	return d
}

// ask answers a query as TSV without its head, or true or false.
func ask(t testing.TB, d sparql.Dataset, query string) string {
	t.Helper()
	q, err := sparql.Parse("PREFIX : <http://example.org/>\n"+query, sparql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := sparql.Execute(context.Background(), q, d, sparql.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if r.Vars == nil {
		_ = results.WriteBoolean(&b, results.TSV, r.Boolean)
		return b.String()
	}
	if err := results.Write(&b, results.TSV, r.Vars, r.Rows()); err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(b.String(), "\n")
	return rows
}

func TestFilterOrderAndLimit(t *testing.T) {
	d := graph(t, `@prefix : <http://example.org/> . :a :p 1 ; :q "x" . :b :p 2 . :c :p 10 .`)
	got := ask(t, d, `SELECT ?s ?v WHERE { ?s :p ?v FILTER(?v > 1) } ORDER BY DESC(?v) LIMIT 5`)
	want := "<http://example.org/c>\t10\n<http://example.org/b>\t2\n"
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}
