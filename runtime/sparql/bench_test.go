package sparql

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/picloud/picloud/gen/base"
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
	d := company(triples())
	queries := append(peers.CompanyQueries(), []peers.Query{
		{Name: "top", Text: `SELECT ?s ?x { ?s :salary ?x } ORDER BY DESC(?x) ?s LIMIT 10`},
		{Name: "filter", Text: `SELECT ?s ?x { ?s :salary ?x FILTER(?x > 9900) }`},
		{Name: "count", Text: `SELECT (COUNT(*) AS ?n) { ?s ?p ?o }`},
		{Name: "predicates", Text: `SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p`},
		{Name: "exists", Text: `SELECT (COUNT(*) AS ?n) { ?s :department ?d FILTER NOT EXISTS { ?s :salary ?x } }`},
		{Name: "minus", Text: `SELECT ?x { <http://e/person/77> :knows ?x MINUS { ?x :age 25 ; :salary ?y } }`},
		{Name: "dense", Text: `SELECT (COUNT(*) AS ?n) { ?s a :Person ; :department <http://e/department/7> ; :age 27 }`},
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

// divided is the company with 100 quads in each of its graphs, of which every
// step-th may be read, as parts of the default graph and by name.
func divided(triples, step int) Dataset {
	quads := peers.Company(triples)
	for i := range quads {
		quads[i].G = base.IRI(fmt.Sprintf("http://e/graph/%d", i/100))
	}
	s := rdf.NewStore()
	s.LoadQuads(quads)
	d := Dataset{Snapshot: s.Snapshot()}
	for i := 0; i < len(quads)/100; i += step {
		id, _ := d.Snapshot.Lookup(base.IRI(fmt.Sprintf("http://e/graph/%d", i)))
		d.Default = append(d.Default, id)
	}
	d.Named = d.Default
	return d
}

// BenchmarkGraphs asks those who read 500 graphs: all of 50,000 quads, and a
// twentieth of a million.
func BenchmarkGraphs(b *testing.B) {
	queries := append(peers.CompanyQueries(), []peers.Query{
		{Name: "type", Text: `SELECT (COUNT(*) AS ?n) { ?s a <http://e/Person> }`},
		{Name: "named", Text: `SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s a <http://e/Person> } }`},
	}...)
	for _, c := range []struct {
		name          string
		triples, step int
	}{{"all", 50_000, 1}, {"twentieth", 1_000_000, 20}} {
		d := divided(c.triples, c.step)
		for _, query := range queries {
			q := mustParse(b, query.Text)
			b.Run(c.name+"/"+query.Name, func(b *testing.B) {
				for b.Loop() {
					if _, err := drain(context.Background(), q, d, Limits{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkMix reads, plans and answers the queries of the mix with the
// parameters of its first rounds.
func BenchmarkMix(b *testing.B) {
	s := rdf.NewStore()
	s.LoadQuads(peers.Shop(triples()))
	d := Dataset{Snapshot: s.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
	steps := peers.Mix(triples(), 4)
	for n := 1; n <= 12; n++ {
		name := fmt.Sprintf("q%d", n)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, step := range steps {
					if step.Name != name {
						continue
					}
					r, err := Execute(context.Background(), mustParse(b, step.Text), d, Limits{})
					if err != nil {
						b.Fatal(err)
					}
					readAll(b, r)
				}
			}
		})
	}
}

func readAll(b *testing.B, r *Result) {
	var err error
	if r.Form == Construct {
		for _, err = range r.Quads() {
		}
	} else {
		for _, err = range r.Rows() {
		}
	}
	if err != nil {
		b.Fatal(err)
	}
}

// triples is the size of the data: 100,000 or PICLOUD_BENCH_TRIPLES.
func triples() int {
	if n, err := strconv.Atoi(os.Getenv("PICLOUD_BENCH_TRIPLES")); err == nil {
		return n
	}
	return 100_000
}

// BenchmarkSmall reads, plans and answers queries of few rows, which is what
// most of a cluster's queries are.
func BenchmarkSmall(b *testing.B) {
	d := company(20_000)
	for name, text := range map[string]string{
		"point": `PREFIX : <http://e/> SELECT ?name ?age { <http://e/person/77> :name ?name ; :age ?age }`,
		"mix":   `PREFIX : <http://e/> SELECT ?name ?x { <http://e/person/77> :knows ?k . ?k :name ?name OPTIONAL { ?k :salary ?x } FILTER(?name != "") } ORDER BY ?name LIMIT 10`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := drain(context.Background(), mustParse(b, text), d, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mustParse(b, `PREFIX : <http://e/> SELECT ?name ?age { <http://e/person/77> :name ?name ; :age ?age }`)
		}
	})
}

// BenchmarkChange reads, evaluates and applies the changes of the mix.
func BenchmarkChange(b *testing.B) {
	s := rdf.NewStore()
	s.LoadQuads(peers.Shop(triples()))
	var texts []string
	for _, step := range peers.Mix(triples(), 25) {
		if step.Text == "" {
			texts = append(texts, "DELETE DATA { "+step.Remove+" } ; INSERT DATA { "+step.Add+" }")
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		u, err := ParseUpdate(texts[i%len(texts)], Options{})
		if err != nil {
			b.Fatal(err)
		}
		change, err := u.Run(context.Background(), UpdateDataset{Snapshot: s.Snapshot()}, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		s.Apply(change.Removed, change.Added)
	}
}
