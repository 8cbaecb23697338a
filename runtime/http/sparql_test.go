package http_test

import (
	"net/url"
	"strings"
	"testing"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/sparql"
)

func (c *cluster) ask(query string, headers ...string) answer {
	c.t.Helper()
	return c.do("POST", "/sparql", query, append([]string{sparqlBody, "Accept: text/csv"}, headers...)...)
}

func TestOneQueryIsAskedInThreeWays(t *testing.T) {
	c := photoApp(t)
	const query = "PREFIX pc: <https://picloud.local/ontology#>\nSELECT ?name { </products/photo-app> pc:name ?name }"
	escaped := "query=" + url.QueryEscape(query)
	for name, got := range map[string]answer{
		"GET":         c.do("GET", "/sparql?"+escaped, "", "Accept: text/csv"),
		"form":        c.do("POST", "/sparql", escaped, "Content-Type: application/x-www-form-urlencoded", "Accept: text/csv"),
		"direct":      c.ask(query),
		"product":     c.do("GET", "/products/photo-app/sparql?"+url.Values{"query": {"PREFIX pc: <https://picloud.local/ontology#> SELECT ?name { <containers/api-server> pc:name ?name }"}}.Encode(), "", "Accept: text/csv"),
		"of a graph":  c.do("GET", "/graph?"+escaped, "", "Accept: text/csv"),
		"?format=csv": c.do("GET", "/sparql?format=csv&"+escaped, ""),
	} {
		want := "name\r\nphoto-app\r\n"
		if name == "product" {
			want = "name\r\napi-server\r\n"
		}
		if got.StatusCode != 200 || got.body != want {
			t.Errorf("%s: %d %q", name, got.StatusCode, got.body)
		}
	}
	c.want(404, c.do("GET", "/products/none/sparql?query=ASK%7B%7D", ""))
	c.want(400, c.do("GET", "/sparql?query=ASK%7B%7D&query=ASK%7B%7D", ""))
	c.want(400, c.do("POST", "/sparql", "query=%zz", "Content-Type: application/x-www-form-urlencoded"))
	c.want(415, c.do("POST", "/sparql", "ASK{}", "Content-Type: text/plain"))
	c.want(413, c.do("POST", "/sparql", strings.Repeat(" ", 2<<20), sparqlBody))
}

func TestResultsAreServedInEveryFormat(t *testing.T) {
	c := photoApp(t)
	for accept, want := range map[string]string{
		"application/sparql-results+json": `{"head":`, "application/sparql-results+xml": "<?xml", "text/csv": "s,p,o", "text/tab-separated-values": "?s\t?p\t?o",
		"application/json": `{"head":`, "*/*": `{"head":`, "text/html": "<!doctype html>",
	} {
		got := c.want(200, c.ask("SELECT * { ?s ?p ?o } LIMIT 3", "Accept: "+accept))
		media := got.Header.Get("Content-Type")
		if !strings.HasPrefix(got.body, want) || accept != "*/*" && !strings.HasPrefix(media, accept) {
			t.Errorf("%s: %s %.60s", accept, media, got.body)
		}
	}
	if got := c.want(200, c.ask("ASK { ?s ?p ?o }", "Accept: */*")); !strings.Contains(got.body, `"boolean":true`) {
		t.Error("ASK:", got.body)
	}
	for _, form := range []string{"DESCRIBE </products/photo-app>", "CONSTRUCT WHERE { </products/photo-app> ?p ?o }"} {
		for accept, want := range map[string]string{"text/turtle": "photo-app", "application/n-triples": "<https://picloud.local/products/photo-app> ", "application/ld+json": `"@graph"`, "*/*": "pc:", "text/html": "<!doctype html>"} {
			if got := c.want(200, c.ask(form, "Accept: "+accept)); !strings.Contains(got.body, want) {
				t.Errorf("%s as %s: %s", form, accept, got.body)
			}
		}
	}
	if got := c.want(406, c.ask("SELECT * { ?s ?p ?o }", "Accept: text/turtle")); !strings.Contains(got.body, "?format=json, xml, csv, tsv, html") {
		t.Error("the refusal does not list the formats:", got.body)
	}
	c.want(406, c.ask("DESCRIBE </>", "Accept: text/csv"))
}

