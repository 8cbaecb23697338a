package http_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

const api = "/products/photo-app/containers/api-server"

func TestAPatchMergesMapsByMember(t *testing.T) {
	c := photoApp(t)
	before := c.json(c.do("GET", api, ""))
	env := before["env"].(map[string]any)
	if env["DB_URL"] == nil || env["LOG_LEVEL"] == nil {
		t.Fatal("the example has other variables:", env)
	}
	after := c.json(c.want(200, c.do("PATCH", api, `{"env":{"LOG_LEVEL":{"value":"debug"},"NEW":{"value":"x"}},"replicas":3}`, mergePatch)))
	env = after["env"].(map[string]any)
	if env["DB_URL"] == nil || env["LOG_LEVEL"].(map[string]any)["value"] != "debug" || env["NEW"] == nil || after["replicas"] != 3.0 {
		t.Errorf("patched: %v", after)
	}
	after = c.json(c.want(200, c.do("PATCH", api, `{"env":{"NEW":null},"tags":null}`, mergePatch)))
	if after["env"].(map[string]any)["NEW"] != nil || after["tags"] != nil {
		t.Errorf("null does not remove: %v", after)
	}
	position := c.position()
	c.want(200, c.do("PATCH", api, `{"replicas":3}`, mergePatch))
	c.want(200, c.do("PATCH", api, `{}`, mergePatch))
	if c.position() != position {
		t.Error("a patch that changes nothing wrote an event")
	}
}

func TestAPatchIsRefusedWhereItAsksForWhatCannotBe(t *testing.T) {
	c := photoApp(t)
	position := c.position()
	for _, test := range []struct{ patch, pointer, id string }{
		{`{"image":null}`, "/image", "missing"},
		{`{"status":{"phase":"ready"}}`, "/status", "observed"},
		{`{"imag":"x"}`, "/imag", "unknown"},
		{`{"replicas":"3"}`, "/replicas", "type"},
		{`{"replicas":1000}`, "/replicas", "maximum"},
		{`{"name":"other"}`, "/name", ""},
		{`{"kind":"volume"}`, "/kind", ""},
		{`{"env":{"A":{"value":"x","secret":"db-connection"}}}`, "/env/A", "oneOf"},
	} {
		refused := c.want(422, c.do("PATCH", api, test.patch, mergePatch))
		if !strings.Contains(refused.body, fmt.Sprintf(`"pointer":%q`, test.pointer)) || test.id != "" && !strings.Contains(refused.body, fmt.Sprintf(`"id":%q`, test.id)) {
			t.Errorf("%s: %s", test.patch, refused.body)
		}
	}
	c.want(422, c.do("PATCH", api, `[]`, mergePatch))
	c.want(422, c.do("PATCH", api, `null`, mergePatch))
	c.want(404, c.do("PATCH", "/products/photo-app/containers/none", `{}`, mergePatch))
	unread := c.want(415, c.do("PATCH", api, `{}`))
	if unread.Header.Get("Accept-Patch") != "application/merge-patch+json" {
		t.Error("415 does not say which patches are read:", unread.Header)
	}
	if c.position() != position {
		t.Error("a refused patch moved the log")
	}
}

func TestPatchesAtOnceAllTakeEffect(t *testing.T) {
	c := photoApp(t)
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			got := c.do("PATCH", api, fmt.Sprintf(`{"env":{"V%d":{"value":"x"}}}`, i), mergePatch)
			if got.StatusCode != 200 {
				t.Errorf("patch %d: %d %s", i, got.StatusCode, got.body)
			}
		})
	}
	group.Wait()
	env := c.json(c.do("GET", api, ""))["env"].(map[string]any)
	for i := range 12 {
		if env[fmt.Sprintf("V%d", i)] == nil {
			t.Errorf("patch %d is lost", i)
		}
	}
}

