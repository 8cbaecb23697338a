package http_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/picloud/picloud/generated/schema"
	edge "github.com/picloud/picloud/runtime/http"
)

func TestStrangersSeeOnlyHowToTalkToTheCluster(t *testing.T) {
	c := photoApp(t)
	const stranger = "Authorization: "
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/openapi.json?version=3.1", "/ontology", "/ontology/shapes", "/ontology/meta", "/context.jsonld", "/schemas/container", "/schemas/events/ContainerDeclared/v1"} {
		c.want(200, c.do("GET", path, "", stranger))
	}
	paths := []string{"/", "/apply", "/sparql", "/sparql?query=ASK{}", "/graph", "/graph/iam", "/events", "/events/1", "/metrics", "/-/verify", "/-/cluster", "/-/cluster/verify", "/-/cluster/transfer", "/nowhere",
		"/products/photo-app", "/products/photo-app/sparql", "/products/photo-app/graph", "/products/none"}
	for _, class := range schema.Model.Classes {
		if class.Kind && !class.Singleton {
			paths = append(paths, "/"+class.Segment, "/"+class.Segment+"/x", "/products/photo-app/"+class.Segment)
		}
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"} {
			if path == "/" && method == "OPTIONS" {
				continue
			}
			got := c.do(method, path, "", stranger)
			if got.StatusCode != 401 || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer") || strings.Contains(got.body, "photo") {
				t.Errorf("%s %s: %d %q", method, path, got.StatusCode, got.body)
			}
		}
	}
	for _, credentials := range []string{"Bearer x", "Bearer", "Basic eDp5", "Bearer " + c.node.AdminToken() + "x", c.node.AdminToken(), "bearer\t" + c.node.AdminToken()} {
		c.want(401, c.do("GET", "/", "", "Authorization: "+credentials))
	}
	c.want(401, c.do("GET", "/?access_token="+c.node.AdminToken(), "", stranger))
	c.want(200, c.do("GET", "/", "", "Authorization: bearer "+c.node.AdminToken()))
}

// CONNECT (RFC 9110, section 9.3.6) has no path.
func TestARequestWithoutAPathIsRefused(t *testing.T) {
	c := photoApp(t)
	for _, origin := range []string{"", "https://app.example"} {
		c.want(405, c.do("CONNECT", "", "", "Origin: "+origin))
		c.want(401, c.do("CONNECT", "", "", "Origin: "+origin, "Authorization: "))
	}
}

// A browser can show a token only as a password, and only to read with it.
func TestABrowserReadsWithTheTokenAsPassword(t *testing.T) {
	c := photoApp(t)
	const browser = "Accept: text/html,*/*;q=0.8"
	asked := c.want(401, c.do("GET", "/", "", "Authorization: ", browser))
	if all := strings.Join(asked.Header.Values("WWW-Authenticate"), ", "); !strings.Contains(all, "Basic realm=") {
		t.Error("a browser is not asked for the token:", all)
	}
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+c.node.AdminToken()))
	c.want(200, c.do("GET", "/products/photo-app", "", basic, browser))
	for _, method := range []string{"PUT", "POST", "PATCH", "DELETE"} {
		c.want(401, c.do(method, "/products/photo-app", "{}", basic))
	}
	c.want(401, c.do("POST", "/nodes/pi-1/drain", "", basic))
}