func TestUsualNamesOfFormatsAreKnownAndOthersLeaveItToAccept(t *testing.T) {
	c := photoApp(t)
	const graph, table = "DESCRIBE </products/photo-app>", "SELECT * { ?s ?p ?o } LIMIT 1"
	for _, try := range []struct{ query, format, accept, want string }{
		{graph, "turtle", "*/*", "text/turtle"}, {graph, "ttl", "*/*", "text/turtle"},
		{graph, "ntriples", "*/*", "application/n-triples"}, {graph, "nt", "*/*", "application/n-triples"},
		{graph, "json-ld", "*/*", "application/ld+json"}, {graph, "jsonld", "*/*", "application/ld+json"}, {graph, "json", "*/*", "application/ld+json"},
		{graph, "rdf+xml", "text/turtle", "text/turtle"}, {graph, "n3", "application/ld+json", "application/ld+json"},
		{table, "json", "*/*", "application/sparql-results+json"}, {table, "xml", "*/*", "application/sparql-results+xml"},
		{table, "csv", "*/*", "text/csv"}, {table, "tsv", "*/*", "text/tab-separated-values"}, {table, "turtle", "text/csv", "text/csv"},
		{table, "yaml", "application/xml", "application/xml"},
	} {
		parameters := url.Values{"query": {try.query}, "format": {try.format}}
		got := c.want(200, c.do("GET", "/sparql?"+parameters.Encode(), "", "Accept: "+try.accept))
		if media := got.Header.Get("Content-Type"); media != try.want {
			t.Errorf("%.8s ?format=%s, Accept %s: %s, want %s", try.query, try.format, try.accept, media, try.want)
		}
	}
}

// Clients show a problem document as it came, so IRIs in it can be read.
func TestAProblemShowsIRIsAsTheyAre(t *testing.T) {
	c := photoApp(t)
	if got := c.want(400, c.ask("ASK { ?s foaf:name ?o }")); !strings.Contains(got.body, "add the line: PREFIX foaf: <http://xmlns.com/foaf/0.1/>") {
		t.Error(got.body)
	}
}

// Who asks for a format by its name alone, as with curl, does not get another.
func TestAFormatThatDoesNotFitIsRefusedUnlessAcceptSaysMore(t *testing.T) {
	c := photoApp(t)
	for query, format := range map[string]string{"SELECT * { ?s ?p ?o } LIMIT 1": "turtle", "ASK {}": "yaml", "DESCRIBE </products/photo-app>": "csv"} {
		parameters := url.Values{"query": {query}, "format": {format}}
		for _, header := range []string{"Accept: */*", "Accept: "} {
			if got := c.want(406, c.do("GET", "/sparql?"+parameters.Encode(), "", header)); !strings.Contains(got.body, "?format=") {
				t.Errorf("%s as %s: %s", query, format, got.body)
			}
		}
	}
}

func TestDescribeIsWhatGetIs(t *testing.T) {
	c := photoApp(t)
	get := c.want(200, c.do("GET", "/products/photo-app/containers/api-server", "", "Accept: application/n-triples"))
	describe := c.want(200, c.ask("DESCRIBE </products/photo-app/containers/api-server>", "Accept: application/n-triples"))
	is := map[string]bool{}
	for line := range strings.Lines(describe.body) {
		is[line] = true
	}
	n := 0
	for line := range strings.Lines(get.body) {
		if n++; !is[line] {
			t.Errorf("DESCRIBE lacks %s", line)
		}
	}
	if n < 20 {
		t.Error("GET has only", n, "triples")
	}
}

