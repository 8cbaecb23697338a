package http_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

const (
	rdfStore   = "/products/shop/rdf-stores/catalogue"
	updateBody = "Content-Type: application/sparql-update"
	nquads     = "Content-Type: application/n-quads"
	storeIRI   = "https://picloud.local" + rdfStore
)

// shop is a cluster with a product that has an empty RDF store.
func shop(t testing.TB) *cluster {
	t.Helper()
	c := start(t, t.TempDir())
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{}`))
	return c
}

func (c *cluster) update(text string, headers ...string) answer {
	c.t.Helper()
	return c.do("POST", rdfStore+"/sparql", text, append([]string{updateBody}, headers...)...)
}

// askStore answers a query as CSV without its head.
func (c *cluster) askStore(query string, headers ...string) string {
	c.t.Helper()
	got := c.want(200, c.do("POST", rdfStore+"/sparql", query, append([]string{sparqlBody, "Accept: text/csv"}, headers...)...))
	_, rows, _ := strings.Cut(got.body, "\r\n")
	return strings.TrimSuffix(strings.ReplaceAll(rows, "\r\n", "; "), "; ")
}

func TestUpdateIsSeenByTheNextQueryAndSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{}`))
	got := c.want(204, c.update(`PREFIX : <http://e/> INSERT DATA { :a :p 1 , 2 . GRAPH :g { :b :p 3 } } ; DELETE DATA { :a :p 2 }`))
	if got.Header.Get("Picloud-Position") != c.position().String() {
		t.Errorf("Picloud-Position %s, the log stands at %s", got.Header.Get("Picloud-Position"), c.position())
	}
	const all = `SELECT ?s ?o ?g { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } } ORDER BY ?s`
	const want = "http://e/a,1,; http://e/b,3,http://e/g"
	if got := c.askStore(all); got != want {
		t.Errorf("got %s", got)
	}
	c.want(204, c.do("POST", rdfStore+"/sparql", url.Values{"update": {`INSERT DATA { <x> <y> <z> } ; DELETE WHERE { <x> ?p ?o }`}}.Encode(), "Content-Type: application/x-www-form-urlencoded"))
	before := c.position()
	c.want(204, c.update(`DELETE DATA { <http://e/nothing> <http://e/p> 1 }`))
	if c.position() != before {
		t.Error("a change of nothing wrote an event")
	}
	if v := c.json(c.want(200, c.do("GET", rdfStore, ""))); !strings.Contains(c.do("GET", rdfStore, "").body, `"quads":2`) {
		t.Error("the resource does not tell its quads:", v)
	}
	c.stop()
	c = start(t, dir)
	if got := c.askStore(all); got != want {
		t.Errorf("after a restart: %s", got)
	}
}

func TestUpdateOfAStoreTouchesNothingElse(t *testing.T) {
	c := shop(t)
	c.want(201, c.do("PUT", "/products/shop/rdf-stores/other", `{}`))
	c.want(204, c.update(`INSERT DATA { </groups/admins> <https://picloud.local/ontology#hasMember> </identities/eve> . GRAPH <https://picloud.local/graph/iam> { <a> <b> <c> } }`))
	if got := c.ask(`SELECT * { </groups/admins> ?p ?o }`); strings.Count(got.body, "\n") != 1 {
		t.Error("the platform believes a store:", got.body)
	}
	if got := c.ask(`SELECT * { GRAPH ?g { <https://picloud.local/a> ?p ?o } }`); strings.Count(got.body, "\n") != 1 {
		t.Error("a store writes into a platform graph:", got.body)
	}
	if got := c.want(200, c.do("GET", "/products/shop/rdf-stores/other/graph", "", "Accept: application/n-quads")); got.body != "" {
		t.Error("a store leaks into another:", got.body)
	}
	if got := c.askStore(`SELECT (COUNT(*) AS ?n) { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }`); got != "2" {
		t.Error("the store holds", got, "quads and not its own two: platform graphs show in it")
	}
}

