package sparql

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/peers"
)

// company is the data of the comparison with other engines.
func company(triples int) Dataset {
	s := rdf.NewStore()
	s.LoadQuads(peers.Company(triples))
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
	queries := append(peers.CompanyQueries(), []peers.Query{
		{Name: "top", Text: `SELECT ?s ?x { ?s :salary ?x } ORDER BY DESC(?x) ?s LIMIT 10`},
		{Name: "filter", Text: `SELECT ?s ?x { ?s :salary ?x FILTER(?x > 9900) }`},
		{Name: "count", Text: `SELECT (COUNT(*) AS ?n) { ?s ?p ?o }`},
	}...)
	for _, query := range queries {
		q := mustParse(b, query.Text)
		b.Run(query.Name, func(b *testing.B) {
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
