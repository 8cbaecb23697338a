package sparql

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// TestWhatIsOutsideTheFootprintChangesNothing changes random graphs by quads
// outside the footprint of random queries.
func TestWhatIsOutsideTheFootprintChangesNothing(t *testing.T) {
	cases := 3000
	if os.Getenv("PICLOUD_LONG") != "" {
		cases = 100_000
	}
	changes, parsed := 0, 0
	for seed := 0; parsed < cases; seed++ {
		g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), 7))}
		quads := g.quads()
		text := "PREFIX : <http://e/> " + g.query()
		q, err := Parse(text, Options{})
		if err != nil {
			continue
		}
		parsed++
		footprint := q.Footprint()
		before := sortedRows(t, q, quads)
		for range 6 {
			candidates := g.quads()
			change := candidates[g.IntN(len(candidates))]
			if g.IntN(3) == 0 { // of terms that no query mentions
				change.S = base.IRI("http://e/new")
			}
			if slices.ContainsFunc(footprint.Patterns, func(p Pattern) bool {
				return p.Matches(change, change.G.IsZero(), !change.G.IsZero())
			}) {
				continue
			}
			after := toggle(quads, change)
			changes++
			if got := sortedRows(t, q, after); !slices.Equal(got, before) {
				t.Fatalf("seed %d: %v is outside of %v and changes the answer of\n%s\nfrom %v\nto   %v\n%s", seed, change, footprint.Patterns, text, before, got, quadLines(quads))
			}
		}
	}
	t.Logf("%d changes outside the footprints of %d queries", changes, parsed)
	if changes < cases/10 {
		t.Error("too few changes lie outside: the footprints are too wide to test anything")
	}
}

func toggle(quads []base.Quad, q base.Quad) []base.Quad {
	if i := slices.Index(quads, q); i >= 0 {
		return slices.DeleteFunc(slices.Clone(quads), func(other base.Quad) bool { return other == q })
	}
	return append(slices.Clone(quads), q)
}

// sortedRows is the answer, sorted, on the quads, whose default graph is that without a
// name.
func sortedRows(t *testing.T, q *Query, quads []base.Quad) []string {
	t.Helper()
	store := rdf.NewStore()
	store.LoadQuads(quads)
	d := Dataset{Snapshot: store.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
	for g := range d.Snapshot.Graphs() {
		if g != rdf.DefaultGraph {
			d.Named = append(d.Named, g)
		}
	}
	r, err := Execute(t.Context(), q, d, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for row, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(row))
	}
	slices.Sort(out)
	return out
}

func TestFootprintsOfWhatPeopleAsk(t *testing.T) {
	for text, want := range map[string]string{
		`SELECT * { ?s :p ?o . ?o :q 1 }`:                      "* p *; * q 1",
		`SELECT * { ?s a/:sub* :C }`:                           "* type *; * sub *",
		`SELECT * { ?s a/:sub* ?c }`:                           "* type *; * sub *",
		`SELECT * { ?s :sub* ?c }`:                             "* * *",
		`SELECT * { ?s :p+|^:q ?c }`:                           "* p *; * q *",
		`SELECT * { :a !:p ?c }`:                               "a * *",
		`SELECT * { ?s :p ?o FILTER NOT EXISTS { ?o :q :b } }`: "* p *; * q b",
		`SELECT * { ?s :p ?o OPTIONAL { ?o :sub* ?c } }`:       "* p *; * sub *",
		`SELECT * { GRAPH :g { ?s :p ?o } }`:                   "* p * in g",
		`SELECT * { GRAPH ?g { ?s :p ?o } }`:                   "* p * in any",
		`SELECT * { GRAPH ?g { } }`:                            "* * * in any",
		`SELECT (COUNT(*) AS ?n) { ?s ?p ?o }`:                 "* * *",
		`DESCRIBE :a`:                                          "a# * *; _ * *; a# * * in any; _ * * in any",
		`ASK { :a :p ?o MINUS { ?o :q ?x } }`:                  "a p *; * q *",
		`SELECT * { ?s :p ?o FILTER(?o < NOW()) }`:             "* p *!NOW()",
		`SELECT (UUID() AS ?u) { }`:                            "!UUID()",
		`SELECT * { SERVICE :s { ?a :b ?c } }`:                 "!SERVICE",
		`CONSTRUCT { [] :p ?o } { ?s :p ?o }`:                  "* p *!a blank node in the template",
	} {
		q, err := Parse("PREFIX : <http://e/> "+text, Options{})
		if err != nil {
			t.Fatal(err)
		}
		f := q.Footprint()
		var got []string
		for _, p := range f.Patterns {
			got = append(got, patternText(p))
		}
		line := strings.Join(got, "; ")
		if f.Unsteady != "" {
			line += "!" + f.Unsteady
		}
		if line != want {
			t.Errorf("%s\nreads %s\nwant  %s", text, line, want)
		}
	}
}

func patternText(p Pattern) string {
	var places []string
	for _, term := range []base.Term{p.S, p.P, p.O} {
		text := strings.TrimPrefix(strings.TrimPrefix(term.Value, "http://e/"), base.RDF)
		switch {
		case term == AnyBlank():
			text = "_"
		case term.IsZero():
			text = "*"
		}
		places = append(places, text)
	}
	if p.Fragments {
		places[0] += "#"
	}
	text := strings.Join(places, " ")
	if p.Named && p.G.IsZero() {
		return text + " in any"
	} else if p.Named {
		return text + " in " + strings.TrimPrefix(p.G.Value, "http://e/")
	}
	return text
}
