package sparql_test

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/peers"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// TestWriteCases writes PICLOUD_CASES random queries and those of the W3C's
// evaluation tests, with our answers, to the file PICLOUD_CASES_FILE, for
// comparison with other engines (`make diff-graph`).
func TestWriteCases(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv("PICLOUD_CASES"))
	if err != nil {
		t.Skip("it writes a file for the comparison with other engines: make diff-graph")
	}
	var cases []peers.Case
	for seed := uint64(0); len(cases) < count; seed++ {
		quads, text := sparql.Random(seed)
		q, err := sparql.Parse(text, sparql.Options{})
		if err != nil {
			continue // the scope of a variable, mostly
		}
		store := rdf.NewStore()
		store.LoadQuads(quads)
		d := sparql.Dataset{Snapshot: store.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
		for _, quad := range quads {
			if id, ok := d.Snapshot.Lookup(quad.G); ok && !quad.G.IsZero() {
				d.Named = append(d.Named, id)
			}
		}
		cases = append(cases, newCase(t, "random/"+strconv.FormatUint(seed, 10), text, "", q, d))
	}
	for _, folder := range queryFolders {
		s := loadSuite(t, folder)
		for _, test := range s.tests("QueryEvaluationTest") {
			action := s.object(test, mf+"action")
			file := s.object(action, qt+"query")
			text, err := os.ReadFile(s.file(file))
			if err != nil {
				t.Fatal(err)
			}
			q, err := sparql.Parse(string(text), sparql.Options{Base: file.Value})
			if err != nil {
				t.Fatal(err)
			}
			cases = append(cases, newCase(t, s.name(test), string(text), file.Value, q, s.dataset(t, action, q)))
		}
	}
	text, err := json.Marshal(cases)
	if err == nil {
		err = os.WriteFile(os.Getenv("PICLOUD_CASES_FILE"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func newCase(t *testing.T, name, text, baseIRI string, q *sparql.Query, d sparql.Dataset) peers.Case {
	var data strings.Builder
	if err := rdf.Write(&data, rdf.NQuads, d.Snapshot.Quads(rdf.IDQuad{}), rdf.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	c := peers.Case{Name: name, Data: data.String(), Base: baseIRI, Query: text}
	r, err := sparql.Execute(context.Background(), q, d, sparql.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if r.Form == syntax.Ask {
		c.Ours.Boolean = &r.Boolean
		return c
	}
	add := func(names []string, terms ...base.Term) {
		row := map[string]peers.Term{}
		for i, term := range terms {
			if !term.IsZero() {
				row[names[i]] = peers.NewTerm(term)
			}
		}
		c.Ours.Rows = append(c.Ours.Rows, row)
	}
	if r.Form == syntax.Select {
		for row, err := range r.Rows() {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			add(r.Vars, row...)
		}
		return c
	}
	c.Graph = true
	for quad, err := range r.Quads() {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		add([]string{"s", "p", "o"}, quad.S, quad.P, quad.O)
	}
	return c
}
