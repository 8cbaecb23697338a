package http_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/live"
)

// message is one server-sent event of a live query.
type message struct {
	id, event string
	data      struct {
		Position base.Position
		Reset    bool
		Head     struct{ Vars []string }
		Results  struct{ Bindings []json.RawMessage }
		Boolean  *bool
		Quads    []string
		Removed  []json.RawMessage
		Added    []json.RawMessage
		Type     string
		Detail   string
	}
}

// watcher is a client with a live query.
type watcher struct {
	t     testing.TB
	body  io.Closer
	lines *bufio.Reader
	close context.CancelFunc
}

func (c *cluster) watch(path, query string, headers ...string) *watcher {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", "https://picloud.local"+path+"?query="+url.QueryEscape(query), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.node.AdminToken())
	r.Header.Set("Accept", "text/event-stream")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(response.Body)
		c.t.Fatalf("%s: %d %s", query, response.StatusCode, text)
	}
	w := &watcher{c.t, response.Body, bufio.NewReader(response.Body), cancel}
	c.t.Cleanup(func() { cancel(); response.Body.Close() })
	return w
}

// read gives the next event, io.EOF behind the last.
func (w *watcher) read() (m message, err error) {
	for {
		line, err := w.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case line == "\n" && m.event != "":
			return m, nil
		case name == "id":
			m.id = value
		case name == "event":
			m.event = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &m.data); err != nil {
				w.t.Fatal(err, value)
			}
		}
	}
}

func (w *watcher) next(event string) message {
	w.t.Helper()
	m, err := w.read()
	if err != nil || m.event != event {
		w.t.Fatalf("want %q, got %+v (%v)", event, m, err)
	}
	return m
}

const versions = `PREFIX pc: <https://picloud.local/ontology#> SELECT ?name ?version { ?p a pc:Product ; pc:name ?name ; pc:version ?version }`

func version(name, version string) string {
	return fmt.Sprintf(`{"name":{"type":"literal","value":%q},"version":{"type":"literal","value":%q}}`, name, version)
}

func texts(rows []json.RawMessage) (out []string) {
	for _, r := range rows {
		out = append(out, string(r))
	}
	slices.Sort(out)
	return out
}

func TestALiveQueryShowsRowsThenChanges(t *testing.T) {
	c := start(t, t.TempDir())
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	w := c.watch("/sparql", versions)
	m := w.next("rows")
	if m.data.Position != c.position() || !strings.HasPrefix(m.id, c.position().String()+".") || m.data.Reset ||
		!slices.Equal(m.data.Head.Vars, []string{"name", "version"}) || !slices.Equal(texts(m.data.Results.Bindings), []string{version("shop", "1.0.0")}) {
		t.Fatalf("%+v", m)
	}
	c.token("other", "read") // touches nothing of it
	c.want(200, c.do("PUT", "/products/shop", `{"version":"2.0.0"}`))
	m = w.next("change")
	if m.data.Position != c.position() || !slices.Equal(texts(m.data.Removed), []string{version("shop", "1.0.0")}) || !slices.Equal(texts(m.data.Added), []string{version("shop", "2.0.0")}) {
		t.Fatalf("%+v", m)
	}
	c.want(201, c.do("PUT", "/products/news", `{"version":"1.0.0"}`))
	if m = w.next("change"); len(m.data.Removed) != 0 || !slices.Equal(texts(m.data.Added), []string{version("news", "1.0.0")}) {
		t.Fatalf("%+v", m)
	}
}

func TestEveryFormOfAQueryCanBeLive(t *testing.T) {
	c := start(t, t.TempDir())
	ask := c.watch("/sparql", `ASK { ?p a <https://picloud.local/ontology#Product> }`)
	construct := c.watch("/sparql", `CONSTRUCT { ?p <urn:is> ?v } { ?p <https://picloud.local/ontology#version> ?v }`)
	describe := c.watch("/sparql", `DESCRIBE </products/shop>`)
	if m := ask.next("rows"); m.data.Boolean == nil || *m.data.Boolean {
		t.Errorf("%+v", m)
	}
	for _, w := range []*watcher{construct, describe} {
		if m := w.next("rows"); m.data.Quads == nil || len(m.data.Quads) != 0 {
			t.Errorf("%+v", m)
		}
	}
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	if m := ask.next("change"); m.data.Boolean == nil || !*m.data.Boolean {
		t.Errorf("%+v", m)
	}
	if m := construct.next("change"); !slices.Equal(texts(m.data.Added), []string{`"<https://picloud.local/products/shop> <urn:is> \"1.0.0\" ."`}) {
		t.Errorf("%+v", m)
	}
	if m := describe.next("change"); len(m.data.Added) < 3 || !strings.Contains(string(m.data.Added[0]), "<https://picloud.local/graph> .") {
		t.Errorf("%+v", m)
	}
}