func TestPlatformGraphsRefuseUpdatesAndSayHowTheyChange(t *testing.T) {
	c := shop(t)
	for name, got := range map[string]answer{
		"direct":    c.do("POST", "/sparql", "CLEAR ALL", updateBody),
		"form":      c.do("POST", "/sparql", "update=CLEAR+ALL", "Content-Type: application/x-www-form-urlencoded"),
		"address":   c.do("GET", "/products/shop/sparql?update=CLEAR+ALL", ""),
		"a product": c.do("POST", "/products/shop/sparql", "CLEAR ALL", updateBody),
	} {
		if c.want(403, got); !strings.Contains(got.body, "change the resource instead (PUT, PATCH, POST /apply), and the graph follows") {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	for _, method := range []string{"PUT", "POST", "DELETE", "PATCH"} {
		for _, path := range []string{"/graph", "/graph/iam", "/products/shop/graph", "/products/shop/graph/inferred"} {
			if got := c.do(method, path, ""); got.StatusCode != 405 || !strings.Contains(got.body, "change the resource instead") {
				t.Errorf("%s %s: %d %s", method, path, got.StatusCode, got.body)
			}
		}
	}
}

func TestReadersReadAStoreAndDoNotWriteIt(t *testing.T) {
	c := shop(t)
	c.want(204, c.update(`INSERT DATA { <http://e/a> <http://e/p> 1 }`))
	reader := c.token("reader", "read")
	if got := c.askStore(`SELECT ?o { ?s ?p ?o }`, reader); got != "1" {
		t.Error("a reader reads", got)
	}
	c.want(403, c.update(`CLEAR ALL`, reader))
	c.want(403, c.do("POST", rdfStore+"/sparql", "update=CLEAR+ALL", "Content-Type: application/x-www-form-urlencoded", reader))
	for _, method := range []string{"PUT", "POST", "DELETE", "PATCH"} {
		c.want(403, c.do(method, rdfStore+"/graph?default", "", reader))
	}
	c.want(401, c.do("GET", rdfStore+"/sparql?query=ASK%7B%7D", "", "Authorization: "))
	c.want(404, c.do("GET", "/products/shop/rdf-stores/none/sparql?query=ASK%7B%7D", ""))
	c.want(404, c.do("POST", "/products/shop/rdf-stores/none/sparql", "CLEAR ALL", updateBody))
	c.want(404, c.do("GET", "/products/shop/rdf-stores/none/graph?default", ""))
	c.want(404, c.do("PUT", "/products/shop/rdf-stores/none/graph?default", "", turtle))
}

func TestUpdateThatFailsSaysWhereAndChangesNothing(t *testing.T) {
	c := shop(t)
	before := c.position()
	for _, try := range []struct {
		text, parameters string
		status           int
		want             []string
	}{
		{"INSERT DATA {\n  <a> <b> ?c }", "", 400, []string{`"line":2`, `"column":`, `^`, "takes no variables"}},
		{"CREATE GRAPH <http://e/g> ; INSERT DATA { <a> <b> <c> } ; COPY <http://e/none> TO DEFAULT", "", 409, []string{"there is no graph"}},
		{"LOAD <file:///etc/passwd>", "", 501, []string{"LOAD reads no file: IRIs"}},
		{"LOAD <http://e/x>", "", 501, []string{"LOAD is switched off"}},
		{"WITH <http://e/g> DELETE WHERE { ?s ?p ?o }", "", 400, []string{"syntax"}},
		{"INSERT { <a> <b> <c> } USING <http://e/g> WHERE {}", "?using-graph-uri=http://e/h", 400, []string{"using-graph-uri"}},
		{"INSERT DATA { <a> <b> <c> }", "?explain=true", 400, []string{"was not carried out"}},
		{"INSERT DATA { <a> <b> <c> }", "?default-graph-uri=http://e/h", 400, []string{"using-graph-uri"}},
	} {
		got := c.do("POST", rdfStore+"/sparql"+try.parameters, try.text, updateBody)
		if got.StatusCode != try.status {
			t.Errorf("%s: %d %s", try.text, got.StatusCode, got.body)
		}
		for _, want := range try.want {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: no %q in %s", try.text, want, got.body)
			}
		}
	}
	if c.position() != before {
		t.Error("a failed update wrote events")
	}
}

func TestUpdatesThatAreTooMuchAreRefusedWhole(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Limits = sparql.Limits{Timeout: 2 * time.Second, MaxMemoryBytes: 32 << 20} })
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{}`))
	var text strings.Builder
	for i := range 300 {
		fmt.Fprintf(&text, "<http://e/%d> <http://e/p> %d .\n", i, i)
	}
	c.want(204, c.do("PUT", rdfStore+"/graph?default", text.String(), turtle))
	before := c.position()
	for name, update := range map[string]string{
		"time":    `INSERT { <a> <b> ?n } WHERE { SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER(?c + ?f + ?i + ?l = -1) } }`,
		"memory":  `INSERT { GRAPH <g> { ?a ?d ?c } } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }`,
		"service": `INSERT { ?s ?p ?o } WHERE { SERVICE <http://e/> { ?s ?p ?o } }`,
	} {
		want := 429
		if name == "service" {
			want = 501
		}
		c.want(want, c.update(update))
	}
	text.Reset()
	noise := make([]byte, 24<<10)
	for i := range 256 { // 8 MiB that do not compress
		rand.Read(noise)
		fmt.Fprintf(&text, "<http://e/n> <http://e/%d> \"%s\" .\n", i, base64.StdEncoding.EncodeToString(noise))
	}
	if got := c.want(413, c.do("PUT", rdfStore+"/graph?default", text.String(), turtle)); !strings.Contains(got.body, "split it") {
		t.Error("413 does not say what to do:", got.body)
	}
	if c.position() != before {
		t.Error("a refused change wrote events")
	}
	if got := c.askStore(`SELECT (COUNT(*) AS ?n) { ?s ?p ?o }`); got != "300" {
		t.Error("a refused change left", got)
	}
}

