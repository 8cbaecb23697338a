package http_test

import (
	"net/url"
	"strings"
	"testing"
)

// inferring is a cluster with a store that asks for OWL 2 RL and says what parts
// are.
func inferring(t *testing.T) *cluster {
	t.Helper()
	c := start(t, t.TempDir())
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{"inference":"owl-rl"}`))
	c.want(204, c.update(`PREFIX : <http://e/> PREFIX owl: <http://www.w3.org/2002/07/owl#>
		INSERT DATA { :partOf a owl:TransitiveProperty . :glass :partOf :lens . :lens :partOf :camera }`))
	return c
}

const partsOfCamera = `SELECT ?x { ?x <http://e/partOf> <http://e/camera> } ORDER BY ?x`

func TestAQuerySeesWhatFollowsAndNoLongerWithoutItsPremise(t *testing.T) {
	c := inferring(t)
	if got := c.askStore(partsOfCamera); got != "http://e/glass; http://e/lens" {
		t.Errorf("parts are %s", got)
	}
	if got := c.askStore(`SELECT ?x ?g { GRAPH ?g { ?x <http://e/partOf> ?y } }`); got != "http://e/glass,"+storeIRI+"/graph/inferred" {
		t.Errorf("what follows lies in %s", got)
	}
	if got := c.want(200, c.do("GET", rdfStore+"/graph?default", "", "Accept: application/n-triples")); strings.Count(got.body, "\n") != 3 {
		t.Errorf("the graph itself is what was put there:\n%s", got.body)
	}
	c.want(204, c.update(`DELETE DATA { <http://e/glass> <http://e/partOf> <http://e/lens> }`))
	if got := c.askStore(partsOfCamera); got != "http://e/lens" {
		t.Errorf("without its premise, parts are %s", got)
	}
	c.want(204, c.update(`INSERT DATA { GRAPH <http://e/g> { <http://e/a> <http://e/partOf> <http://e/b> . <http://e/b> <http://e/partOf> <http://e/c> } }`))
	if got := c.askStore(`SELECT ?x { GRAPH ?g { ?x <http://e/partOf> <http://e/c> } }`); got != "http://e/b" {
		t.Errorf("an axiom of one graph acts in another: %s", got)
	}
}

func TestAServiceDescriptionSaysWhereFindingsAre(t *testing.T) {
	c := inferring(t)
	if got := c.want(200, c.do("GET", rdfStore+"/sparql", "", "Accept: text/turtle")); !strings.Contains(got.body, storeIRI+"/findings") {
		t.Errorf("it says nothing of findings:\n%s", got.body)
	}
}

func TestWhatFollowsCannotBeWritten(t *testing.T) {
	c := inferring(t)
	before := c.position()
	inferred := storeIRI + "/graph/inferred"
	for name, got := range map[string]answer{
		"insert":    c.update(`INSERT DATA { GRAPH <` + inferred + `> { <a> <b> <c> } }`),
		"put":       c.do("PUT", rdfStore+"/graph?graph="+url.QueryEscape(inferred), "<a> <b> <c> .", "Content-Type: text/turtle"),
		"delete":    c.do("DELETE", rdfStore+"/graph?graph="+url.QueryEscape(inferred), ""),
		"of others": c.update(`INSERT DATA { GRAPH <http://e/g/inferred> { <a> <b> <c> } }`),
	} {
		if got.StatusCode < 400 || got.StatusCode > 499 {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	if c.position() != before {
		t.Error("something was written")
	}
	if got := c.askStore(partsOfCamera); got != "http://e/glass; http://e/lens" {
		t.Errorf("parts are %s", got)
	}
}

func TestAStoreSaysNothingAboutTermsOfThePlatformThatIsBelieved(t *testing.T) {
	c := inferring(t)
	c.want(204, c.update(`PREFIX pc: <https://picloud.local/ontology#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX owl: <http://www.w3.org/2002/07/owl#>
		INSERT DATA { pc:Group rdfs:subClassOf <http://e/Mine> . <http://e/x> a pc:Group . pc:hasMember a owl:SymmetricProperty .
		<https://picloud.local/groups/admins> pc:hasMember <http://e/eve> ; owl:sameAs <http://e/us> . rdfs:subClassOf rdfs:subPropertyOf <http://e/below> }`))
	for _, query := range []string{
		`ASK { ?x a <http://e/Mine> }`, `ASK { <http://e/us> ?p ?o }`, `ASK { <http://e/eve> ?p ?o }`, `ASK { ?x <http://e/below> ?y }`,
	} {
		got := c.want(200, c.do("POST", rdfStore+"/sparql", query, sparqlBody, "Accept: text/csv, application/sparql-results+json"))
		if strings.Contains(got.body, "true") {
			t.Errorf("%s: %s", query, got.body)
		}
	}
}
