package shacl_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
	"github.com/picloud/picloud/runtime/sparql"
)

// TestPathsLeadWhereSPARQLSays walks random paths on random graphs, and asks
// the query engine for the same path, which it reads from Result.Path.
func TestPathsLeadWhereSPARQLSays(t *testing.T) {
	ends := 0
	for seed := range 300 {
		m := &maker{Rand: rand.New(rand.NewPCG(uint64(seed), 5)), inverse: true}
		path, g := m.path(3), graph(t, m.data()[len(prefixes):])
		s := shapes(t, `ex:s sh:targetNode ex:n0, ex:n1, ex:n2 ; sh:path `+path+` ; sh:in () .`)
		report, err := s.Validate(t.Context(), g, shacl.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		text := ""
		for _, r := range report.Results {
			got[r.Focus.Value] = append(got[r.Focus.Value], n3(r.Value))
			text = r.Path()
		}
		for focus, values := range got {
			want := asked(t, g, "SELECT DISTINCT ?o { <"+focus+"> "+text+" ?o }")
			slices.Sort(values)
			if ends += len(values); !slices.Equal(values, want) {
				t.Errorf("%s from <%s>: got %v, SPARQL says %v", text, focus, values, want)
			}
		}
	}
	t.Logf("%d ends", ends)
}

func asked(t *testing.T, g shacl.Graph, text string) (values []string) {
	t.Helper()
	query, err := sparql.Parse(text, sparql.Options{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	result, err := sparql.Execute(t.Context(), query, sparql.Dataset{Snapshot: g.Snapshot, Default: []rdf.ID{rdf.DefaultGraph}}, sparql.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	for row, err := range result.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, n3(row[0]))
	}
	slices.Sort(values)
	return values
}