// A long prefix and short names are a small body, and gigabytes of quads.
func TestABodyIsBoundedByWhatItsNamesBecome(t *testing.T) {
	c := shop(t)
	line := "a:s a:p a:o .#" + strings.Repeat("-", 100) + "\n"
	bomb := "@prefix a: <http://e/" + strings.Repeat("x", 8000) + "> .\n" + strings.Repeat(line, 3000)
	if got := c.want(413, c.do("PUT", rdfStore+"/graph?default", bomb, turtle)); !strings.Contains(got.body, "64 MiB of quads when each name is written out") {
		t.Error("the bomb was told", got.body)
	}
}

func TestARepeatedUpdateIsAnsweredAndNotDoneAgain(t *testing.T) {
	c := shop(t)
	const text = `INSERT DATA { [] <http://e/p> 1 }`
	c.want(204, c.update(text, "Idempotency-Key: one"))
	if got := c.want(204, c.update(text, "Idempotency-Key: one")); got.Header.Get("Picloud-Replayed") != "true" {
		t.Error("the repetition is not marked")
	}
	if got := c.askStore(`SELECT (COUNT(*) AS ?n) { ?s ?p ?o }`); got != "1" {
		t.Error("the update was done again:", got)
	}
	first := c.want(201, c.do("POST", rdfStore+"/graph", `<a> <b> 1 .`, turtle, "Idempotency-Key: two")).Header.Get("Location")
	if again := c.want(201, c.do("POST", rdfStore+"/graph", `<a> <b> 1 .`, turtle, "Idempotency-Key: two")).Header.Get("Location"); first == "" || again != first {
		t.Errorf("one graph has two addresses: %s and %s", first, again)
	}
}

