package sparql_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

const ut = "http://www.w3.org/2009/sparql/tests/test-update#"

var updateFolders = []string{"add", "basic-update", "clear", "copy", "delete", "delete-data", "delete-insert", "delete-where",
	"drop", "move", "update-silent"}

func TestW3CUpdateEvaluation(t *testing.T) {
	passed, total := 0, 0
	for _, folder := range updateFolders {
		s := loadSuite(t, folder)
		for _, test := range s.tests("UpdateEvaluationTest") {
			name := s.name(test)
			total++
			ok := t.Run(name, func(t *testing.T) {
				if reason := leftOut[name]; reason != "" {
					t.Skip(reason)
				}
				runUpdateTest(t, s, test)
			})
			if ok && leftOut[name] == "" {
				passed++
			}
		}
	}
	t.Logf("W3C SPARQL 1.1 update evaluation: %d of %d", passed, total)
}

func runUpdateTest(t *testing.T, s suite, test base.Term) {
	action := s.object(test, mf+"action")
	request := s.object(action, ut+"request")
	text, err := os.ReadFile(s.file(request))
	if err != nil {
		t.Fatal(err)
	}
	u, err := sparql.ParseUpdate(string(text), sparql.Options{Base: request.Value})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	store := rdf.NewStore()
	store.LoadQuads(s.graphStore(t, action))
	got := applyUpdate(t, store, u)
	if want := s.graphStore(t, s.object(test, mf+"result")); !rdf.Isomorphic(got, want) {
		t.Errorf("%s\ngot\n%s\nwant\n%s", text, quadText(t, got), quadText(t, want))
	}
}

// graphStore is what an action begins with or a result ends with.
func (s suite) graphStore(t *testing.T, node base.Term) []base.Quad {
	var out []base.Quad
	load := func(file, graph base.Term) {
		for _, q := range loadTurtle(t, s.file(file), file.Value) {
			for _, term := range []*base.Term{&q.S, &q.O} {
				if term.Kind == base.BlankTerm {
					term.Value = filepath.Base(file.Value) + term.Value
				}
			}
			q.G = graph
			out = append(out, q)
		}
	}
	for _, file := range s.objects(node, ut+"data") {
		load(file, base.Term{})
	}
	for _, graph := range s.objects(node, ut+"graphData") {
		load(s.object(graph, ut+"graph"), base.IRI(s.object(graph, base.RDFSLabel).Value))
	}
	return out
}

// applyUpdate runs an update on a store, applies its change and checks what a
// Change promises: that the whole of it really changes the store.
func applyUpdate(t testing.TB, store *rdf.Store, u *sparql.Update) []base.Quad {
	t.Helper()
	before := store.Snapshot()
	digest := before.Digest()
	change, err := u.Run(context.Background(), sparql.UpdateDataset{Snapshot: before}, sparql.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if before.Digest() != digest {
		t.Error("the update changed its snapshot")
	}
	removed, added := store.Apply(change.Removed, change.Added)
	if removed != len(change.Removed) || added != len(change.Added) {
		t.Errorf("of %d quads %d left, of %d quads %d came", len(change.Removed), removed, len(change.Added), added)
	}
	var out []base.Quad
	for q := range store.Snapshot().Quads(rdf.IDQuad{}) {
		out = append(out, q)
	}
	return out
}
