package http_test

import (
	"strings"
	"testing"
)

func TestAResourceIsServedAsEachClientMeans(t *testing.T) {
	c := start(t, t.TempDir())
	for _, test := range []struct{ accept, want string }{
		{"Accept: ", "application/json"},
		{"Accept: */*", "application/json"},
		{"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"},
		{"Accept: application/rdf+xml, */*", "text/turtle"},
		{"Accept: text/turtle;q=0.4, application/ld+json;q=0.5", "application/ld+json"},
		{"Accept: application/n-triples", "application/n-triples"},
		{"Accept: application/json;q=0, */*;q=0.1", "text/turtle"},
	} {
		got := c.want(200, c.do("GET", "/", "", test.accept))
		if media := got.Header.Get("Content-Type"); !strings.HasPrefix(media, test.want) {
			t.Errorf("%s: got %s, want %s", test.accept, media, test.want)
		}
		if vary := got.Header.Get("Vary"); !strings.Contains(vary, "Accept") {
			t.Errorf("%s: Vary is %q", test.accept, vary)
		}
		if cache := got.Header.Get("Cache-Control"); cache != "private, no-cache" {
			t.Errorf("%s: Cache-Control is %q", test.accept, cache)
		}
	}
	refused := c.want(406, c.do("GET", "/", "", "Accept: image/png"))
	if !strings.Contains(refused.body, "text/turtle") || !strings.Contains(refused.Header.Get("Vary"), "Accept") {
		t.Errorf("406 does not say what there is, or may be cached for others: %s", refused.body)
	}
}

func TestTheFormatOfTheQueryGoesBeforeTheHeader(t *testing.T) {
	c := start(t, t.TempDir())
	for name, media := range map[string]string{"ttl": "text/turtle", "jsonld": "application/ld+json", "nt": "application/n-triples", "json": "application/json", "html": "text/html"} {
		got := c.want(200, c.do("GET", "/?format="+name, "", "Accept: image/png"))
		if !strings.HasPrefix(got.Header.Get("Content-Type"), media) {
			t.Errorf("?format=%s came as %s", name, got.Header.Get("Content-Type"))
		}
	}
	refused := c.want(406, c.do("GET", "/?format=yaml", ""))
	if !strings.Contains(refused.body, "json, ttl, jsonld, nt, html") {
		t.Error("an unknown format is not answered with those there are:", refused.body)
	}
}

func TestOnTheOntologyWildcardsMeanTurtle(t *testing.T) {
	c := start(t, t.TempDir())
	for _, path := range []string{"/ontology", "/ontology/shapes", "/ontology/meta"} {
		for _, test := range []struct{ accept, want string }{
			{"Accept: ", "text/turtle"}, {"Accept: */*", "text/turtle"}, {"Accept: text/html,*/*;q=0.8", "text/html"},
			{"Accept: application/n-triples", "application/n-triples"}, {"Accept: application/ld+json", "application/ld+json"},
		} {
			got := c.want(200, c.do("GET", path, "", "Authorization: ", test.accept))
			if !strings.HasPrefix(got.Header.Get("Content-Type"), test.want) {
				t.Errorf("%s %s: got %s", path, test.accept, got.Header.Get("Content-Type"))
			}
			if link := got.Header.Get("Link"); link != `<https://picloud.local`+path+`>; rel="canonical"` {
				t.Errorf("%s: Link is %s", path, link)
			}
			c.want(304, c.do("GET", path, "", test.accept, "If-None-Match: "+got.Header.Get("ETag")))
		}
	}
	part := c.want(206, c.do("GET", "/ontology", "", "Range: bytes=0-9"))
	if len(part.body) != 10 {
		t.Errorf("a range of ten bytes has %d", len(part.body))
	}
}

func TestEveryAddressHasOneSpelling(t *testing.T) {
	c := start(t, t.TempDir())
	for from, to := range map[string]string{
		"/products/":              "/products",
		"/products//":             "/products",
		"//products":              "/products",
		"//evil.example/":         "/evil.example",
		"/%70roducts":             "/products",
		"/products/?limit=1":      "/products?limit=1",
		"/products/sh%6fp?q=a%2f": "/products/shop?q=a%2f",
	} {
		got := c.want(308, c.do("GET", from, ""))
		if got.Header.Get("Location") != to {
			t.Errorf("%s leads to %s, want %s", from, got.Header.Get("Location"), to)
		}
	}
	c.want(200, c.do("GET", "/", ""))
}