func TestGraphsOfAStoreAreReplacedAddedToAndRemoved(t *testing.T) {
	c := shop(t)
	direct := rdfStore + "/graph/people/anna.ttl"
	named := rdfStore + "/graph?graph=" + url.QueryEscape("http://e/g")
	c.want(201, c.do("PUT", direct, `<#me> <http://e/name> "Anna" , "Änna" .`, turtle))
	got := c.want(200, c.do("GET", direct, "", "Accept: application/n-triples"))
	if !strings.Contains(got.body, "<"+storeIRI+`/graph/people/anna.ttl#me> <http://e/name> "Änna" .`) {
		t.Error("relative IRIs are resolved against the graph:", got.body)
	}
	c.want(204, c.do("PUT", direct, `<#me> <http://e/name> "Anna Maria" .`, turtle))
	c.want(204, c.do("POST", direct, `<#me> <http://e/age> 7 .`, turtle))
	if got := c.want(200, c.do("GET", rdfStore+"/graph?graph="+url.QueryEscape(storeIRI+"/graph/people/anna.ttl"), "", "Accept: application/n-triples")); strings.Count(got.body, "\n") != 2 {
		t.Error("a graph has one content, however it is named:", got.body)
	}
	c.want(201, c.do("POST", named, `<http://e/s> <http://e/p> 1 .`, turtle))
	c.want(204, c.do("PATCH", named, `DELETE { ?s ?p 1 } INSERT { ?s ?p 2 } WHERE { ?s ?p 1 }`, updateBody))
	if got := c.askStore(`SELECT ?o { GRAPH <http://e/g> { ?s ?p ?o } }`); got != "2" {
		t.Error("PATCH left", got)
	}
	c.want(409, c.do("PATCH", named, `CLEAR ALL`, updateBody))
	c.want(204, c.do("PUT", rdfStore+"/graph?default", `{"@id": "http://e/j", "http://e/p": "ld"}`, "Content-Type: application/ld+json"))
	c.want(204, c.do("DELETE", named, ""))
	c.want(404, c.do("DELETE", named, ""))
	c.want(404, c.do("GET", named, ""))
	c.want(404, c.do("HEAD", named, ""))
	c.want(204, c.do("DELETE", rdfStore+"/graph?default", ""))
	c.want(200, c.do("GET", rdfStore+"/graph?default", "", "Accept: text/turtle"))
	if got := c.want(200, c.do("HEAD", direct, "", "Accept: text/turtle")); got.body != "" || got.Header.Get("Content-Type") != "text/turtle; charset=utf-8" {
		t.Errorf("HEAD: %v %q", got.Header, got.body)
	}
	made := c.want(201, c.do("POST", rdfStore+"/graph", `[] <http://e/p> "new" .`, turtle))
	location := made.Header.Get("Location")
	if !strings.HasPrefix(location, storeIRI+"/graph/") {
		t.Fatal("Location:", location)
	}
	if got := c.want(200, c.do("GET", strings.TrimPrefix(location, "https://picloud.local"), "", "Accept: text/turtle")); !strings.Contains(got.body, `"new"`) {
		t.Error("the new graph:", got.body)
	}
}

func TestAWholeDatasetIsDumpedAndLoaded(t *testing.T) {
	c := shop(t)
	const text = "<http://e/a> <http://e/p> \"1\" .\n<http://e/b> <http://e/p> \"2\" <http://e/g> .\n"
	c.want(204, c.do("PUT", rdfStore+"/graph", text, nquads))
	if got := c.want(200, c.do("GET", rdfStore+"/graph", "", "Accept: application/n-quads")); got.body != text {
		t.Error("dump:", got.body)
	}
	if got := c.want(200, c.do("GET", rdfStore+"/graph", "")); !strings.HasPrefix(got.Header.Get("Content-Type"), "application/trig") || !strings.Contains(got.body, "<http://e/g> {") {
		t.Error("TriG:", got.body)
	}
	if got := c.want(200, c.do("GET", rdfStore+"/graph?format=turtle", "")); strings.Contains(got.body, "http://e/g") || !strings.Contains(got.body, "http://e/a") {
		t.Error("Turtle of the dataset is its default graph:", got.body)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("<http://e/c> <http://e/p> _:b <http://e/g> .\n"))
	z.Close()
	c.want(204, c.do("POST", rdfStore+"/graph", packed.String(), nquads, "Content-Encoding: gzip"))
	if got := c.askStore(`SELECT (COUNT(*) AS ?n) { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }`); got != "3" {
		t.Error("quads after a load:", got)
	}
	c.want(204, c.do("PUT", rdfStore+"/graph", text, nquads))
	if got := c.want(200, c.do("GET", rdfStore+"/graph", "", "Accept: application/n-quads")); got.body != text {
		t.Error("PUT of a dataset leaves what was there:", got.body)
	}
}

func TestGraphStoreSaysWhatIsWrongWithARequest(t *testing.T) {
	c := shop(t)
	graph := rdfStore + "/graph"
	for _, try := range []struct {
		method, path, body, media string
		status                    int
		want                      string
	}{
		{"PUT", graph, "", turtle, 400, "say which graph is replaced"},
		{"DELETE", graph, "", "", 400, "CLEAR ALL empties the whole store"},
		{"GET", graph + "?graph=a%20b", "", "", 400, "?graph= must be an absolute IRI"},
		{"GET", graph + "?graph=relative", "", "", 400, "is not absolute"},
		{"GET", graph + "?default&graph=http://e/g", "", "", 400, "name it once"},
		{"GET", graph + "/x?default", "", "", 400, "name it once"},
		{"PUT", graph + "?default", "<a> <b> <c> .\n<a> <b> , .", turtle, 400, "<a> <b> , .\\n        ^"},
		{"PUT", graph + "?default", "<a> <b> <c> .", nquads, 415, "Content-Type"},
		{"PUT", graph + "?default", "x", "Content-Type: text/plain", 415, "text/turtle, application/n-triples"},
		{"PATCH", graph + "?default", "x", turtle, 415, "application/sparql-update"},
		{"PUT", graph + "?default", strings.Repeat("#", 33<<20), turtle, 413, "32MiB"},
		{"GET", graph + "?default", "", "Accept: image/png", 406, "text/turtle"},
	} {
		headers := []string{}
		if try.media != "" {
			headers = append(headers, try.media)
		}
		got := c.do(try.method, try.path, try.body, headers...)
		if got.StatusCode != try.status || !strings.Contains(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(got.body), try.want) {
			t.Errorf("%s %s %.40s: %d %s", try.method, try.path, try.body, got.StatusCode, got.body)
		}
	}
}