func TestTheThreeQueriesGiveTheirResults(t *testing.T) {
	c := photoApp(t)
	const prefix = "PREFIX pc: <https://picloud.local/ontology#>\n"
	is := c.want(200, c.ask(prefix+`SELECT ?kind (COUNT(?r) AS ?n) (SUM(IF(?phase = pc:Ready, 1, 0)) AS ?ready)
WHERE { ?r pc:kind ?kind OPTIONAL { ?r pc:phase ?phase } } GROUP BY ?kind ORDER BY ?kind`))
	for _, want := range []string{"#Container,1,0\r\n", "#Volume,1,0\r\n", "#Product,1,1\r\n", "#Node,1,1\r\n", "#Cluster,1,1\r\n"} {
		if !strings.Contains(is.body, want) {
			t.Errorf("what is there: no %q in\n%s", want, is.body)
		}
	}
	not := c.want(200, c.ask(prefix+`SELECT ?name ?phase ?reason ?time ?actor WHERE {
  ?r a pc:Resource ; pc:name ?name ; pc:phase ?phase ; pc:changedBy ?event .
  FILTER(?phase != pc:Ready)
  OPTIONAL { ?r pc:reason ?reason }
  OPTIONAL { GRAPH ?log { ?event pc:time ?time ; pc:actor ?actor } }
} ORDER BY DESC(?time)`))
	for _, want := range []string{"media-store,https://picloud.local/ontology#Declared,no reconciler on this cluster,20", ",https://picloud.local/tokens/admin\r\n", "api-server,"} {
		if !strings.Contains(not.body, want) {
			t.Errorf("what is not ready: no %q in\n%s", want, not.body)
		}
	}
	if strings.Contains(not.body, "photo-app,") {
		t.Error("a product that is ready is listed as not ready")
	}
	memory := c.want(200, c.ask(prefix+`SELECT ?node (SUM(?bytes) / 1048576 AS ?mib) (COUNT(?w) AS ?workloads)
WHERE { ?w a pc:Workload ; pc:nodes ?node . OPTIONAL { ?w pc:resources/pc:memory ?bytes } }
GROUP BY ?node ORDER BY DESC(?mib)`))
	if memory.body != "node,mib,workloads\r\n" { // nothing is placed before a reconciler does it
		t.Error("memory on each node:", memory.body)
	}
	args := c.want(200, c.ask(`PREFIX pc: <https://picloud.local/ontology#> PREFIX pm: <https://picloud.local/ontology/meta#> PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
SELECT ?arg { </products/photo-app/containers/api-server> pc:args/rdf:rest* ?c . ?c rdf:first ?arg ; pm:index ?i } ORDER BY ?i`))
	if args.body != "arg\r\n--port\r\n8080\r\n" {
		t.Error("arguments in order:", args.body)
	}
}

func TestWhoLooksAtEverythingSeesTheClusterFirst(t *testing.T) {
	c := start(t, t.TempDir())
	got := c.want(200, c.ask("SELECT * { ?s ?p ?o } LIMIT 10"))
	lines := strings.Split(strings.TrimSpace(got.body), "\r\n")
	if len(lines) != 11 {
		t.Fatal(got.body)
	}
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, "https://picloud.local/,") {
			t.Error("among the first ten:", line)
		}
	}
	if !strings.Contains(got.body, "Start here") {
		t.Error("nothing says where to start:", got.body)
	}
	all := c.want(200, c.ask("SELECT DISTINCT ?s { ?s ?p ?o }"))
	if strings.Contains(all.body, "/ontology") || strings.Contains(all.body, "_:") {
		t.Error("shapes or blank nodes in the default graph:", all.body)
	}
	if cells := photoApp(t).want(200, c.ask("SELECT * { ?s ?p ?o } LIMIT 100")); strings.Contains(cells.body, "rdf-syntax-ns#first") {
		t.Error("list cells among the first hundred")
	}
}

