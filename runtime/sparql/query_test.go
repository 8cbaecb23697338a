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

// TestQueriesOfPeople runs the three queries that the ontology is designed for.
func TestQueriesOfPeople(t *testing.T) {
	d := graph(t, `
@prefix pc: <https://picloud.local/ontology#> . @prefix : <https://picloud.local/> .
:pi-1 pc:kind pc:Node ; pc:name "pi-1" ; pc:phase pc:Ready . :pi-2 pc:kind pc:Node ; pc:name "pi-2" ; pc:phase pc:Ready .
:api a pc:Container, pc:Workload, pc:Resource ; pc:kind pc:Container ; pc:name "api" ; pc:phase pc:Ready ; pc:nodes :pi-1, :pi-2 ; pc:resources <https://picloud.local/api#resources> .
<https://picloud.local/api#resources> pc:memory 268435456 .
:thumbs a pc:Container, pc:Workload, pc:Resource ; pc:kind pc:Container ; pc:name "thumbs" ; pc:phase pc:Failed ; pc:reason "image not found" ;
  pc:changedBy :e7 ; pc:nodes :pi-2 ; pc:resources <https://picloud.local/thumbs#resources> .
<https://picloud.local/thumbs#resources> pc:memory 134217728 .
:store a pc:Volume, pc:Resource ; pc:kind pc:Volume ; pc:name "store" ; pc:phase pc:Declared ; pc:changedBy :e3 .
:events { :e7 pc:time "2026-11-22T20:40:00.000Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> ; pc:actor :pi-2 .
          :e3 pc:time "2026-11-22T20:31:00.000Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> ; pc:actor :alice . }`)
	const prefix = "PREFIX pc: <https://picloud.local/ontology#>\n"
	tests := []struct{ query, want string }{
		{`SELECT ?kind (COUNT(?r) AS ?n) (SUM(IF(?phase = pc:Ready, 1, 0)) AS ?ready)
WHERE { ?r pc:kind ?kind OPTIONAL { ?r pc:phase ?phase } } GROUP BY ?kind ORDER BY ?kind`,
			"pc:Container\t2\t1\npc:Node\t2\t2\npc:Volume\t1\t0\n"},
		{`SELECT ?name ?phase ?reason ?time ?actor WHERE {
  ?r a pc:Resource ; pc:name ?name ; pc:phase ?phase ; pc:changedBy ?event .
  FILTER(?phase != pc:Ready)
  OPTIONAL { ?r pc:reason ?reason }
  OPTIONAL { GRAPH ?log { ?event pc:time ?time ; pc:actor ?actor } }
} ORDER BY DESC(?time)`,
			"\"thumbs\"\tpc:Failed\t\"image not found\"\t\"2026-11-22T20:40:00.000Z\"^^xsd:dateTime\t:pi-2\n" +
				"\"store\"\tpc:Declared\t\t\"2026-11-22T20:31:00.000Z\"^^xsd:dateTime\t:alice\n"},
		{`SELECT ?node (SUM(?bytes) / 1048576 AS ?mib) (COUNT(?w) AS ?workloads)
WHERE { ?w a pc:Workload ; pc:nodes ?node . OPTIONAL { ?w pc:resources/pc:memory ?bytes } }
GROUP BY ?node ORDER BY DESC(?mib)`,
			":pi-2\t\"384\"^^xsd:decimal\t2\n:pi-1\t\"256\"^^xsd:decimal\t1\n"},
	}
	short := strings.NewReplacer("<https://picloud.local/ontology#", "pc:", "<http://www.w3.org/2001/XMLSchema#", "xsd:", "<https://picloud.local/", ":", ">", "")
	for _, test := range tests {
		if got := short.Replace(ask(t, d, prefix+test.query)); got != test.want {
			t.Errorf("%s\ngot\n%swant\n%s", test.query, got, test.want)
		}
	}
}

// TestOneQueryServesManyReaders shares a parsed query and a snapshot.
func TestOneQueryServesManyReaders(t *testing.T) {
	d := graph(t, `@prefix : <http://example.org/> . :a :p 1 ; :q "x" . :b :p 2 . :c :p 10 .`)
	q, err := sparql.Parse(`SELECT ?s { ?s ?p ?v FILTER(REGEX(STR(?v), "^1") || EXISTS { ?s ?x 2 }) } ORDER BY ?s`, sparql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := make(chan int)
	for range 8 {
		go func() {
			n := 0
			defer func() { rows <- n }()
			r, err := sparql.Execute(context.Background(), q, d, sparql.Limits{})
			if err != nil {
				return
			}
			for range r.Rows() {
				n++
			}
		}()
	}
	for range 8 {
		if n := <-rows; n != 3 {
			t.Errorf("got %d rows, want 3", n)
		}
	}
}

func TestDescribeGivesTheResourceAndItsFragments(t *testing.T) {
	d := graph(t, `@prefix : <http://example.org/> .
:a :p :b ; :env <http://example.org/a#env> . <http://example.org/a#env> :k "v" ; :list [ :first 1 ] . <http://example.org/ab> :p :c .
:g { :a :p :d . :event :time 1 }`)
	describe := func(query string) (out []string) {
		q, err := sparql.Parse("PREFIX : <http://example.org/> "+query, sparql.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := sparql.Execute(context.Background(), q, d, sparql.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for q, err := range r.Quads() {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, strings.TrimPrefix(q.P.Value, "http://example.org/")+strings.TrimPrefix(q.G.Value, "http://example.org/"))
		}
		return out
	}
	if got := strings.Join(describe(`DESCRIBE :a`), " "); got != "p env k list first" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(describe(`DESCRIBE ?x :event { ?x :list ?l }`), " "); got != "k list first timeg" {
		t.Errorf("got %s", got)
	}
}

func TestAVolatileValueIsComputedOnce(t *testing.T) {
	d := graph(t, `@prefix : <http://example.org/> . :a :p 1 . :b :p 2 . :c :p 10 .`)
	for query, want := range map[string]string{
		`SELECT (COUNT(DISTINCT ?u) AS ?n) { ?s :p ?o { BIND(UUID() AS ?u) } }`:                              "1\n",
		`SELECT (COUNT(DISTINCT ?u) AS ?n) { ?s :p ?o { SELECT (UUID() AS ?u) {} } }`:                        "1\n",
		`SELECT (COUNT(DISTINCT ?u) AS ?n) { ?s :p ?o OPTIONAL { BIND(STRUUID() AS ?u) } }`:                  "1\n",
		`SELECT (COUNT(DISTINCT ?u) AS ?n) { ?s :p ?o BIND(UUID() AS ?u) }`:                                  "3\n",
		`SELECT (COUNT(DISTINCT ?b) AS ?n) { ?s :p ?o BIND(BNODE("x") AS ?b) }`:                              "3\n",
		`SELECT (COUNT(DISTINCT ?t) AS ?n) { ?s :p ?o BIND(NOW() AS ?t) }`:                                   "1\n",
		`SELECT (COUNT(*) AS ?n) { ?s :p ?o BIND(BNODE("x") AS ?b) BIND(BNODE("x") AS ?c) FILTER(?b = ?c) }`: "3\n",
	} {
		if got := ask(t, d, query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}