func TestGraphsAreChangedOnlyAsTheyWereRead(t *testing.T) {
	c := shop(t)
	graph := rdfStore + "/graph?graph=http://e/g"
	c.want(412, c.do("PUT", graph, `<a> <b> 1 .`, turtle, "If-Match: *"))
	c.want(201, c.do("PUT", graph, `<a> <b> 1 .`, turtle, "If-None-Match: *"))
	c.want(412, c.do("PUT", graph, `<a> <b> 2 .`, turtle, "If-None-Match: *"))
	got := c.want(200, c.do("GET", graph, "", "Accept: text/turtle"))
	tag := got.Header.Get("ETag")
	c.want(304, c.do("GET", graph, "", "Accept: text/turtle", "If-None-Match: "+tag))
	c.want(204, c.do("PUT", graph, `<a> <b> 2 .`, turtle, "If-Match: "+tag))
	stale := c.want(412, c.do("PUT", graph, `<a> <b> 3 .`, turtle, "If-Match: "+tag))
	if !strings.Contains(stale.body, "has changed since you read it") || !strings.Contains(stale.body, `"actor"`) {
		t.Error("412 does not say who changed it:", stale.body)
	}
	c.want(200, c.do("GET", graph, "", "Accept: text/turtle", "If-None-Match: "+tag))
	c.want(412, c.update(`CLEAR ALL`, "If-Match: "+tag))
	tag = c.want(204, c.update(`INSERT DATA { <a> <b> 4 }`)).Header.Get("ETag")
	c.want(204, c.update(`CLEAR ALL`, "If-Match: "+tag))
}

func TestWhatIsInferredIsReadAndNeverWritten(t *testing.T) {
	c := shop(t)
	c.want(200, c.do("PUT", rdfStore, `{"inference":"rdfs"}`))
	c.want(204, c.update(`PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> INSERT DATA { <http://e/Cat> rdfs:subClassOf <http://e/Animal> . <http://e/tom> a <http://e/Cat> }`))
	const inferred = rdfStore + "/graph/inferred"
	if got := c.askStore(`SELECT ?s { ?s a <http://e/Animal> }`); got != "http://e/tom" {
		t.Error("a query does not see what is inferred:", got)
	}
	if got := c.askStore(`SELECT ?s { GRAPH <` + "https://picloud.local" + inferred + `> { ?s a <http://e/Animal> } }`); got != "http://e/tom" {
		t.Error("what is inferred is not separable:", got)
	}
	if got := c.want(200, c.do("GET", inferred, "", "Accept: text/turtle")); !strings.Contains(got.body, "http://e/Animal") {
		t.Error("its graph:", got.body)
	}
	if got := c.want(200, c.do("GET", rdfStore+"/graph", "", "Accept: application/n-quads")); strings.Count(got.body, "\n") != 2 {
		t.Error("a dump holds what is inferred:", got.body)
	}
	for name, got := range map[string]answer{
		"PUT": c.do("PUT", inferred, `<a> <b> <c> .`, turtle), "POST": c.do("POST", inferred, `<a> <b> <c> .`, turtle), "DELETE": c.do("DELETE", inferred, ""),
		"update": c.update(`INSERT DATA { GRAPH <https://picloud.local` + inferred + `> { <a> <b> <c> } }`),
	} {
		if got.StatusCode != 409 {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	c.want(204, c.update(`INSERT { ?s <http://e/is> "animal" } WHERE { ?s a <http://e/Animal> } ; DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }`))
	if got := c.askStore(`SELECT ?s { ?s a <http://e/Animal> ; <http://e/is> "animal" }`); got != "http://e/tom" {
		t.Error("an update reads what is inferred and passes by it:", got)
	}
	if d := c.describes(rdfStore + "/sparql"); !slices.Contains(d["defaultEntailmentRegime"], "http://www.w3.org/ns/entailment/RDFS") {
		t.Errorf("the description does not say what is inferred: %v", d["defaultEntailmentRegime"])
	}
}

func TestUpdatesAtOnceAllTakeEffect(t *testing.T) {
	c := shop(t)
	c.want(204, c.update(`INSERT DATA { <http://e/c> <http://e/n> 0 }`))
	const clients, each = 8, 6
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				if got := c.update(`DELETE { ?c <http://e/n> ?n } INSERT { ?c <http://e/n> ?m } WHERE { ?c <http://e/n> ?n BIND(?n + 1 AS ?m) }`); got.StatusCode != 204 {
					t.Errorf("%d %s", got.StatusCode, got.body)
				}
				c.askStore(`SELECT * { ?s ?p ?o }`)
			}
		})
	}
	wg.Wait()
	if got := c.askStore(`SELECT ?n { ?c <http://e/n> ?n }`); got != strconv.Itoa(clients*each) {
		t.Error("after", clients*each, "increments:", got)
	}
}

