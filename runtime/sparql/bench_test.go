package sparql

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// company makes a graph of about eight triples a person: type, name, age,
// department, salary for two in three, a manager (ten persons each) and two
// friends.
func company(triples int) Dataset {
	const e = "http://e/"
	people := triples * 12 / 92
	person := func(i int) base.Term { return base.IRI(fmt.Sprintf("%sperson/%d", e, i)) }
	var quads []base.Quad
	for i := range people {
		add := func(p string, o base.Term) {
			quads = append(quads, base.Quad{S: person(i), P: base.IRI(e + p), O: o})
		}
		quads = append(quads, base.Quad{S: person(i), P: base.IRI(base.RDFType), O: base.IRI(e + "Person")})
		add("name", base.String(fmt.Sprintf("Person %d of %d", i, i*7919%people)))
		add("age", base.Integer(int64(20+i*31%50)))
		add("department", base.IRI(fmt.Sprintf("%sdepartment/%d", e, i%100)))
		if i%3 != 0 {
			add("salary", base.Integer(int64(1000+i*17%9000)))
		}
		if i > 0 {
			add("manager", person(i/10))
		}
		add("knows", person(i*7919%people))
		add("knows", person(i*104729%people))
	}
	s := rdf.NewStore()
	s.LoadQuads(quads)
	return Dataset{Snapshot: s.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
}

// BenchmarkQuery runs the six queries that engines are compared by and three more,
// on 100,000 triples or PICLOUD_BENCH_TRIPLES, the rows read to the end.
func BenchmarkQuery(b *testing.B) {
	triples := 100_000
	if n, err := strconv.Atoi(os.Getenv("PICLOUD_BENCH_TRIPLES")); err == nil {
		triples = n
	}
	d := company(triples)
	queries := []struct{ name, text string }{
		{"point", `SELECT ?n { <http://e/person/77> :name ?n }`},
		{"star", `SELECT ?s ?n ?a ?m { ?s :department <http://e/department/7> ; :name ?n ; :age ?a ; :manager ?m }`},
		{"path", `SELECT (COUNT(*) AS ?n) { ?s :manager+ <http://e/person/1> }`},
		{"optional", `SELECT ?s ?x ?y { ?s :age 25 OPTIONAL { ?s :salary ?x } OPTIONAL { ?s :manager ?m . ?m :salary ?y } }`},
		{"group", `SELECT ?d (COUNT(?s) AS ?n) (SUM(?x) AS ?sum) { ?s :department ?d ; :salary ?x } GROUP BY ?d`},
		{"regex", `SELECT ?s ?n { ?s :name ?n FILTER(REGEX(?n, "99 of [0-9]*5$")) }`},
		{"top", `SELECT ?s ?x { ?s :salary ?x } ORDER BY DESC(?x) ?s LIMIT 10`},
		{"filter", `SELECT ?s ?x { ?s :salary ?x FILTER(?x > 9900) }`},
		{"count", `SELECT (COUNT(*) AS ?n) { ?s ?p ?o }`},
	}
	for _, query := range queries {
		q := mustParse(b, query.text)
		b.Run(query.name, func(b *testing.B) {
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				n, err := drain(context.Background(), q, d, Limits{})
				if err != nil {
					b.Fatal(err)
				}
				rows = n
			}
			b.ReportMetric(float64(rows), "rows")
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text := `PREFIX : <http://e/> SELECT ?d (COUNT(?s) AS ?n) { ?s :department ?d ; :salary ?x OPTIONAL { ?s :manager ?m } FILTER(?x > 10) } GROUP BY ?d ORDER BY ?n`
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
