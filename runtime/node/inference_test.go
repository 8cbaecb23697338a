package node_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

// askStore runs a query as the endpoint of a store does: what is inferred from the
// default graph is part of it.
func (w *whole) askStore(ref base.Ref, text string) (rows []string) {
	w.t.Helper()
	view := w.dataset(ref)
	q, err := sparql.Parse(text, sparql.Options{Base: "http://example.org/"})
	if err != nil {
		w.t.Fatal(err)
	}
	d := sparql.Dataset{Snapshot: view.Graph, Default: []rdf.ID{rdf.DefaultGraph}}
	if id, ok := view.Graph.Lookup(base.IRI(ref.Absolute(w.Root()) + "/graph/inferred")); ok {
		d.Default = append(d.Default, id)
	}
	r, err := sparql.Execute(w.t.Context(), q, d, sparql.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	for row, err := range r.Rows() {
		if err != nil {
			w.t.Fatal(err)
		}
		rows = append(rows, fmt.Sprint(row[0].Value))
	}
	slices.Sort(rows)
	return rows
}

func turtle(t *testing.T, text string) []base.Quad {
	t.Helper()
	quads, err := rdf.ParseAll(strings.NewReader(`@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix pc: <https://picloud.local/ontology#> . `+text), rdf.Turtle, rdf.Options{Base: "https://picloud.local/"})
	if err != nil {
		t.Fatal(err)
	}
	return quads
}

func infers(inference domain.Inference) domain.Command {
	return &domain.DeclareRDFStore{Ref: catalogue, Spec: domain.RDFStoreSpec{Inference: inference}}
}

func TestAStoreThatAsksForOWLRLShowsWhatFollowsAndNoLongerWithoutItsPremise(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), infers(domain.InferenceOwlRl))
	const parts = "PREFIX : <http://example.org/> SELECT ?x { ?x :partOf :camera }"
	schema := turtle(t, ":partOf a owl:TransitiveProperty . :has owl:inverseOf :partOf .")
	facts := turtle(t, ":glass :partOf :lens . :lens :partOf :camera .")
	w.change(catalogue, put(nil, append(schema, facts...)))
	for range 2 { // the second time after a restart
		if rows := w.askStore(catalogue, parts); !slices.Equal(rows, []string{"http://example.org/glass", "http://example.org/lens"}) {
			t.Errorf("parts are %v", rows)
		}
		if rows := w.askStore(catalogue, "PREFIX : <http://example.org/> SELECT ?x { :camera :has ?x }"); len(rows) != 2 {
			t.Errorf("it has %v", rows)
		}
		if view := w.dataset(catalogue); view.Quads != 4 || view.Unconcluded != nil {
			t.Errorf("it holds %d quads, %v", view.Quads, view.Unconcluded)
		}
		w.verified()
		w.close()
		w.open()
	}
	w.change(catalogue, put(facts[:1], nil))
	if rows := w.askStore(catalogue, parts); !slices.Equal(rows, []string{"http://example.org/lens"}) {
		t.Errorf("without its premise, parts are %v", rows)
	}
	w.do(infers(domain.InferenceRDFs))
	if rows := w.askStore(catalogue, "PREFIX : <http://example.org/> SELECT ?x { :camera :has ?x }"); len(rows) != 0 {
		t.Errorf("RDFS knows no inverse, and it has %v", rows)
	}
	w.do(infers(domain.InferenceNone))
	if view := w.dataset(catalogue); view.Graph.Len() != 3 {
		t.Errorf("nothing is to be inferred, and %d quads are there", view.Graph.Len())
	}
	w.verified()
}

func TestAProductsAxiomsAboutThePlatformsTermsAreNotBelieved(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), infers(domain.InferenceOwlRl))
	w.change(catalogue, put(nil, turtle(t, `
		pc:Group rdfs:subClassOf :Mine . :admins a pc:Group .
		</groups/admins> owl:sameAs :me . </groups/admins> :may :everything .
		:Mine rdfs:subClassOf pc:Resource . :box a :Mine .`)))
	if rows := w.askStore(catalogue, "PREFIX : <http://example.org/> SELECT ?x { ?x a :Mine }"); !slices.Equal(rows, []string{"http://example.org/box"}) {
		t.Errorf(":Mine has the members %v", rows)
	}
	if rows := w.askStore(catalogue, "PREFIX pc: <https://picloud.local/ontology#> SELECT ?x { ?x a pc:Resource }"); len(rows) != 1 {
		t.Errorf("one's own class may be below one of the platform, and its members are %v", rows)
	}
}

func TestAPersonsGroupsFollowFromTheGroups(t *testing.T) {
	w := open(t, t.TempDir())
	alice, bob := &domain.DeclareIdentity{Ref: "/identities/alice"}, &domain.DeclareIdentity{Ref: "/identities/bob"}
	w.do(alice, bob, &domain.DeclareGroup{Ref: "/groups/cooks", Spec: domain.GroupSpec{Members: []base.Ref{alice.Ref, bob.Ref}}})
	groups := func() (rows []string) {
		graph := w.Views().View().Graph
		g, _ := graph.Lookup(base.IRI(w.Root() + "/graph/iam/inferred"))
		p, _ := graph.Lookup(base.IRI(base.Ontology + "memberOf"))
		for q := range graph.Quads(rdf.IDQuad{P: p, G: g}) {
			rows = append(rows, strings.ReplaceAll(q.S.Value+" "+q.O.Value, w.Root(), ""))
		}
		slices.Sort(rows)
		return rows
	}
	if rows := groups(); !slices.Contains(rows, "/identities/alice /groups/cooks") || !slices.Contains(rows, "/identities/bob /groups/cooks") {
		t.Errorf("people are in %v", rows)
	}
	w.verified()
	w.do(&domain.DeclareGroup{Ref: "/groups/cooks", Spec: domain.GroupSpec{Members: []base.Ref{bob.Ref}}})
	if rows := groups(); slices.Contains(rows, "/identities/alice /groups/cooks") {
		t.Errorf("after she left, people are in %v", rows)
	}
	w.verified()
}

func TestAStoreThatIsTooMuchToReasonAboutIsTheSameAfterARestart(t *testing.T) {
	if os.Getenv("PICLOUD_LONG") == "" {
		t.Skip("an explosion of millions of facts runs with PICLOUD_LONG=1")
	}
	w := open(t, t.TempDir())
	w.do(product("photo"), infers(domain.InferenceOwlRl))
	text := strings.Builder{}
	text.WriteString(":p a owl:TransitiveProperty . :a :other :b , :c .")
	for i := range 600 {
		fmt.Fprintf(&text, " :n%d :p :n%d .", i, i+1)
	}
	all := turtle(t, text.String())
	expect := func(stopped bool) {
		t.Helper()
		for range 2 { // the second time after a restart
			if view := w.dataset(catalogue); (view.Unconcluded != nil) != stopped || (view.Graph.Len() == int(view.Quads)) != stopped {
				t.Errorf("it holds %d quads, with conclusions %d (%v)", view.Quads, view.Graph.Len(), view.Unconcluded)
			}
			w.verified()
			w.close()
			w.open()
		}
	}
	w.change(catalogue, put(nil, all))
	expect(true)
	w.change(catalogue, put(turtle(t, ":a :other :b ."), nil))
	expect(true)
	w.change(catalogue, put(turtle(t, ":n300 :p :n301 ."), nil))
	expect(false)
}