func TestWhatAStoreHoldsIsNoActiveContent(t *testing.T) {
	c := shop(t)
	c.want(204, c.update(`INSERT DATA { <javascript:alert(1)> <http://e/p> "<script>alert(2)</script>" . GRAPH <http://e/g> { <http://e/s> <http://e/p> "<script>" } }`))
	for _, path := range []string{"/sparql?query=" + url.QueryEscape("SELECT * { ?s ?p ?o }"), "/sparql", "/graph", "/graph?default", "/graph?graph=http://e/g"} {
		got := c.want(200, c.do("GET", rdfStore+path, "", "Accept: text/html"))
		media := got.Header.Get("Content-Type")
		if strings.HasPrefix(media, "text/html") && (strings.Contains(got.body, "<script") || strings.Contains(got.body, `href="javascript`)) || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s\n%s", path, media, got.body)
		}
	}
}

func TestPicloudMinPositionHoldsOfStores(t *testing.T) {
	c := shop(t)
	position := c.want(204, c.update(`INSERT DATA { <http://e/a> <http://e/p> 1 }`)).Header.Get("Picloud-Position")
	if got := c.askStore(`SELECT ?o { ?s ?p ?o }`, "Picloud-Min-Position: "+position); got != "1" {
		t.Error(got)
	}
	c.want(400, c.do("GET", rdfStore+"/sparql?query=ASK%7B%7D", "", "Picloud-Min-Position: soon"))
	for _, path := range []string{"/sparql?query=ASK%7B%7D", "/graph?default", "/graph"} {
		if got := c.want(200, c.do("HEAD", rdfStore+path, "")); got.Header.Get("Picloud-Position") != position || got.Header.Get("Content-Type") == "" || got.body != "" {
			t.Errorf("HEAD %s: %v %q", path, got.Header, got.body)
		}
	}
}

func TestOtherOriginsAskTheGraphWithATokenOfTheirOwnOnly(t *testing.T) {
	c := shop(t)
	preflight := []string{"Origin: https://app.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization", "Authorization: "}
	for _, path := range []string{"/sparql", "/graph", "/products/none/sparql", rdfStore + "/sparql", rdfStore + "/graph/x", "/products/shop/rdf-stores/none/sparql"} {
		got := c.want(204, c.do("OPTIONS", path, "", preflight...))
		if got.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(got.Header.Get("Access-Control-Allow-Headers"), "Authorization") || got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", path, got.Header)
		}
	}
	got := c.want(200, c.do("GET", "/sparql?query=ASK%7B%7D", "", "Origin: https://app.example"))
	if got.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(got.Header.Get("Access-Control-Expose-Headers"), "Picloud-Position") {
		t.Errorf("%v", got.Header)
	}
	if got := c.want(401, c.do("GET", "/sparql?query=ASK%7B%7D", "", "Origin: https://app.example", "Authorization: ")); got.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("credentials of the browser are let in")
	}
	for _, path := range []string{"/", "/products/shop", "/apply", "/events?follow=false", "/tokens", "/-/queries", "/products/sparql", "/products/shop/volumes/graph"} {
		got := c.do("GET", path, "", "Origin: https://app.example")
		if got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is open to other origins", path)
		}
		c.want(401, c.do("OPTIONS", path, "", preflight...))
	}
}

