package sparql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// ring is a graph of n nodes, each with a way to the next and to a few others.
func ring(n int) Dataset {
	node := func(i int) base.Term { return base.IRI(fmt.Sprintf("http://e/n%d", i%n)) }
	var quads []base.Quad
	for i := range n {
		quads = append(quads,
			base.Quad{S: node(i), P: base.IRI("http://e/p"), O: node(i + 1)},
			base.Quad{S: node(i), P: base.IRI("http://e/p"), O: node(i * 7)},
			base.Quad{S: node(i), P: base.IRI("http://e/name"), O: base.String(strings.Repeat("a", 40))},
			base.Quad{S: node(i), P: base.IRI("http://e/v"), O: base.Integer(int64(i))})
	}
	s := rdf.NewStore()
	s.LoadQuads(quads)
	return Dataset{Snapshot: s.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
}

// drain reads a result to its end.
func drain(ctx context.Context, q *Query, d Dataset, l Limits) (rows int, err error) {
	r, err := Execute(ctx, q, d, l)
	if err != nil {
		return 0, err
	}
	if len(r.Vars) == 0 {
		return 0, nil
	}
	for _, err := range r.Rows() {
		if err != nil {
			return rows, err
		}
		rows++
	}
	return rows, nil
}

func code(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// TestHostileQueriesEndByTheirLimits runs queries that would eat a machine.
func TestHostileQueriesEndByTheirLimits(t *testing.T) {
	d := ring(2000)
	hostile := []string{
		`SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }`,
		`SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }`,
		`SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f`,
		`SELECT * { ?a :name ?b . ?c :name ?d } ORDER BY CONCAT(?b, ?d, ?b, ?d, ?b, ?d, ?b, ?d, STR(?a), STR(?c))`,
		`SELECT DISTINCT ?c ?f { ?a ?b ?c . ?d ?e ?f }`,
		`SELECT (GROUP_CONCAT(?c) AS ?s) { ?a :name ?c . ?d ?e ?f . ?g ?h ?i }`,
		`SELECT (COUNT(*) AS ?n) { ?a :p* ?b . ?c :p* ?d }`,
		`SELECT (COUNT(*) AS ?n) { ?a (:p/:p/:p)* ?b . ?b (^:p|:p)+ ?c }`,
		`SELECT (COUNT(*) AS ?n) { ?a (((:p*)*)*)* ?b . ?c !(:x)+ ?d }`,
		`SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER NOT EXISTS { ?c ?x ?f } }`,
		`SELECT ?a (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } GROUP BY ?a ?d ?g`,
		`SELECT * { ?a ?b ?c MINUS { { ?d ?e ?f . ?g ?h ?i } UNION { ?a ?k ?l . ?m ?n ?o } } }`,
		`SELECT * { ?a :name ?n . ?d :name ?m FILTER(REGEX(?n, "(a+)+b") || REGEX(?m, "(a|aa)+$x")) }`,
		`SELECT (STRLEN(?f) AS ?n) { BIND("` + strings.Repeat("x", 1000) + `" AS ?a) BIND(CONCAT(?a,?a,?a,?a,?a,?a,?a,?a,?a,?a) AS ?b) ` +
			`BIND(CONCAT(?b,?b,?b,?b,?b,?b,?b,?b,?b,?b) AS ?c) BIND(CONCAT(?c,?c,?c,?c,?c,?c,?c,?c,?c,?c) AS ?d) ` +
			`BIND(CONCAT(?d,?d,?d,?d,?d,?d,?d,?d,?d,?d) AS ?e) BIND(CONCAT(?e,?e,?e,?e,?e,?e,?e,?e,?e,?e) AS ?f) ?x ?y ?z . ?u ?v ?w . ?k ?l ?m }`,
	}
	limits := Limits{Timeout: 100 * time.Millisecond, MaxMemoryBytes: 16 << 20}
	for _, text := range hostile {
		q := mustParse(t, text)
		started := time.Now()
		_, err := drain(context.Background(), q, d, limits)
		took := time.Since(started)
		if c := code(err); c != CodeTimeout && c != CodeOverBudget {
			t.Errorf("%s\nended with %v", text, err)
		}
		if took > 2*time.Second {
			t.Errorf("%s\ntook %v beyond its limit of %v", text, took, limits.Timeout)
		}
	}
}

// TestComputedColumnsNeedNoMemory streams 64,000 rows of which each computes a
// text of its own, in a budget for a small part of them.
func TestComputedColumnsNeedNoMemory(t *testing.T) {
	d := ring(2000)
	q := mustParse(t, `SELECT ?c (CONCAT(?n, STR(?a), STR(?v), STR(?b)) AS ?x) { ?a :name ?n ; :v ?v . ?b :v ?w FILTER(?w < 32) BIND(?v + ?w AS ?c) }`)
	rows, err := drain(context.Background(), q, d, Limits{MaxMemoryBytes: 1 << 20})
	if err != nil || rows != 64_000 {
		t.Errorf("got %d rows and %v, want 64000", rows, err)
	}
}

func TestSquaringNumbersStaysBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("SELECT (STRLEN(STR(?x40)) AS ?n) { BIND(99999999999999999999 AS ?x0) ")
	for i := range 40 {
		fmt.Fprintf(&b, "BIND(?x%d * ?x%d AS ?x%d) ", i, i, i+1)
	}
	b.WriteString("}")
	q := mustParse(t, b.String())
	if got := answer(t, q, Dataset{}); got != "[{0   }]" {
		t.Errorf("got %s, want one row with nothing bound", got)
	}
}

func TestRowLimitEndsAResult(t *testing.T) {
	d := ring(100)
	rows, err := drain(context.Background(), mustParse(t, `SELECT * { ?s ?p ?o }`), d, Limits{MaxRows: 50})
	if code(err) != CodeOverBudget || rows != 50 {
		t.Errorf("got %d rows and %v, want 50 and over-budget", rows, err)
	}
}

func TestCanceledQueryEnds(t *testing.T) {
	d := ring(1000)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := Execute(ctx, mustParse(t, `SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }`), d, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, err := range r.Rows() {
		if rows++; rows == 10 {
			cancel()
		}
		if err != nil {
			if code(err) != CodeCanceled {
				t.Errorf("got %v, want canceled", err)
			}
			return
		}
		if rows > 10+checkEvery*2 {
			t.Fatal("the query goes on after its caller left")
		}
	}
	t.Error("the query ended without an error")
}

func TestAnEndedContextRunsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Execute(ctx, mustParse(t, `ASK {}`), Dataset{}, Limits{}); code(err) != CodeCanceled {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestServiceIsRefused(t *testing.T) {
	q := mustParse(t, `SELECT * { SERVICE <http://other/sparql> { ?s ?p ?o } }`)
	_, err := Execute(context.Background(), q, Dataset{}, Limits{})
	if code(err) != CodeUnsupported || !strings.Contains(err.Error(), "2:12: SERVICE") {
		t.Errorf("got %v, want unsupported with the place", err)
	}
}

func TestUnknownFunctionIsRefused(t *testing.T) {
	q := mustParse(t, `SELECT * { ?s ?p ?o FILTER(:magic(?o)) }`)
	if _, err := Execute(context.Background(), q, Dataset{}, Limits{}); code(err) != CodeUnsupported {
		t.Errorf("got %v, want unsupported", err)
	}
}

// TestDeepAndLongQueriesAreSafe parses and runs what would overflow a stack.
func TestDeepAndLongQueriesAreSafe(t *testing.T) {
	d := ring(10)
	deep := []string{
		"SELECT * " + strings.Repeat("{", 100_000),
		"SELECT * { ?s ?p ?o FILTER(" + strings.Repeat("(", 100_000),
		"SELECT * { ?s ?p ?o FILTER(" + strings.Repeat("!", 100_000) + "true) }",
		"SELECT * { ?s " + strings.Repeat("(", 100_000),
		"SELECT * { " + strings.Repeat("[ :p ", 100_000),
		"SELECT * { " + strings.Repeat("( ", 100_000),
		"SELECT * { ?s ?p ?o FILTER(" + strings.Repeat("EXISTS {", 50_000),
		"SELECT * { ?s ?p ?o " + strings.Repeat("OPTIONAL { ?s ?p ?o } ", 9_000) + "}",
		"SELECT * { ?s ?p ?o FILTER(" + strings.Repeat("?s = ?o || ", 9_000) + "true) }",
		"SELECT * { ?s " + strings.Repeat(":p/", 9_000) + ":p ?o }",
		"SELECT * { ?s " + strings.Repeat(":p|", 9_000) + ":p ?o }",
		"SELECT * { " + strings.Repeat("{ ?s ?p ?o } UNION ", 9_000) + "{} }",
		"SELECT * { " + strings.Repeat("?s ?p ?o . ", 9_000) + "}",
		"SELECT * { " + strings.Repeat("BIND(1 AS ?x) ", 9_000) + "}",
	}
	for _, text := range deep {
		q, err := Parse("PREFIX : <http://e/> "+text, Options{})
		if err != nil {
			continue
		}
		started := time.Now()
		_, err = drain(context.Background(), q, d, Limits{Timeout: 300 * time.Millisecond})
		if took := time.Since(started); took > 3*time.Second {
			t.Errorf("%.60s… took %v (%v)", text, took, err)
		}
	}
}

// TestAReaderThatBrokeOffIsLeftAlone breaks off because its own memory is spent,
// which ends the execution too.
func TestAReaderThatBrokeOffIsLeftAlone(t *testing.T) {
	for _, text := range []string{`SELECT * { ?s ?p ?o }`, `CONSTRUCT WHERE { ?s ?p ?o }`, `DESCRIBE * { ?s ?p ?o }`} {
		r, err := Execute(t.Context(), mustParse(t, text), ring(100), Limits{MaxMemoryBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if r.Form == Select {
			for range r.Rows() {
				if err = r.Hold(2 << 20); err != nil {
					break
				}
			}
		} else {
			for range r.Quads() {
				if err = r.Hold(2 << 20); err != nil {
					break
				}
			}
		}
		if code(err) != CodeOverBudget {
			t.Errorf("%s: %v", text, err)
		}
		r.Close()
	}
}
