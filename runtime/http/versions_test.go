package http_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	edge "github.com/picloud/picloud/runtime/http"
)

func TestAReadIsNotRepeatedWhileNothingChanged(t *testing.T) {
	c := start(t, t.TempDir())
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	for _, path := range []string{"/products/shop", "/products", "/events/1"} {
		got := c.want(200, c.do("GET", path, ""))
		tag := got.Header.Get("ETag")
		if !strings.HasSuffix(tag, `.json"`) {
			t.Errorf("%s: ETag is %s", path, tag)
		}
		same := c.want(304, c.do("GET", path, "", "If-None-Match: "+tag))
		if same.Header.Get("ETag") != tag || same.body != "" || !strings.Contains(same.Header.Get("Vary"), "Accept") {
			t.Errorf("%s: 304 with ETag %s, Vary %s", path, same.Header.Get("ETag"), same.Header.Get("Vary"))
		}
		c.want(304, c.do("GET", path, "", `If-None-Match: "x", W/`+tag))
		c.want(200, c.do("GET", path, "", "Accept: text/turtle", "If-None-Match: "+tag))
	}
	tag := c.do("GET", "/products", "").Header.Get("ETag")
	c.want(200, c.do("PUT", "/products/shop", `{"version":"1.0.1"}`))
	c.want(200, c.do("GET", "/products", "", "If-None-Match: "+tag))
}

func TestAWriteIsMadeOnTheRevisionThatWasRead(t *testing.T) {
	c := start(t, t.TempDir())
	first := c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`)).Header.Get("ETag")
	revision := int(c.json(c.do("GET", "/products/shop", ""))["status"].(map[string]any)["revision"].(float64))
	c.want(200, c.do("PUT", "/products/shop", `{"version":"1.0.1"}`, "If-Match: "+first))
	for _, condition := range []string{first, fmt.Sprintf("%q", fmt.Sprint(revision)), `"1"`} {
		stale := c.want(412, c.do("PUT", "/products/shop", `{"version":"1.0.2"}`, "If-Match: "+condition))
		p := c.json(stale)
		now := int(c.json(c.do("GET", "/products/shop", ""))["status"].(map[string]any)["revision"].(float64))
		if p["revision"] != float64(now) || p["event"] != fmt.Sprintf("https://picloud.local/events/%d", now) || p["actor"] != "https://picloud.local/tokens/admin" {
			t.Errorf("412 does not say what came between: %s", stale.body)
		}
		c.want(200, c.do("PUT", "/products/shop", `{"version":"1.0.1"}`, fmt.Sprintf(`If-Match: "%d"`, now)))
	}
	c.want(412, c.do("DELETE", "/products/shop", "", "If-Match: "+first))
	c.want(412, c.do("PATCH", "/products/shop", `{"version":"1.0.3"}`, mergePatch, "If-Match: "+first))
	c.want(412, c.do("PUT", "/products/other", `{"version":"1.0.0"}`, "If-Match: *"))
	c.want(400, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`, `If-Match: "x"`))
	c.want(200, c.do("PUT", "/products/shop", `{"version":"1.0.4"}`, "If-Match: *"))
}

func TestIfNoneMatchCreatesOnly(t *testing.T) {
	c := start(t, t.TempDir())
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`, "If-None-Match: *"))
	c.want(412, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`, "If-None-Match: *"))
}

// A revision does not repeat, even over deletion and new creation.
func TestARevisionNeverComesBack(t *testing.T) {
	c := start(t, t.TempDir())
	first := c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`)).Header.Get("ETag")
	c.want(204, c.do("DELETE", "/products/shop", ""))
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(412, c.do("PUT", "/products/shop", `{"version":"2.0.0"}`, "If-Match: "+first))
}

func TestAReadWaitsForThePositionThatItNeeds(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Position = 50 * time.Millisecond })
	put := c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	position := put.Header.Get("Picloud-Position")
	if position != c.position().String() {
		t.Errorf("the write answered at %s, the log stands at %d", position, c.position())
	}
	got := c.want(200, c.do("GET", "/products/shop", "", "Picloud-Min-Position: "+position))
	if got.Header.Get("Picloud-Position") != position {
		t.Error("the read stands at", got.Header.Get("Picloud-Position"))
	}
	future := c.want(503, c.do("GET", "/products/shop", "", fmt.Sprintf("Picloud-Min-Position: %d", c.position()+1)))
	if future.Header.Get("Retry-After") == "" || !strings.Contains(future.body, "ErrorUnavailable") {
		t.Error("a position in the future:", future.body)
	}
	c.want(400, c.do("GET", "/products/shop", "", "Picloud-Min-Position: x"))

	done := make(chan answer, 1)
	go func() {
		done <- c.do("GET", "/products/next", "", fmt.Sprintf("Picloud-Min-Position: %d", c.position()+1))
	}()
	c.want(201, c.do("PUT", "/products/next", `{"version":"1.0.0"}`))
	if a := <-done; a.StatusCode != 200 && a.StatusCode != 503 { // 503 only where the machine is slower than the wait
		t.Errorf("waiting for the write: %d %s", a.StatusCode, a.body)
	}
}

func TestEveryAnswerSaysWhereTheLogStands(t *testing.T) {
	c := start(t, t.TempDir())
	for _, path := range []string{"/", "/products", "/products/none", "/events/1", "/graph", "/sparql", "/readyz", "/nowhere"} {
		if got := c.do("GET", path, ""); got.Header.Get("Picloud-Position") != c.position().String() {
			t.Errorf("%s: Picloud-Position is %q", path, got.Header.Get("Picloud-Position"))
		}
	}
}