func TestOptionsTellWhatStoresTake(t *testing.T) {
	c := shop(t)
	got := c.want(204, c.do("OPTIONS", rdfStore+"/sparql", ""))
	if got.Header.Get("Allow") != "GET, HEAD, POST, OPTIONS" || !strings.Contains(got.Header.Get("Accept-Post"), "application/sparql-update") {
		t.Errorf("%v", got.Header)
	}
	got = c.want(204, c.do("OPTIONS", rdfStore+"/graph", ""))
	if got.Header.Get("Allow") != "GET, HEAD, PUT, PATCH, DELETE, POST, OPTIONS" || got.Header.Get("Accept-Patch") != "application/sparql-update" || !strings.Contains(got.Header.Get("Accept"), "application/n-quads") {
		t.Errorf("%v", got.Header)
	}
}

func TestExplainTellsHowAQueryRan(t *testing.T) {
	c := shop(t)
	c.want(204, c.update(`INSERT DATA { <http://e/a> <http://e/p> 1 , 2 }`))
	query := url.QueryEscape(`SELECT * { ?s <http://e/p> ?o }`)
	for _, path := range []string{rdfStore + "/sparql", "/sparql"} {
		text := c.want(200, c.do("GET", path+"?explain=true&query="+query, "", "Accept: */*"))
		if !strings.HasPrefix(text.Header.Get("Content-Type"), "text/plain") || !strings.Contains(text.body, "expected") {
			t.Errorf("%s as text: %s", path, text.body)
		}
		v := c.json(c.want(200, c.do("GET", path+"?explain=true&query="+query, "", "Accept: application/json")))
		if v["algebra"] == nil || v["plan"] == nil {
			t.Errorf("%s as JSON: %v", path, v)
		}
	}
}

// describes reads a service description.
func (c *cluster) describes(path string, headers ...string) map[string][]string {
	c.t.Helper()
	got := c.want(200, c.do("GET", path, "", append([]string{"Accept: text/turtle"}, headers...)...))
	quads, err := rdf.ParseAll(strings.NewReader(got.body), rdf.Turtle, rdf.Options{Base: "https://picloud.local" + path})
	if err != nil {
		c.t.Fatal(err, got.body)
	}
	out := map[string][]string{}
	for _, q := range quads {
		name := q.P.Value[strings.LastIndexAny(q.P.Value, "#/")+1:]
		out[name] = append(out[name], strings.TrimPrefix(q.O.Value, "http://www.w3.org/ns/sparql-service-description#"))
	}
	return out
}

func TestServiceDescriptionsDifferAsTheServicesDo(t *testing.T) {
	c := shop(t)
	c.want(204, c.update(`INSERT DATA { GRAPH <http://e/g> { <http://e/a> <http://e/p> 1 , 2 } }`))
	has := func(d map[string][]string, property, value string) bool {
		return strings.Contains(strings.Join(d[property], "\n"), value)
	}
	cluster, own := c.describes("/sparql"), c.describes(rdfStore+"/sparql")
	for _, d := range []map[string][]string{cluster, own} {
		if !has(d, "resultFormat", "SPARQL_Results_TSV") || !has(d, "comment", "Limits of one query: 30s") || !has(d, "comment", "Functions:") || !has(d, "select", "SELECT") {
			t.Errorf("formats, functions, limits or examples are missing: %v", d)
		}
	}
	if has(cluster, "supportedLanguage", "SPARQL11Update") || !has(cluster, "feature", "UnionDefaultGraph") || !has(cluster, "name", "https://picloud.local/products/shop/graph") {
		t.Errorf("platform: %v", cluster)
	}
	if !has(own, "supportedLanguage", "SPARQL11Update") || has(own, "feature", "UnionDefaultGraph") || !has(own, "name", "http://e/g") || !has(own, "triples", "2") ||
		!has(own, "inputFormat", "RDF_XML") || !has(own, "defaultEntailmentRegime", "Simple") {
		t.Errorf("store: %v", own)
	}
	if reader := c.describes("/sparql", c.token("reader", "read")); has(reader, "name", "/graph/iam") {
		t.Error("a reader is told of a graph that is not theirs")
	}
	for _, e := range append(own["select"], cluster["select"]...) {
		path := rdfStore + "/sparql"
		if strings.Contains(e, "pc:") {
			path = "/sparql"
		}
		c.want(200, c.do("POST", path, e, sparqlBody))
	}
}
