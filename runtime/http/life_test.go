package http_test

import (
	"strings"
	"testing"
)

func TestAResourceLivesItsLife(t *testing.T) {
	c := start(t, t.TempDir())
	const media = "/products/shop/volumes/media"
	created := c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	if created.Header.Get("Location") != "https://picloud.local/products/shop" {
		t.Error("Location is", created.Header.Get("Location"))
	}
	c.want(201, c.do("PUT", media, `{"size":1073741824,"tags":{"team":"backend"}}`))
	got := c.json(c.want(200, c.do("GET", media, "")))
	if got["size"] != 1073741824.0 || got["mode"] != "mounted" || got["iri"] != "https://picloud.local"+media {
		t.Errorf("read %v", got)
	}
	position := c.position()
	for _, format := range []string{"application/json", "text/turtle", "application/ld+json", "application/n-triples"} {
		got := c.want(200, c.do("GET", media, "", "Accept: "+format))
		c.want(200, c.do("PUT", media, got.body, "Content-Type: "+format))
		if c.position() != position {
			t.Errorf("putting back %s moved the log from %d to %d", format, position, c.position())
		}
	}
	c.want(409, c.do("PATCH", media, `{"mode":"raw"}`, mergePatch))
	changed := c.json(c.want(200, c.do("PATCH", media, `{"size":2147483648}`, mergePatch)))
	if changed["size"] != 2147483648.0 {
		t.Errorf("after the patch: %v", changed["size"])
	}
	refused := c.want(409, c.do("DELETE", "/products/shop", ""))
	if !strings.Contains(refused.body, "delete-data=true") || !strings.Contains(refused.body, media) {
		t.Error("a deletion that destroys data does not say how to mean it:", refused.body)
	}
	c.want(204, c.do("DELETE", "/products/shop?delete-data=true", ""))
	c.want(404, c.do("GET", media, ""))
	verified := c.json(c.want(200, c.do("GET", "/-/verify", "")))
	if verified["equal"] != true {
		t.Error("the graph is not what the log says:", verified)
	}
}

// What the log holds is all there is: a node that starts again answers alike.
func TestARestartedNodeAnswersAlike(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	c.want(200, c.do("POST", "/apply", example(t, "photo-app.ttl"), turtle))
	before := c.want(200, c.do("GET", "/products/photo-app/containers/api-server", ""))
	c.stop()
	c = start(t, dir)
	after := c.want(200, c.do("GET", "/products/photo-app/containers/api-server", ""))
	if before.body != after.body || before.Header.Get("ETag") != after.Header.Get("ETag") {
		t.Errorf("before %s\n%s\nafter %s\n%s", before.Header.Get("ETag"), before.body, after.Header.Get("ETag"), after.body)
	}
}