func TestAReaderChangesNothingAndSeesNoCredentials(t *testing.T) {
	c, paths := everyKind(t)
	token := c.token("reader", "read")
	position := c.position()
	for _, path := range paths {
		if path != "/" { // the cluster is never deleted
			c.want(403, c.do("DELETE", path, "", token))
		}
		c.want(403, c.do("PUT", path, `{"nonsense":`, token)) // not even read
		c.want(403, c.do("PATCH", path, `{"description":"mine"}`, token, mergePatch))
	}
	c.want(403, c.do("POST", "/apply?deployment=x", resources(shopProduct), token))
	c.want(403, c.do("POST", "/nodes/pi-1/drain", "", token))
	c.want(403, c.do("GET", "/-/verify", "", token))
	c.want(403, c.do("GET", "/graph/iam", "", token))
	c.want(403, c.do("GET", "/tokens", "", token))
	c.want(403, c.do("GET", "/tokens/admin", "", token))
	if c.position() != position {
		t.Fatal("a reader moved the log")
	}

	hidden := map[string]bool{} // events that only administrators see
	for _, e := range c.events("after=0") {
		if c.do("GET", strings.TrimPrefix(e["subject"].(string), "https://picloud.local"), "", token).StatusCode == 403 {
			hidden[e["id"].(string)] = true
			c.want(404, c.do("GET", "/events/"+e["id"].(string), "", token))
		}
	}
	if len(hidden) < 3 {
		t.Fatal("there is nothing to hide:", hidden)
	}
	seen := c.events("after=0", token)
	for _, e := range seen {
		if hidden[e["id"].(string)] {
			t.Errorf("the stream shows %v", e)
		}
	}
	if len(seen)+len(hidden) != int(position) {
		t.Errorf("%d seen, %d hidden, %d in all", len(seen), len(hidden), position)
	}
	for _, query := range []string{
		`SELECT * { ?s ?p ?o FILTER(CONTAINS(STR(?s), "/tokens/") || CONTAINS(STR(?s), "/identities/")) }`,
		`SELECT * { GRAPH ?g { ?s ?p ?o } FILTER(CONTAINS(STR(?g), "/iam")) }`,
		`SELECT * { GRAPH <https://picloud.local/graph/iam> { ?s ?p ?o } }`,
		`SELECT * FROM <https://picloud.local/graph/iam> { ?s ?p ?o }`,
		`SELECT * FROM NAMED <https://picloud.local/graph/iam/events> { GRAPH ?g { ?s ?p ?o } }`,
	} {
		got := c.want(200, c.do("POST", "/sparql", query, sparqlBody, token, "Accept: text/csv"))
		if strings.Count(got.body, "\n") != 1 {
			t.Errorf("%s finds %s", query, got.body)
		}
		if all := c.want(200, c.do("POST", "/sparql", query, sparqlBody, "Accept: text/csv")); strings.Count(all.body, "\n") == 1 {
			t.Errorf("%s finds nothing for an administrator either", query)
		}
	}
	describe := c.want(200, c.do("GET", "/sparql?query=DESCRIBE%20%3C/tokens/reader%3E", "", token, "Accept: application/n-triples"))
	if describe.body != "" {
		t.Error("DESCRIBE shows", describe.body)
	}
	for _, path := range []string{"/", "/nodes/pi-1", "/sparql"} {
		if page := c.do("GET", path, "", token, "Accept: text/html"); strings.Contains(page.body, "/tokens/reader") || strings.Contains(page.body, "tokens</a>") {
			t.Errorf("the page %s names tokens", path)
		}
		if service := c.do("GET", path, "", token, "Accept: text/turtle"); strings.Contains(service.body, "graph/iam") {
			t.Errorf("%s names a graph that is not to be seen", path)
		}
	}
}

// syncBuffer is a log that many goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