func TestAQueryThatIsWrongIsShownItsPlace(t *testing.T) {
	c := start(t, t.TempDir())
	wrong := c.want(400, c.ask("SELECT * WHERE {\n  ?s ?p }\n"))
	p := c.json(wrong)
	violation := p["violations"].([]any)[0].(map[string]any)
	if violation["line"] != 2.0 || violation["column"] == nil || !strings.Contains(p["detail"].(string), "?s ?p }") || !strings.Contains(p["detail"].(string), "^") {
		t.Error("no line, column and caret:", wrong.body)
	}
	prefix := c.want(400, c.ask("SELECT * { ?s pc:name ?o }"))
	if !strings.Contains(prefix.body, "PREFIX pc: \\u003chttps://picloud.local/ontology#\\u003e") && !strings.Contains(prefix.body, "PREFIX pc: <https://picloud.local/ontology#>") {
		t.Error("no line to paste:", prefix.body)
	}
	page := c.want(400, c.do("GET", "/sparql?query=SELECT", "", "Accept: text/html,*/*;q=0.1"))
	if !strings.Contains(page.body, "<textarea") || !strings.Contains(page.body, ">SELECT</textarea>") {
		t.Error("a person loses the query:", page.body)
	}
}

func TestThePlatformsGraphsTakeNoUpdate(t *testing.T) {
	c := start(t, t.TempDir())
	const sentence = "change the resource instead (PUT, PATCH, POST /apply), and the graph follows"
	for _, got := range []answer{
		c.do("POST", "/sparql", "DELETE WHERE { ?s ?p ?o }", "Content-Type: application/sparql-update"),
		c.do("POST", "/sparql", "update=DELETE+WHERE+%7B%7D", "Content-Type: application/x-www-form-urlencoded"),
		c.do("GET", "/sparql?update=x", ""),
	} {
		if c.want(403, got); !strings.Contains(got.body, sentence) {
			t.Error("no word of what to do instead:", got.body)
		}
	}
}

func TestAnEndpointDescribesItself(t *testing.T) {
	c := photoApp(t)
	for _, path := range []string{"/sparql", "/products/photo-app/sparql"} {
		got := c.want(200, c.do("GET", path, "", "Accept: text/turtle"))
		for _, want := range []string{"sd:Service", "sd:SPARQL11Query", "/graph", "sd:defaultDataset"} {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: no %s in\n%s", path, want, got.body)
			}
		}
		c.want(200, c.do("GET", path, "", "Accept: text/html"))
	}
}

func TestAGraphIsReadWholeAndByItsParts(t *testing.T) {
	c := photoApp(t)
	for path, want := range map[string]string{
		"/graph": "picloud.local/nodes/pi-1", "/products/photo-app/graph": "containers/api-server", "/graph/iam": "/tokens/admin",
		"/products/photo-app/graph/inferred": "pc:Workload", "/products/photo-app/graph/events": "pc:ContainerDeclared", "/graph/events": "pc:position", "/graph/iam/events": "pc:position",
	} {
		got := c.want(200, c.do("GET", path, "", "Accept: text/turtle"))
		if !strings.Contains(got.body, want) {
			t.Errorf("%s: no %s in\n%.600s", path, want, got.body)
		}
	}
	for _, path := range []string{"/graph/none", "/products/none/graph", "/products/photo-app/graph/none"} {
		c.want(404, c.do("GET", path, ""))
	}
	none := c.want(200, c.do("GET", "/sparql?query=SELECT*%7B?s?p?o%7D&default-graph-uri=https://picloud.local/none", "", "Accept: text/csv"))
	if strings.Count(none.body, "\n") != 1 {
		t.Error("a graph that is not there has", none.body)
	}
}

func TestQueriesAreBounded(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Limits = sparql.Limits{MaxRows: 1000} })
	refused := c.want(429, c.ask("SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?a"))
	if !strings.Contains(refused.body, "ErrorExhausted") {
		t.Error(refused.body)
	}
}
