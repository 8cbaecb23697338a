package http_test

import (
	"fmt"
	"strings"
	"testing"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// broken is a store whose data contradicts itself and speaks of what belongs to
// the platform.
func broken(t *testing.T) *cluster {
	t.Helper()
	c := start(t, t.TempDir())
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{"inference":"owl-rl"}`))
	c.want(204, c.update(`PREFIX : <http://e/> PREFIX owl: <http://www.w3.org/2002/07/owl#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
		PREFIX pc: <https://picloud.local/ontology#>
		INSERT DATA { :Cat rdfs:subClassOf :Animal . :Animal owl:disjointWith :Stone . :tom a :Cat , :Stone . pc:Volume rdfs:subClassOf :Thing .
			GRAPH <http://e/g> { :a owl:differentFrom :b ; owl:sameAs :b } }`))
	return c
}

func TestAContradictionIsToldWithTheTriplesThatLeadToIt(t *testing.T) {
	c := broken(t)
	got := c.want(200, c.do("GET", rdfStore+"/findings", ""))
	for _, part := range []string{
		`"conforms":false`, `"rule":"cax-dw"`, `"inference":"owl-rl"`, `"graph":"http://e/g"`,
		`<http://e/tom> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://e/Animal> .`,
		`<http://e/Cat> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <http://e/Animal> .`,
		`<https://picloud.local/ontology#Volume> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <http://e/Thing> .`, `"owner":"the platform"`,
	} {
		if !strings.Contains(got.body, part) {
			t.Errorf("%s is not in\n%s", part, got.body)
		}
	}
	for _, format := range []string{"ttl", "jsonld", "nt"} {
		if got := c.want(200, c.do("GET", rdfStore+"/findings?format="+format, "")); !strings.Contains(got.body, "ValidationReport") {
			t.Errorf("as %s it is no validation report:\n%s", format, got.body)
		}
	}
	page := c.want(200, c.do("GET", rdfStore+"/findings", "", "Accept: text/html"))
	for _, part := range []string{"cax-dw", "&lt;http://e/tom&gt;", "belongs to the platform"} {
		if !strings.Contains(page.body, part) {
			t.Errorf("the page lacks %s:\n%s", part, page.body)
		}
	}
	c.want(304, c.do("GET", rdfStore+"/findings", "", "If-None-Match: "+got.Header.Get("ETag")))

	c.want(204, c.update(`CLEAR ALL`))
	if got := c.want(200, c.do("GET", rdfStore+"/findings", "")); !strings.Contains(got.body, `"conforms":true`) {
		t.Errorf("in an empty store it finds %s", got.body)
	}
}

func TestFindingsAreForReadersOfTheProductAndBounded(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Limits = sparql.Limits{Timeout: 1} })
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{"inference":"owl-rl"}`))
	c.want(401, c.do("GET", rdfStore+"/findings", "", "Authorization: Bearer no"))
	c.want(404, c.do("GET", "/products/shop/rdf-stores/none/findings", ""))
	c.want(405, c.do("POST", rdfStore+"/findings", ""))
	if got := c.want(429, c.do("GET", rdfStore+"/findings", "")); !strings.Contains(got.body, "takes over 1ns") {
		t.Errorf("over its time it says %s", got.body)
	}
}

// sames are triples by which n names mean one thing: n² follow, in n³ ways.
func sames(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "<http://e/n> <http://www.w3.org/2002/07/owl#sameAs> <http://e/n%d> .\n", i)
	}
	return text.String()
}

func TestLookingForFindingsIsListedAndCanBeEnded(t *testing.T) {
	c := broken(t)
	c.want(204, c.do("POST", rdfStore+"/graph?default", sames(180), "Content-Type: application/n-triples"))
	asks := c.send(t.Context(), "GET", rdfStore+"/findings", nil, c.admin())
	c.want(204, c.do("DELETE", "/-/queries/"+c.until(c.admin(), desk.Running, 1)[0]["id"].(string), ""))
	if got := <-asks; got.status != 429 || !strings.Contains(got.body, "it was ended by") {
		t.Errorf("its caller was told %+v", got)
	}
}

// TestTheReasonWhyNothingFollowsIsShown lets two thousand names of one thing
// multiply beyond what reasoning may take.
func TestTheReasonWhyNothingFollowsIsShown(t *testing.T) {
	c := broken(t)
	c.want(204, c.do("POST", rdfStore+"/graph?default", sames(2000), "Content-Type: application/n-triples"))
	const why = "nothing is inferred, because it would take more than"
	if got := c.want(200, c.do("GET", rdfStore+"/findings", "")); !strings.Contains(got.body, why) || !strings.Contains(got.body, `"owner"`) {
		t.Errorf("it finds %s", got.body)
	}
	for _, path := range []string{rdfStore, rdfStore + "/findings"} {
		if got := c.want(200, c.do("GET", path, "", "Accept: text/html")); !strings.Contains(got.body, why) {
			t.Errorf("the page at %s does not say why", path)
		}
	}
}