// A secret value is nowhere to be found once it was sent.
func TestASecretIsNeverSeenAgain(t *testing.T) {
	const value, entry = "hunter2-correct-horse", "battery-staple-4711"
	var logged syncBuffer
	dir := t.TempDir()
	c := start(t, dir, func(cfg *edge.Config) {
		cfg.Logger = slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	var served strings.Builder
	ask := func(method, path, body string, headers ...string) answer {
		a := c.do(method, path, body, headers...)
		served.WriteString(a.body)
		_ = a.Header.Write(&served)
		return a
	}
	ask("PUT", "/products/shop", `{"version":"1.0.0"}`)
	c.want(201, ask("PUT", "/products/shop/secrets/db", `{"value":"`+value+`"}`))
	c.want(201, ask("PUT", "/secrets/keys", `{"data":{"a":"`+entry+`"}}`))
	position := c.position()
	c.want(200, ask("PUT", "/products/shop/secrets/db", `{"value":"`+value+`"}`))
	c.want(200, ask("PUT", "/products/shop/secrets/db", `{}`))
	if c.position() != position {
		t.Error("an equal secret, or none, wrote an event")
	}
	ask("POST", "/apply?dry-run=true", resources(shopProduct, `{"kind":"secret","iri":"/products/shop/secrets/db","value":"`+value+`2"}`))
	ask("POST", "/apply", resources(shopProduct, `{"kind":"secret","iri":"/products/shop/secrets/db","value":"`+value+`2"}`))
	ask("PATCH", "/products/shop/secrets/db", `{"value":"`+value+`3"}`, mergePatch)
	// mistakes around it
	ask("PUT", "/products/shop/secrets/db", `{"value":"`+value+`","x":1}`)
	ask("PUT", "/products/shop/secrets/db", `{"value":"`+value+`"`)
	ask("PUT", "/products/shop/secrets/db", `{"value":["`+value+`"]}`)
	ask("PUT", "/products/shop/secrets/db", `{"vlaue":"`+value+`"}`)
	ask("PUT", "/products/shop/secrets/db", `{"value":"`+strings.Repeat(value, 100000)+`"}`)
	ask("PUT", "/products/shop/secrets/db", `<> a pc:Secret ; pc:secretValue "`+value+`" `, turtle)
	ask("PUT", "/products/shop/secrets/db", `@prefix pc: <https://picloud.local/ontology#> . <> a pc:Secret ; pc:secretValue "`+value+`", "`+value+`x" .`, turtle)
	ask("PUT", "/products/shop/secrets/db", `{"value":"`+value+`4"}`, `If-Match: "1"`)
	ask("PUT", "/products/shop/secrets/db", `{"value":"`+value+`5"}`, "Idempotency-Key: k")
	ask("PUT", "/products/shop/secrets/db", `{"value":"`+value+`6"}`, "Idempotency-Key: k")
	for _, format := range fiveFormats {
		for _, path := range []string{"/", "/products/shop", "/products/shop/secrets", "/products/shop/secrets/db", "/secrets/keys", "/secrets"} {
			ask("GET", path, "", "Accept: "+format)
		}
		for n := range c.position() {
			ask("GET", string((n + 1).Ref()), "", "Accept: "+format)
		}
	}
	ask("GET", "/events?after=0&follow=false", "")
	ask("GET", "/metrics", "")
	for _, query := range []string{`SELECT * { ?s ?p ?o }`, `SELECT * { GRAPH ?g { ?s ?p ?o } }`, `DESCRIBE </products/shop/secrets/db>`} {
		ask("POST", "/sparql", query, sparqlBody)
	}
	read := c.json(c.do("GET", "/products/shop/secrets/db", ""))
	if read["value"] != nil {
		t.Error("a secret is read:", read)
	}
	c.stop()
	for where, text := range map[string]string{"an answer": served.String(), "the log of the node": logged.b.String()} {
		for _, clear := range []string{value, entry} {
			if i := strings.Index(text, clear); i >= 0 {
				t.Errorf("%s holds the secret: …%s…", where, text[max(0, i-300):min(len(text), i+80)])
			}
		}
	}
	if !strings.Contains(logged.b.String(), "/products/shop/secrets/db") {
		t.Error("the log does not speak of the requests; the test looks at nothing")
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, clear := range []string{value, entry} {
			if bytes.Contains(content, []byte(clear)) {
				t.Errorf("%s holds the secret", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What asks with a cookie or from another page gets no more than a stranger.
func TestNothingButTheTokenCounts(t *testing.T) {
	c := start(t, t.TempDir())
	r, _ := http.NewRequestWithContext(context.Background(), "GET", "https://picloud.local/", nil)
	r.AddCookie(&http.Cookie{Name: "token", Value: c.node.AdminToken()})
	response, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 401 || response.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error(response.StatusCode, response.Header)
	}
}

func TestAPasswordThatWritesIsToldThatItOnlyReads(t *testing.T) {
	c := photoApp(t)
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+c.node.AdminToken()))
	if got := c.want(401, c.do("DELETE", "/products/photo-app", "", basic)); !strings.Contains(got.body, "opens reading only") {
		t.Error(got.body)
	}
}