func TestWhatCannotBeLiveIsSaidBeforeTheStream(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Live = live.Config{Rows: 5, PerCaller: 1} })
	for query, want := range map[string]struct {
		status int
		detail string
	}{
		`SELECT (NOW() AS ?t) { }`:                  {422, "NOW()"},
		`SELECT * { ?s ?p`:                          {400, "expected"},
		`SELECT * { ?s ?p ?o }`:                     {429, "5 rows"},
		`SELECT * { SERVICE <http://e/> { } }`:      {422, "SERVICE"},
		`CONSTRUCT { [] ?p ?o } WHERE { ?s ?p ?o }`: {422, "blank node"},
	} {
		got := c.want(want.status, c.do("GET", "/sparql?query="+url.QueryEscape(query), "", "Accept: text/event-stream"))
		if !strings.Contains(got.body, want.detail) {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	c.want(404, c.do("GET", "/products/none/sparql?query=ASK+%7B%7D", "", "Accept: text/event-stream"))
	c.watch("/sparql", `ASK { }`).next("rows")
	got := c.want(429, c.do("POST", "/sparql?format=sse", `ASK { }`, sparqlBody))
	if got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if got := c.want(200, c.do("HEAD", "/sparql?query=ASK+%7B%7D", "", "Accept: text/event-stream")); got.Header.Get("Content-Type") != "text/event-stream" {
		t.Error(got.Header)
	}
	// whoever takes anything gets an answer, once
	for _, accept := range []string{"*/*", "text/event-stream;q=0.5, application/sparql-results+json", ""} {
		if got := c.want(200, c.do("GET", "/sparql?query=ASK+%7B%7D", "", "Accept: "+accept)); got.Header.Get("Content-Type") == "text/event-stream" {
			t.Errorf("%q streams", accept)
		}
	}
}

// Over lost connections, under a writer, whoever resumes has the rows of each
// position that it is told.
func TestAResumedLiveQueryIsExact(t *testing.T) {
	c := start(t, t.TempDir())
	const writes = 60
	var writer sync.WaitGroup
	defer writer.Wait()
	at := map[base.Position]string{} // the version at each position
	var mu sync.Mutex
	writer.Go(func() {
		for i := range writes {
			v := fmt.Sprintf("1.0.%d", i)
			got := c.do("PUT", "/products/shop", fmt.Sprintf(`{"version":%q}`, v))
			var position base.Position
			_, _ = fmt.Sscan(got.Header.Get("Picloud-Position"), &position)
			mu.Lock()
			at[position] = v
			mu.Unlock()
		}
	})
	rows := map[string]bool{}
	var last message
	resets := 0
	seen := map[base.Position]string{}
	for round := 0; !rows[version("shop", fmt.Sprintf("1.0.%d", writes-1))]; round++ {
		headers := []string{}
		if last.id != "" {
			headers = append(headers, "Last-Event-ID: "+last.id)
		}
		w := c.watch("/sparql", versions, headers...)
		for range 1 + round%4 {
			m, err := w.read()
			if err != nil {
				t.Fatal(err)
			}
			if m.event == "rows" {
				if clear(rows); m.data.Reset {
					resets++
				}
			}
			for _, r := range m.data.Removed {
				if !rows[string(r)] {
					t.Fatalf("%s leaves and was not there", r)
				}
				delete(rows, string(r))
			}
			for _, r := range slices.Concat(m.data.Added, m.data.Results.Bindings) {
				rows[string(r)] = true
			}
			if len(rows) > 1 {
				t.Fatalf("at %d: %v", m.data.Position, rows)
			}
			for r := range rows {
				seen[m.data.Position] = r
			}
			last = m
			if rows[version("shop", fmt.Sprintf("1.0.%d", writes-1))] {
				break
			}
		}
		w.close()
	}
	writer.Wait()
	compared := 0
	for position, r := range seen {
		if v, known := at[position]; known {
			if compared++; r != version("shop", v) {
				t.Errorf("at %d it had %s, there was %s", position, r, v)
			}
		}
	}
	if compared == 0 || resets > 0 {
		t.Errorf("%d positions compared, %d resets", compared, resets)
	}
	if m := c.watch("/sparql", versions, "Last-Event-ID: 1.abc").next("rows"); !m.data.Reset {
		t.Error("an unknown id is continued")
	}
}

// A reader sees no rows of what only administrators read, and no sign of its
// changes; a product's endpoint shows that product alone.
func TestLiveQueriesTellNothingOfUnreadableGraphs(t *testing.T) {
	c := start(t, t.TempDir())
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	reader := c.token("watcher", "read")
	const all = `SELECT ?s { { ?s a <https://picloud.local/ontology#Token> } UNION { ?s a <https://picloud.local/ontology#Product> } UNION { GRAPH </graph/iam> { ?s a ?c } } }`
	w, admin := c.watch("/sparql", all, reader), c.watch("/sparql", all)
	product := c.watch("/products/shop/sparql", `SELECT ?s ?p ?o FROM </graph/iam> FROM </graph> { ?s ?p ?o }`)
	if m := w.next("rows"); len(m.data.Results.Bindings) != 1 {
		t.Errorf("a reader sees %s", m.data.Results.Bindings)
	}
	if m := admin.next("rows"); len(m.data.Results.Bindings) < 4 {
		t.Errorf("an administrator sees %s", m.data.Results.Bindings)
	}
	if m := product.next("rows"); len(m.data.Results.Bindings) != 0 {
		t.Errorf("the product's endpoint shows %s", m.data.Results.Bindings)
	}
	c.token("another", "read")
	admin.next("change")
	c.want(201, c.do("PUT", "/products/news", `{"version":"1.0.0"}`))
	if m := w.next("change"); len(m.data.Added) != 1 || !strings.Contains(string(m.data.Added[0]), "/products/news") || m.data.Position != c.position() {
		t.Errorf("a reader is told %+v", m)
	}
}

func TestARevokedTokenEndsItsLiveQueries(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Heartbeat = 20 * time.Millisecond })
	w := c.watch("/sparql", versions, c.token("watcher", "read"))
	w.next("rows")
	c.want(204, c.do("DELETE", "/tokens/watcher", ""))
	m, err := w.read()
	for ; err == nil && m.event != "end"; m, err = w.read() {
		t.Errorf("after it was revoked came %+v", m)
	}
	if err != nil || !strings.HasSuffix(m.data.Type, "ErrorUnauthenticated") {
		t.Errorf("it ended with %+v, %v", m, err)
	}
	if _, err := w.read(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end came %v", err)
	}
}

func TestAProductThatIsGoneEndsItsLiveQueries(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Heartbeat = 20 * time.Millisecond })
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	w := c.watch("/products/shop/sparql", `SELECT * { ?s ?p ?o }`)
	w.next("rows")
	c.want(204, c.do("DELETE", "/products/shop", ""))
	if m := w.next("end"); !strings.HasSuffix(m.data.Type, "ErrorNotFound") {
		t.Errorf("%+v", m)
	}
}

func TestAQuietLiveQueryShowsThatItLives(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Heartbeat = 10 * time.Millisecond })
	w := c.watch("/sparql", `ASK { }`)
	w.next("rows")
	if line, err := w.lines.ReadString('\n'); err != nil || line != ":\n" {
		t.Errorf("%q %v", line, err)
	}
	if got := c.do("GET", "/metrics", ""); !strings.Contains(got.body, "picloud_live_subscriptions 1\n") {
		t.Error("live queries are not counted")
	}
	c.stop() // ends them too
	for {
		if _, err := w.read(); err != nil {
			break
		}
	}
}
