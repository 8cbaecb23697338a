package http_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	edge "github.com/picloud/picloud/runtime/http"
)

// Random updates of a store: what a live query has told adds up, at each
// position that it names, to what the query finds there.
func TestALiveQueryOfAStoreIsExact(t *testing.T) {
	c := shop(t)
	queries := []string{`SELECT ?s ?o { ?s <urn:p> ?o }`, `SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g`, `SELECT ?a ?c { ?a <urn:p> ?b . ?b <urn:q> ?c }`}
	watchers, rows := make([]*watcher, len(queries)), make([]map[string]int, len(queries))
	for i, q := range queries {
		watchers[i], rows[i] = c.watch(rdfStore+"/sparql", q), map[string]int{}
		if m := watchers[i].next("rows"); len(m.data.Results.Bindings) != 0 {
			t.Fatalf("%+v", m)
		}
	}
	chance := rand.New(rand.NewPCG(1, 2))
	node := func() string { return fmt.Sprintf("<urn:%c>", 'a'+rune(chance.IntN(3))) }
	for range 40 {
		triple := fmt.Sprintf("%s <urn:%c> %s", node(), 'p'+rune(chance.IntN(2)), node())
		if chance.IntN(2) == 0 {
			triple = fmt.Sprintf("GRAPH <urn:g%d> { %s }", chance.IntN(2), triple)
		}
		word := []string{"INSERT", "DELETE"}[chance.IntN(2)]
		before := c.position()
		c.want(204, c.update(word+" DATA { "+triple+" }"))
		if c.position() == before {
			continue
		}
		for i, q := range queries {
			want := map[string]int{}
			answer := c.json(c.want(200, c.do("POST", rdfStore+"/sparql", q, sparqlBody)))
			for _, b := range answer["results"].(map[string]any)["bindings"].([]any) {
				want[fmt.Sprint(b)]++
			}
			if maps.Equal(rows[i], want) {
				continue
			}
			m := watchers[i].next("change")
			if m.data.Position != c.position() {
				t.Fatalf("a change of %d is told as one of %d", c.position(), m.data.Position)
			}
			for _, r := range m.data.Removed {
				if rows[i][plain(t, r)]--; rows[i][plain(t, r)] == 0 {
					delete(rows[i], plain(t, r))
				}
			}
			for _, r := range m.data.Added {
				rows[i][plain(t, r)]++
			}
			if !maps.Equal(rows[i], want) {
				t.Fatalf("%s at %d: has %v, there is %v", q, m.data.Position, rows[i], want)
			}
		}
	}
}

func plain(t *testing.T, raw []byte) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v)
}

func TestALiveQueryOfAStoreResumesAndEndsWithIt(t *testing.T) {
	c := shop(t)
	const all = `SELECT ?s { ?s ?p ?o }`
	c.want(204, c.update(`INSERT DATA { <urn:a> <urn:p> 1 }`))
	w := c.watch(rdfStore+"/sparql", all)
	first := w.next("rows")
	w.close()
	c.want(204, c.update(`INSERT DATA { <urn:b> <urn:p> 1 }`))
	c.want(200, c.do("PUT", "/products/shop", `{"version":"2.0.0"}`)) // moves the log and not the store
	w = c.watch(rdfStore+"/sparql", all, "Last-Event-ID: "+first.id)
	if m := w.next("change"); !slices.Equal(texts(m.data.Added), []string{`{"s":{"type":"uri","value":"urn:b"}}`}) || len(m.data.Removed) != 0 {
		t.Errorf("resumed with %+v", m)
	}
	other := c.watch(rdfStore+"/sparql", all)
	if m := other.next("rows"); len(m.data.Results.Bindings) != 2 {
		t.Errorf("%+v", m)
	}
	c.want(204, c.do("DELETE", rdfStore+"?delete-data=true", ""))
	for _, w := range []*watcher{w, other} {
		if m := w.next("end"); !strings.HasSuffix(m.data.Type, "ErrorNotFound") {
			t.Errorf("%+v", m)
		}
	}
}

func TestALiveQueryOfAStoreKnowsWhatWasInferred(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Heartbeat = 20 * time.Millisecond })
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{"inference":"rdfs"}`))
	w := c.watch(rdfStore+"/sparql", `SELECT ?x { ?x a <urn:Animal> }`)
	w.next("rows")
	c.want(204, c.update(`INSERT DATA { <urn:Cat> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <urn:Animal> . <urn:tom> a <urn:Cat> }`))
	if m := w.next("change"); !slices.Equal(texts(m.data.Added), []string{`{"x":{"type":"uri","value":"urn:tom"}}`}) {
		t.Errorf("%+v", m)
	}
	c.want(204, c.update(`DELETE DATA { <urn:tom> a <urn:Cat> }`))
	if m := w.next("change"); len(m.data.Removed) != 1 {
		t.Errorf("%+v", m)
	}
}