func TestAddressesThatCanNameNothingAreRefused(t *testing.T) {
	c := start(t, t.TempDir())
	position := c.position()
	for _, path := range []string{"/products/a%2Fb", "/products/a%2Fvolumes%2Fb", "/products/%2e%2e", "/products/%2E%2E/x", "/products/a%00b", "/products/a%0Ab", "/products/%FF", "/products/a%5Cb", "/products/%C2%85"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			refused := c.want(422, c.do(method, path, "{}"))
			if !strings.Contains(refused.body, "ontology#name") || !strings.Contains(refused.body, "names no resource") {
				t.Errorf("%s %s is not refused by its rule: %s", method, path, refused.body)
			}
		}
	}
	for _, name := range []string{"A", "1a", "a_b", "a.b", "-a", "a-", strings.Repeat("a", 64), "%C3%A4", "a%20b", "a;b", "a%23b"} {
		refused := c.want(422, c.do("PUT", "/products/"+name, `{"version":"1.0.0"}`))
		if !strings.Contains(refused.body, "a lower-case name that DNS can carry") {
			t.Errorf("PUT of %q: %s", name, refused.body)
		}
	}
	if c.position() != position {
		t.Error("a refused name moved the log")
	}
	c.want(400, c.do("GET", "/products?q=%zz", ""))
}

func TestProblemsAreProblemDocumentsAndPagesForPeople(t *testing.T) {
	c := start(t, t.TempDir())
	for _, accept := range []string{"Accept: */*", "Accept: text/turtle", "Accept: application/json", "Accept: image/png"} {
		got := c.want(404, c.do("GET", "/products/none", "", accept))
		if got.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: a problem came as %s", accept, got.Header.Get("Content-Type"))
		}
		p := c.json(got)
		if p["type"] != "https://picloud.local/ontology#ErrorNotFound" || p["status"] != 404.0 || p["instance"] != "https://picloud.local/products/none" ||
			p["request"] != got.Header.Get("Picloud-Request") || p["title"] == "" || p["detail"] == "" {
			t.Errorf("problem: %s", got.body)
		}
	}
	page := c.want(404, c.do("GET", "/products/none", "", "Accept: text/html,*/*;q=0.8"))
	if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.body, "/ontology#ErrorNotFound") {
		t.Errorf("a browser got %s:\n%s", page.Header.Get("Content-Type"), page.body)
	}
	ontology := c.want(200, c.do("GET", "/ontology", ""))
	if !strings.Contains(ontology.body, "pc:ErrorNotFound") {
		t.Error("the type of a problem leads nowhere")
	}
}

func TestOptionsTellWhatCanBeAsked(t *testing.T) {
	c := start(t, t.TempDir())
	for _, test := range []struct{ path, allow, header, value string }{
		{"/products", "GET, HEAD, OPTIONS", "", ""},
		{"/products/shop", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS", "Accept-Patch", "application/merge-patch+json"},
		{"/nodes/pi-1/drain", "POST, OPTIONS", "Accept-Post", "application/json"},
		{"/apply", "POST, OPTIONS", "Accept-Post", "application/json, text/turtle, application/ld+json, application/n-triples"},
		{"/sparql", "GET, HEAD, POST, OPTIONS", "Accept-Post", "application/sparql-query, application/x-www-form-urlencoded"},
	} {
		got := c.want(204, c.do("OPTIONS", test.path, ""))
		if got.Header.Get("Allow") != test.allow {
			t.Errorf("%s: Allow is %q, want %q", test.path, got.Header.Get("Allow"), test.allow)
		}
		if test.header != "" && got.Header.Get(test.header) != test.value {
			t.Errorf("%s: %s is %q, want %q", test.path, test.header, got.Header.Get(test.header), test.value)
		}
	}
	refused := c.want(405, c.do("DELETE", "/products", ""))
	if refused.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Error("405 allows", refused.Header.Get("Allow"))
	}
}
