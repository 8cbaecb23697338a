package http_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

func TestAnUpdateThatWaitsForItsStoreIsListedAndCanBeEnded(t *testing.T) {
	c := shop(t)
	var data strings.Builder
	for i := range 300 {
		fmt.Fprintf(&data, "<http://e/s%d> <http://e/p> 1 . ", i)
	}
	c.want(204, c.update("INSERT DATA { "+data.String()+"}"))
	const slow = `INSERT { ?a <http://e/q> ?n } WHERE { SELECT ?a (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l } GROUP BY ?a }`
	first := c.send(t.Context(), "POST", rdfStore+"/sparql", strings.NewReader(slow), updateBody, c.admin())
	holds := c.until(c.admin(), desk.Running, 1)[0]
	second := c.send(t.Context(), "POST", rdfStore+"/sparql", strings.NewReader(`INSERT DATA { <http://e/late> <http://e/p> 1 }`), updateBody, c.admin())
	waits := c.until(c.admin(), desk.Aside, 1)[0]
	if waits["kind"] != "update" || !strings.Contains(waits["text"].(string), "http://e/late") {
		t.Errorf("in line is %v", waits)
	}
	reader := c.token("anna", "read")
	if list := c.listed(reader); len(list) != 0 {
		t.Error("anna sees", list)
	}
	for _, one := range []struct {
		id    any
		ended <-chan outcome
	}{{waits["id"], second}, {holds["id"], first}} {
		path := "/-/queries/" + one.id.(string)
		c.want(404, c.do("DELETE", path, "", reader))
		c.want(204, c.do("DELETE", path, ""))
		if got := <-one.ended; got.status != 429 || !strings.Contains(got.body, "it was ended by") {
			t.Errorf("its caller was told %+v", got)
		}
	}
	if got := c.askStore(`SELECT ?p { <http://e/late> ?p ?o }`); got != "" {
		t.Error("what was ended in line was done:", got)
	}
	c.want(204, c.update(`INSERT DATA { <http://e/later> <http://e/p> 1 }`))
}

// endless sends bodies that do not end until it is told, one more than there are
// places for, and waits until that one is refused.
func (c *cluster) endless(ctx context.Context, places int, refusal, authorization string) (end func()) {
	c.t.Helper()
	answers := make(chan outcome)
	var bodies []*io.PipeWriter
	for range places + 1 {
		body, last := io.Pipe()
		bodies = append(bodies, last)
		sent := c.send(ctx, "POST", rdfStore+"/graph?default", body, "Content-Type: application/n-triples", authorization)
		go func() {
			select {
			case answers <- <-sent:
			case <-ctx.Done():
			}
		}()
	}
	select {
	case got := <-answers:
		if got.status != 503 || got.again == "" || !strings.Contains(got.body, refusal) {
			c.t.Errorf("one too many was told %+v", got)
		}
	case <-time.After(20 * time.Second):
		c.t.Fatal("all were let in")
	}
	return func() {
		c.t.Helper()
		for _, last := range bodies {
			last.Close()
		}
		for range places {
			if got := <-answers; got.status != 204 {
				c.t.Errorf("who was let in was told %+v", got)
			}
		}
	}
}

func TestEightGraphsAreTakenInAtTheSameTimeAndFourOfOneCaller(t *testing.T) {
	c := shop(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	put := func(authorization string) answer {
		return c.do("PUT", rdfStore+"/graph?graph=http://e/ninth", "<http://e/a> <http://e/b> <http://e/c> .", "Content-Type: application/n-triples", authorization)
	}
	second, third := c.token("second", "admin"), c.token("third", "admin")
	endFirst := c.endless(ctx, 4, "the most for one caller", c.admin())
	if got := put(second); got.StatusCode != 201 {
		t.Error("one caller keeps others out:", got.body)
	}
	endSecond := c.endless(ctx, 4, "", second)
	if got := c.want(503, put(third)); got.Header.Get("Retry-After") == "" || !strings.Contains(got.body, "too many graphs") {
		t.Error("the ninth was told", got.body)
	}
	c.want(200, c.do("GET", rdfStore+"/graph?default", "", "Accept: text/turtle"))
	c.want(204, c.update(`INSERT DATA { <http://e/x> <http://e/y> 1 }`)) // neither reading nor updates stand behind them
	endFirst()
	endSecond()
	for _, authorization := range []string{c.admin(), second, third} {
		c.want(204, put(authorization))
	}
}

func TestWhoStopsSendingAGraphKeepsNoPlace(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Pause = 100 * time.Millisecond })
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{}`))
	const reason = "nothing of it came for 100ms"
	body, last := io.Pipe()
	defer last.Close()
	if got := <-c.send(t.Context(), "POST", rdfStore+"/graph?default", body, "Content-Type: application/n-triples", c.admin()); got.status != 400 || !strings.Contains(got.body, reason) {
		t.Errorf("HTTP/2: %+v", got)
	}
	conn := c.raw()
	fmt.Fprintf(conn, "PUT %s/graph?default HTTP/1.1\r\nHost: picloud.local\r\n%s\r\nContent-Type: application/n-triples\r\nContent-Length: 20\r\n\r\n<", rdfStore, c.admin())
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400") || !strings.Contains(string(answer), reason) {
		t.Errorf("HTTP/1.1: %q %v", answer, err)
	}
}
