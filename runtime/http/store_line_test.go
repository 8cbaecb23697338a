package http_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

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

func TestEightGraphsAreTakenInAtTheSameTime(t *testing.T) {
	c := shop(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var bodies []*io.PipeWriter
	var sent []<-chan outcome
	for range 8 {
		body, end := io.Pipe()
		bodies = append(bodies, end)
		sent = append(sent, c.send(ctx, "POST", rdfStore+"/graph?default", body, "Content-Type: application/n-triples", c.admin()))
		if _, err := io.WriteString(end, "<http://e/s> <http://e/p> <http://e/o> .\n"); err != nil {
			t.Fatal(err)
		}
	}
	const ninth = rdfStore + "/graph?graph=http://e/ninth"
	for { // until the server has begun to read all eight
		got := c.do("PUT", ninth, "<http://e/a> <http://e/b> <http://e/c> .", "Content-Type: application/n-triples")
		if got.StatusCode == 503 {
			if got.Header.Get("Retry-After") == "" || !strings.Contains(got.body, "too many graphs") {
				t.Error("the ninth was told", got.body)
			}
			break
		}
		if c.t.Context().Err() != nil {
			t.Fatal("all were let in")
		}
	}
	c.want(200, c.do("GET", rdfStore+"/graph?default", "", "Accept: text/turtle"))
	c.want(204, c.update(`INSERT DATA { <http://e/x> <http://e/y> 1 }`)) // neither reading nor updates stand behind them
	for i, end := range bodies {
		end.Close()
		if got := <-sent[i]; got.status != 204 {
			t.Errorf("who was let in was told %+v", got)
		}
	}
	if got := c.do("PUT", ninth, "<http://e/a> <http://e/b> <http://e/c> .", "Content-Type: application/n-triples"); got.StatusCode/100 != 2 {
		t.Error("their places are not free:", got.body)
	}
}
