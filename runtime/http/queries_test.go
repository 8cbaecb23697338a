package http_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

const (
	endless = "SELECT (COUNT(*) AS ?n) { GRAPH ?x {?a ?b ?c} GRAPH ?y {?d ?e ?f} GRAPH ?z {?g ?h ?i} }"
	stream  = "SELECT * { GRAPH ?x {?a ?b ?c} GRAPH ?y {?d ?e ?f} GRAPH ?z {?g ?h ?i} }"
)

// outcome is how a request in the background ended.
type outcome struct {
	status int
	again  string // Retry-After
	body   string
	err    error
}

// background asks a query until ctx ends.
func (c *cluster) background(ctx context.Context, query, authorization string) <-chan outcome {
	c.t.Helper()
	return c.send(ctx, "POST", "/sparql", strings.NewReader(query), sparqlBody, authorization)
}

// send makes a request in the background; headers are "Name: value" lines.
func (c *cluster) send(ctx context.Context, method, path string, content io.Reader, headers ...string) <-chan outcome {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "https://picloud.local"+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	ended := make(chan outcome, 1)
	go func() {
		response, err := c.client.Do(r)
		if err != nil {
			ended <- outcome{err: err}
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		ended <- outcome{response.StatusCode, response.Header.Get("Retry-After"), string(body), err}
	}()
	return ended
}

// listed is what GET /-/queries shows to a caller.
func (c *cluster) listed(authorization string) (items []map[string]any) {
	c.t.Helper()
	for _, item := range c.json(c.want(200, c.do("GET", "/-/queries", "", authorization)))["items"].([]any) {
		items = append(items, item.(map[string]any))
	}
	return items
}

// until waits until a caller sees a number of queries in a state.
func (c *cluster) until(authorization string, state desk.State, n int) []map[string]any {
	c.t.Helper()
	for {
		var found []map[string]any
		for _, item := range c.listed(authorization) {
			if item["state"] == string(state) {
				found = append(found, item)
			}
		}
		if len(found) == n {
			return found
		}
		if c.t.Context().Err() != nil {
			c.t.Fatal("the test ended first")
		}
	}
}

func (c *cluster) admin() string { return "Authorization: Bearer " + c.node.AdminToken() }

func TestQueriesAreListedAndEndedByWhoMay(t *testing.T) {
	c := start(t, t.TempDir())
	anna, bert, admin := c.token("anna", "read"), c.token("bert", "read"), c.admin()
	ended := c.background(t.Context(), endless, anna)
	own := c.until(anna, desk.Running, 1)[0]
	for name, want := range map[string]any{"kind": "query", "caller": "https://picloud.local/tokens/anna", "endpoint": "https://picloud.local/sparql", "text": endless} {
		if own[name] != want {
			t.Errorf("%s is %v, want %v", name, own[name], want)
		}
	}
	if own["position"] != float64(c.position()) || own["begun"] == nil {
		t.Error("no position or beginning in", own)
	}
	path := "/-/queries/" + own["id"].(string)
	if list := c.listed(bert); len(list) != 0 {
		t.Error("bert sees", list)
	}
	c.want(404, c.do("DELETE", path, "", bert))
	c.want(404, c.do("DELETE", "/-/queries/none", "", admin))
	c.until(admin, desk.Running, 1)
	c.want(204, c.do("DELETE", path, "", admin))
	if got := <-ended; got.status != 429 || got.again != "" || !strings.Contains(got.body, "it was ended by /tokens/admin") {
		t.Errorf("the caller was told %+v", got)
	}
	c.until(admin, desk.Running, 0)
	ended = c.background(t.Context(), endless, anna)
	c.want(204, c.do("DELETE", "/-/queries/"+c.until(anna, desk.Running, 1)[0]["id"].(string), "", anna))
	if got := <-ended; got.status != 429 {
		t.Errorf("who ended her own query was told %+v", got)
	}
	if metrics := c.do("GET", "/metrics", "").body; !strings.Contains(metrics, `picloud_queries_left_total{kind="query",reason="ended"} 2`) {
		t.Error("the ends are not counted")
	}
}

// A stream that was ended breaks off, even where its client does not read and
// the query waits in a write.
func TestAnEndedStreamBreaksOff(t *testing.T) {
	for _, version := range []int{1, 2} {
		c := start(t, t.TempDir())
		c.client.Transport.(*http.Transport).ForceAttemptHTTP2 = version == 2
		r, _ := http.NewRequestWithContext(t.Context(), "POST", "https://picloud.local/sparql", strings.NewReader(stream))
		r.Header.Set("Authorization", "Bearer "+c.node.AdminToken())
		r.Header.Set("Content-Type", "application/sparql-query")
		response, err := c.client.Do(r)
		if err != nil || response.StatusCode != 200 || response.ProtoMajor != version {
			t.Fatal(response, err)
		}
		c.want(204, c.do("DELETE", "/-/queries/"+response.Header.Get("Picloud-Request"), ""))
		c.until(c.admin(), desk.Ending, 0) // before a byte of it is read
		if _, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("HTTP/%d: the client takes half an answer for a whole", version)
		}
		response.Body.Close()
	}
}

func TestAQueryEndsWhenItsClientLeaves(t *testing.T) {
	for _, version := range []int{1, 2} {
		c := start(t, t.TempDir())
		c.client.Transport.(*http.Transport).ForceAttemptHTTP2 = version == 2
		ctx, leave := context.WithCancel(t.Context())
		ended := c.background(ctx, endless, c.admin())
		c.until(c.admin(), desk.Running, 1)
		leave()
		if got := <-ended; got.err == nil {
			t.Errorf("HTTP/%d: %+v", version, got)
		}
		c.until(c.admin(), desk.Running, 0)
		for !strings.Contains(c.do("GET", "/metrics", "").body, `picloud_queries_left_total{kind="query",reason="left"} 1`) {
		}
	}
}

func TestOneCallerLeavesPlacesToOthers(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Queries = desk.Config{Running: 2, Waiting: 4} })
	greedy, other := c.token("greedy", "read"), c.token("other", "read")
	ctx, cancel := context.WithCancel(t.Context())
	var all []<-chan outcome
	for range 3 {
		all = append(all, c.background(ctx, endless, greedy))
	}
	c.until(greedy, desk.Running, 1)
	c.until(greedy, desk.Waiting, 2)
	refused := c.want(503, c.do("GET", "/sparql?query=ASK%7B%7D", "", greedy))
	if refused.Header.Get("Retry-After") == "" || !strings.Contains(refused.body, "of yours") {
		t.Error("the refusal does not say why and when:", refused.body)
	}
	c.want(200, c.do("GET", "/sparql?query=ASK%7B%7D", "", other))
	cancel()
	for _, ended := range all {
		<-ended
	}
	c.until(greedy, desk.Running, 0)
	c.want(200, c.do("GET", "/sparql?query=ASK%7B%7D", "", greedy))
}
