package sparql

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// explained is an explanation without its times.
func explained(t *testing.T, q *Query, d Dataset) string {
	t.Helper()
	x, err := Explain(context.Background(), q, d, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	x.TotalMs, x.PlanningMs = 0, 0
	x.Plan.each(func(o *Operator) { o.Ms = 0 })
	return x.String()
}

func (o *Operator) each(visit func(*Operator)) {
	visit(o)
	for _, in := range o.Inputs {
		in.each(visit)
	}
}

func explainable() []base.Quad {
	return []base.Quad{quad("a", "p", "1", ""), quad("a", "q", "x", ""), quad("b", "p", "2", ""), quad("c", "p", "3", "")}
}

func TestExplainShowsOrderEstimatesAndRows(t *testing.T) {
	got := explained(t, mustParse(t, `SELECT ?s { ?s :p ?v . ?s :q :x FILTER EXISTS { ?s :p :1 } }`), datasetOf(explainable(), nil, nil))
	for _, want := range []string{
		`(?s)Filter EXISTS .*BGP \{ \?s <http://e/q> <http://e/x> \}.*BGP \{ \?s <http://e/p> \?v \}`,
		`(?m)^ +0\.000 +1 +1 +1 +BGP \{ \?s <http://e/q>`,
		`(?m)^ +0\.000 +1 +1 +SELECT$`,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestExplanationIsJSONWithOperatorsAsATree(t *testing.T) {
	x, err := Explain(context.Background(), mustParse(t, `SELECT ?s { ?s :p ?v OPTIONAL { ?s :q ?x } }`), datasetOf(explainable(), nil, nil), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"algebra":"Project ?s\n`, `"plan":{"operator":"SELECT","rows":3,"runs":1,"milliseconds":`,
		`"inputs":[{"operator":"Project ?s"`, `"operator":"LeftJoin","estimatedRows":3,"rows":3`, `"estimatedRows":3,"rows":3`, `"totalMilliseconds":`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// The times of operators add up to that of the whole, so none is counted twice.
func TestTimesOfOperatorsAddUp(t *testing.T) {
	x, err := Explain(context.Background(), mustParse(t, `SELECT ?d (COUNT(*) AS ?n) { ?s :department ?d ; :age ?a OPTIONAL { ?s :salary ?x } FILTER(?a > 30) } GROUP BY ?d ORDER BY ?n`), company(10_000), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if sum := x.Plan.whole() + x.PlanningMs; sum > x.TotalMs*1.01 || sum < x.TotalMs*0.9 {
		t.Errorf("operators took %.3f ms of %.3f\n%s", sum, x.TotalMs, x)
	}
}

// An estimate takes samples where graphs are large; they are of what may be
// read, so that a store with more in it explains a query in the same words.
func TestEstimatesTellNothingOfUnreadableGraphs(t *testing.T) {
	var readable, secret []base.Quad
	for i, q := range company(40_000).all() {
		q.G = base.IRI(fmt.Sprintf("http://e/graph/%d", i/500))
		readable = append(readable, q)
		q.G = base.IRI(fmt.Sprintf("http://e/secret/%d", i/500))
		secret = append(secret, q)
		if i%3 == 0 {
			q.S.Value += "#secret"
			secret = append(secret, q)
		}
	}
	for _, graphs := range []int{1, 3, 75} {
		view := func(more []base.Quad) Dataset {
			s := rdf.NewStore()
			s.LoadQuads(readable)
			s.LoadQuads(more)
			d := Dataset{Snapshot: s.Snapshot()}
			for i := range graphs {
				id, _ := d.Snapshot.Lookup(base.IRI(fmt.Sprintf("http://e/graph/%d", i)))
				d.Default, d.Named = append(d.Default, id), append(d.Named, id)
			}
			return d
		}
		with, without := view(secret), view(nil)
		for _, text := range []string{
			`SELECT * { ?s :department ?d ; :salary ?x ; :manager ?m . ?m :age ?a }`,
			`SELECT ?d (COUNT(*) AS ?n) { ?s :department ?d ; :salary ?x OPTIONAL { ?s :manager ?m } } GROUP BY ?d`,
			`SELECT * { ?s :age ?a FILTER NOT EXISTS { ?s :salary ?x } } ORDER BY ?a ?s LIMIT 5`,
			`SELECT * { ?s :age ?a MINUS { ?s :salary ?x ; :manager ?m } }`,
			`SELECT * { GRAPH ?g { ?s :age ?a ; :name ?n } GRAPH ?h { ?s :salary ?x } }`,
			`SELECT DISTINCT ?p { ?s ?p ?o }`,
			`SELECT * { ?s a :Person ; :department <http://e/department/7> ; :age 27 ; :knows/:manager+ ?m }`,
		} {
			q := mustParse(t, text)
			if got, want := explained(t, q, with), explained(t, q, without); got != want {
				t.Errorf("%d graphs: %s\ngot\n%s\nwant\n%s", graphs, text, got, want)
			}
		}
	}
}

// all are the quads of a dataset's snapshot, in the order of its ids.
func (d Dataset) all() []base.Quad { return slices.Collect(d.Snapshot.Quads(rdf.IDQuad{})) }
