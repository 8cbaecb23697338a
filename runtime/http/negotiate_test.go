package http

import "testing"

func TestEachClientGetsTheFormatItMeans(t *testing.T) {
	for _, c := range []struct{ client, accept, want string }{
		{"curl", "*/*", "json"},
		{"nothing", "", "json"},
		{"browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"},
		{"rdflib", "application/rdf+xml, */*", "ttl"},
		{"rdflib full", "text/turtle;q=1, application/rdf+xml;q=0.9, */*;q=0.1", "ttl"},
		{"a picture", "image/png", ""},
		{"JSON-LD before JSON", "application/ld+json, application/json;q=0.5", "jsonld"},
		{"most specific range decides", "text/*;q=0.9, text/html;q=0.1, application/json;q=0.5", "ttl"},
		{"refused by q=0", "application/json;q=0, */*", "ttl"},
		{"malformed parts are passed over", "x, text/turtle, ;;;", "ttl"},
		{"quality above one is no quality", "text/turtle;q=7, application/json", "json"},
		{"equal RDF types", "application/n-triples, application/ld+json", "jsonld"},
	} {
		var header []string
		if c.accept != "" {
			header = []string{c.accept}
		}
		f, _ := chooseResource(header)
		if f.Name != c.want {
			t.Errorf("%s (Accept: %s): got %q, want %q", c.client, c.accept, f.Name, c.want)
		}
	}
}