func TestARepeatedRequestIsAnsweredAsBefore(t *testing.T) {
	c := start(t, t.TempDir())
	const key = "Idempotency-Key: 7f1d"
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`, key))
	position := c.position()
	again := c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`, key))
	if again.Header.Get("Picloud-Replayed") != "true" || c.position() != position {
		t.Errorf("repeated: replayed %q, log %d → %d", again.Header.Get("Picloud-Replayed"), position, c.position())
	}
	c.want(422, c.do("PUT", "/products/shop", `{"version":"2.0.0"}`, key))
	c.want(422, c.do("PUT", "/products/other", `{"version":"1.0.0"}`, key))
	if c.position() != position {
		t.Error("a key that was used for another request wrote something")
	}
	// another client's key is another key
	c.want(201, c.do("PUT", "/products/other", `{"version":"1.0.0"}`, key, c.token("other", "admin")))

	c.want(200, c.do("PATCH", "/products/shop", `{"version":"1.1.0"}`, mergePatch, "Idempotency-Key: patch"))
	c.want(200, c.do("PUT", "/products/shop", `{"version":"1.2.0"}`))
	replayed := c.want(200, c.do("PATCH", "/products/shop", `{"version":"1.1.0"}`, mergePatch, "Idempotency-Key: patch"))
	if replayed.Header.Get("Picloud-Replayed") != "true" || c.json(replayed)["version"] != "1.2.0" {
		t.Errorf("a repeated patch took effect again: %s", replayed.body)
	}
	c.want(204, c.do("DELETE", "/products/shop", "", "Idempotency-Key: delete"))
	c.want(204, c.do("DELETE", "/products/shop", "", "Idempotency-Key: delete"))
	c.want(400, c.do("DELETE", "/products/shop", "", "Idempotency-Key: "+strings.Repeat("x", 256)))
}

func TestOneKeyIsCarriedOutOnce(t *testing.T) {
	c := start(t, t.TempDir())
	body := resources(shopProduct, shopVolume)
	position := c.position()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := c.do("POST", "/apply", body, "Idempotency-Key: same"); got.StatusCode != 200 {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
		})
	}
	group.Wait()
	if c.position() != position+2 {
		t.Errorf("two resources took %d events", c.position()-position)
	}
	if again := c.want(200, c.do("POST", "/apply", body, "Idempotency-Key: same")); again.Header.Get("Picloud-Replayed") != "true" {
		t.Error("a repeated deployment is not told to be one")
	}
}

func TestAWriteAnswersAsLittleAsIsPreferred(t *testing.T) {
	c := start(t, t.TempDir())
	got := c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`, "Prefer: respond-async, return=minimal"))
	if got.body != "" || got.Header.Get("Preference-Applied") != "return=minimal" || got.Header.Get("ETag") == "" || got.Header.Get("Location") == "" {
		t.Errorf("minimal: %q %v", got.body, got.Header)
	}
	full := c.want(200, c.do("PUT", "/products/shop", `{"version":"1.0.1"}`, "Accept: text/turtle"))
	if !strings.HasPrefix(full.Header.Get("Content-Type"), "text/turtle") || !strings.Contains(full.body, `pc:version "1.0.1"`) {
		t.Error("a write is not answered in the asked format:", full.body)
	}
}

func TestAnOperationSaysWhereItsEventsAre(t *testing.T) {
	c := start(t, t.TempDir())
	started := c.want(202, c.do("POST", "/nodes/pi-1/drain", "", "Idempotency-Key: d"))
	location, ok := strings.CutPrefix(started.Header.Get("Location"), "https://picloud.local")
	if !ok || !strings.Contains(location, "correlation=") {
		t.Fatal("Location is", started.Header.Get("Location"))
	}
	if events := c.want(200, c.do("GET", location+"&follow=false", "")); strings.Count(events.body, "\n") != 1 || !strings.Contains(events.body, "nodes/pi-1") {
		t.Error("its events are", events.body)
	}
	position := c.position()
	c.want(202, c.do("POST", "/nodes/pi-1/drain", "", "Idempotency-Key: d"))
	c.want(200, c.do("POST", "/nodes/pi-1/drain", "", "Idempotency-Key: e")) // satisfied already
	if c.position() != position {
		t.Error("an operation that was satisfied wrote an event")
	}
	c.want(422, c.do("POST", "/nodes/pi-1/drain", `{"x":1}`))
	c.want(404, c.do("POST", "/nodes/none/drain", ""))
}
