package http_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pagesShown are addresses whose pages people look at.
func pagesShown() map[string]string {
	return map[string]string{
		"cluster": "/", "product": "/products/photo-app", "container": api, "volume": "/products/photo-app/volumes/media-store", "node": "/nodes/pi-1",
		"collection": "/products/photo-app/volumes", "products": "/products", "event": "/events/7", "ask": "/sparql", "problem": "/products/none", "ontology": "/ontology", "shapes": "/ontology/shapes",
		"answers": "/sparql?query=" + url.QueryEscape("PREFIX pc: <https://picloud.local/ontology#>\nSELECT * {\n  ?resource pc:kind ?kind ; pc:name ?name ; pc:createdAt ?when .\n  OPTIONAL { ?resource pc:phase ?phase }\n} LIMIT 20"),
		"mistake": "/sparql?query=" + url.QueryEscape("SELECT * {\n  ?s pc:name ?o\n}"),
	}
}

// PICLOUD_PAGES names a folder that gets the pages, to look at them.
func TestEveryPageStandsAlone(t *testing.T) {
	c := photoApp(t)
	c.want(200, c.do("PATCH", api, `{"replicas":3}`, mergePatch))
	for name, path := range pagesShown() {
		got := c.do("GET", path, "", "Accept: text/html,*/*;q=0.5")
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || !strings.Contains(got.body, "</html>") {
			t.Errorf("%s: %d %s %.100s", path, got.StatusCode, got.Header.Get("Content-Type"), got.body)
		}
		for _, forbidden := range []string{" src=", "<script", "@import", "url(", `rel="stylesheet"`} {
			if strings.Contains(got.body, forbidden) {
				t.Errorf("%s fetches or runs something: %s", path, forbidden)
			}
		}
		if dir := os.Getenv("PICLOUD_PAGES"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(got.body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestEveryLinkOfAPageLeadsSomewhere(t *testing.T) {
	c := photoApp(t)
	ontology := c.do("GET", "/ontology?format=html", "").body + c.do("GET", "/ontology/meta?format=html", "").body
	seen := map[string]bool{}
	for name, path := range pagesShown() {
		if name == "ontology" || name == "shapes" || name == "problem" {
			continue
		}
		body := c.do("GET", path, "", "Accept: text/html").body
		for _, part := range strings.Split(body, `href="`)[1:] {
			href, _, _ := strings.Cut(part, `"`)
			href, fragment, _ := strings.Cut(strings.ReplaceAll(href, "&amp;", "&"), "#")
			if fragment != "" && strings.HasPrefix(href, "/ontology") && !strings.Contains(ontology, `id="`+fragment+`"`) {
				t.Errorf("%s: the ontology has no %s", path, fragment)
			}
			if seen[href] || href == "" {
				continue
			}
			seen[href] = true
			if got := c.do("GET", href, ""); got.StatusCode != 200 {
				t.Errorf("%s: %s leads to %d", path, href, got.StatusCode)
			}
		}
	}
	if len(seen) < 30 {
		t.Error("only", len(seen), "links")
	}
}

func TestAPageShowsValuesAsPeopleWriteThem(t *testing.T) {
	c := photoApp(t)
	page := c.do("GET", api, "", "Accept: text/html").body
	for _, want := range []string{
		"<ol><li>--port</li><li>8080</li></ol>", "256MiB", `id="env/DB_URL"`, `href="/products/photo-app/secrets/db-connection"`, ">secrets/db-connection<",
		`href="/ontology#RestartAlways"`, `title="Environment variables by name`, "no reconciler on this cluster", "container declared", `href="/tokens/admin"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in the page", want)
		}
	}
	if strings.Contains(page, "args/0") {
		t.Error("the page shows cells of a list")
	}
	if node := c.do("GET", "/nodes/pi-1", "", "Accept: text/html").body; strings.Contains(node, "KiB<") {
		t.Error("the capacity of a node is a row of digits")
	}
	for _, path := range []string{"/ontology", "/ontology/meta", "/ontology/shapes"} {
		seen := map[string]bool{}
		for _, part := range strings.Split(c.do("GET", path+"?format=html", "").body, ` id="`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			if seen[id] {
				t.Errorf("%s has two places for %s", path, id)
			}
			seen[id] = true
		}
	}
	if product := c.do("GET", "/products/photo-app", "", "Accept: text/html").body; strings.Contains(product, "Name of the port") {
		t.Error("a tag is explained as a port")
	}
}

// Who looks at a store finds the way to ask it, and to something to ask.
func TestAPageLeadsToWhereItIsAsked(t *testing.T) {
	c := photoApp(t)
	const path = "/products/photo-app/rdf-stores/catalogue"
	c.want(201, c.do("PUT", path, `{}`))
	links := map[string][]string{
		"/":                   {`href="/sparql">Ask the graph of the cluster<`},
		"/products/photo-app": {`href="/products/photo-app/sparql">Ask the graph of this product<`},
		path:                  {`href="` + path + `/sparql">Ask it in SPARQL<`, `href="` + path + `/graph">`},
		path + "/sparql":      {"<h1>Ask " + strings.TrimPrefix(path, "/") + "</h1>", `href="` + path + `/sparql?query=SELECT`},
	}
	for page, wanted := range links {
		body := c.want(200, c.do("GET", page, "", "Accept: text/html")).body
		for _, want := range wanted {
			if !strings.Contains(body, want) {
				t.Errorf("no %s in the page %s", want, page)
			}
		}
		for _, part := range strings.Split(body, `href="`)[1:] {
			href, _, _ := strings.Cut(part, `"`)
			if strings.Contains(href, "sparql") || strings.HasSuffix(href, "/graph") {
				c.want(200, c.do("GET", strings.ReplaceAll(href, "&amp;", "&"), "", "Accept: text/html,*/*;q=0.5"))
			}
		}
	}
}
