package http_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
)

const product = `{"version":"1.0.0","description":"%s"}`

// Every node takes every write, shows it at once, and answers as the leader does.
func TestAnyNodeTakesWrites(t *testing.T) {
	c := startTrio(t)
	leader, others := c.leader()
	for i, m := range append(others, leader) {
		path := fmt.Sprintf("/products/app-%d", i)
		made := c.want(201, c.do(m, "PUT", path, fmt.Sprintf(product, "one"), "Idempotency-Key: "+path))
		if made.Header.Get("Location") != "https://picloud.local"+path || made.Header.Get("ETag") == "" {
			t.Errorf("the answer lacks what the leader says: %v", made.Header)
		}
		again := c.want(201, c.do(m, "PUT", path, fmt.Sprintf(product, "one"), "Idempotency-Key: "+path))
		if again.Header.Get("Picloud-Replayed") != "true" {
			t.Error("the key did not come along")
		}
		read := c.want(200, c.do(m, "GET", path, "")) // on the same node, without waiting
		if read.Header.Get("ETag") != made.Header.Get("ETag") {
			t.Errorf("written %s, read %s", made.Header.Get("ETag"), read.Header.Get("ETag"))
		}
		c.want(200, c.do(m, "PATCH", path, `{"description":"two"}`, mergePatch, "If-Match: "+made.Header.Get("ETag")))
		c.want(412, c.do(m, "PATCH", path, `{"description":"three"}`, mergePatch, "If-Match: "+made.Header.Get("ETag")))
		c.want(422, c.do(m, "PUT", path, `{"description":7}`))
		c.want(401, c.do(m, "DELETE", path, "", "Authorization: Bearer nonsense"))
		c.want(204, c.do(m, "DELETE", path, ""))
		c.want(404, c.do(m, "GET", path, ""))
		ready := c.want(200, c.do(m, "GET", "/readyz", ""))
		if !strings.Contains(ready.body, `"writes":true`) {
			t.Errorf("ready: %s", ready.body)
		}
	}
}

// What comes back was made on one node and is read on another.
func TestLinearizableReadsSeeWhatWasAnswered(t *testing.T) {
	c := startTrio(t)
	leader, others := c.leader()
	c.want(201, c.do(leader, "PUT", "/products/app", fmt.Sprintf(product, "0")))
	for i := 1; i <= 20; i++ {
		writer, reader := c.nodes[i%3], c.nodes[(i+1)%3]
		c.want(200, c.do(writer, "PUT", "/products/app", fmt.Sprintf(product, fmt.Sprint(i))))
		if read := c.want(200, c.do(reader, "GET", "/products/app", "", "Picloud-Consistency: linearizable")); !strings.Contains(read.body, fmt.Sprintf(`"description":"%d"`, i)) {
			t.Fatalf("after %d was answered, another node says\n%s", i, read.body)
		}
	}
	ask := `SELECT ?d { GRAPH ?g { <https://picloud.local/products/app> <https://picloud.local/ontology#description> ?d } }`
	found := c.want(200, c.do(others[0], "POST", "/sparql", ask, sparqlBody, "Picloud-Consistency: linearizable"))
	if !strings.Contains(found.body, `"value":"20"`) {
		t.Error(found.body)
	}
	c.want(400, c.do(others[0], "GET", "/products/app", "", "Picloud-Consistency: perhaps"))
}

// Queries stay where they are asked; updates go to the leader, in each form.
func TestStoresTakeUpdatesAnywhere(t *testing.T) {
	c := startTrio(t)
	_, others := c.leader()
	m := others[0]
	c.want(201, c.do(m, "PUT", "/products/app", fmt.Sprintf(product, "x")))
	c.want(201, c.do(m, "PUT", "/products/app/rdf-stores/d", `{}`))
	store := "/products/app/rdf-stores/d"
	update := func(n int) string { return fmt.Sprintf("INSERT DATA { <urn:s> <urn:p> %d }", n) }
	count := func(n int) {
		t.Helper()
		ask := "query=SELECT%20(COUNT(*)%20AS%20%3Fn)%20%7B%3Fs%20%3Fp%20%3Fo%7D"
		for _, a := range []answer{
			c.do(m, "GET", store+"/sparql?"+ask, ""),
			c.do(m, "POST", store+"/sparql", ask, "Content-Type: application/x-www-form-urlencoded"),
		} {
			if c.want(200, a); !strings.Contains(strings.Join(strings.Fields(a.body), ""), fmt.Sprintf(`"value":"%d"`, n)) {
				t.Errorf("%d triples expected:\n%s", n, a.body)
			}
		}
	}
	c.want(204, c.do(m, "POST", store+"/sparql", update(1), "Content-Type: application/sparql-update"))
	count(1)
	c.want(204, c.do(m, "POST", store+"/sparql", "update="+strings.ReplaceAll(update(2), " ", "+"), "Content-Type: application/x-www-form-urlencoded"))
	count(2)
	var big strings.Builder
	for i := range 40_000 { // over what is kept to be sent again
		fmt.Fprintf(&big, "<urn:s> <urn:p> <urn:o-%d> .\n", i)
	}
	c.want(204, c.do(m, "PUT", store+"/graph?default", big.String(), "Content-Type: application/n-triples"))
	count(40_000)
}

// A leader that goes takes no answered write with it, and the others go on.
func TestWritesGoOnWithAnotherLeader(t *testing.T) {
	c := startTrio(t)
	leader, others := c.leader()
	c.want(201, c.do(others[0], "PUT", "/products/app", fmt.Sprintf(product, "before")))
	leader.end(t)
	began := time.Now()
	for _, m := range others { // with a key each try is safe, and made by the node itself
		a := c.do(m, "PUT", "/products/app", fmt.Sprintf(product, "after "+m.address), "Idempotency-Key: "+m.address)
		c.want(200, a)
	}
	t.Log("written again after", time.Since(began))
	for _, m := range others {
		if read := c.want(200, c.do(m, "GET", "/products/app", "", "Picloud-Consistency: linearizable")); !strings.Contains(read.body, "after "+others[1].address) {
			t.Error(read.body)
		}
	}
}

// Without a majority writes are refused in time, and reads go on.
func TestMinorityRefusesWritesAndReads(t *testing.T) {
	c := startTrio(t)
	_, others := c.leader()
	last := others[0]
	c.want(201, c.do(last, "PUT", "/products/app", fmt.Sprintf(product, "x")))
	for _, m := range c.nodes {
		if m != last {
			m.end(t)
		}
	}
	c.until("the last one knows", func() bool {
		return strings.Contains(c.do(last, "GET", "/readyz", "").body, `"writes":false`)
	})
	refused := c.want(503, c.do(last, "PUT", "/products/app", fmt.Sprintf(product, "y")))
	unread := c.want(503, c.do(last, "GET", "/products/app", "", "Picloud-Consistency: linearizable"))
	for i, m := range c.nodes { // who is missing is said, and who is there is not missing
		name := fmt.Sprintf("pi-%d", i+1)
		for what, a := range map[string]answer{"write": refused, "read": unread} {
			_, silent, _ := strings.Cut(a.body, "not heard: ")
			if a.Header.Get("Retry-After") == "" || !strings.Contains(a.body, "2 of 3") || strings.Contains(silent, name) != (m != last) {
				t.Errorf("a %s is refused with\n%s", what, a.body)
			}
		}
	}
	if !strings.Contains(refused.body, "nothing was changed") || strings.Contains(unread.body, "applied") {
		t.Errorf("a write is refused with\n%s\na read with\n%s", refused.body, unread.body)
	}
	c.want(200, c.do(last, "GET", "/products/app", ""))
}

// A stream that is cut on one node goes on at another: nothing is missing,
// nothing comes twice.
func TestStreamsContinueOnAnotherNode(t *testing.T) {
	c := startTrio(t)
	_, others := c.leader()
	const events = 60
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() {
		for i := range events {
			c.do(c.nodes[i%3], "PUT", fmt.Sprintf("/products/app-%d", i), fmt.Sprintf(product, "x"))
		}
	})
	seen, last := map[string]bool{}, "0"
	for turn := 0; len(seen) < events; turn++ {
		ids := c.follow(others[turn%2], "/events?type=ProductDeclared", last, min(7, events-len(seen)))
		for _, id := range ids {
			if seen[id] {
				t.Fatalf("event %s came twice", id)
			}
			if position(t, id) <= position(t, last) {
				t.Fatalf("event %s came after %s", id, last)
			}
			seen[id], last = true, id
		}
	}
	writing.Wait()
	if rest := c.want(200, c.do(others[0], "GET", "/events?type=ProductDeclared&after=0&follow=false", "")); strings.Count(rest.body, "\n") != events {
		t.Errorf("%d events in the log, %d were seen", strings.Count(rest.body, "\n"), len(seen))
	}
}

// A live query that goes on at a node that lags behind never goes back.
func TestLiveQueryContinuesOnAnotherNode(t *testing.T) {
	c := startTrio(t)
	_, others := c.leader()
	path := "/sparql?query=SELECT%20%3Fs%20%7B%3Fs%20a%20%3Chttps%3A%2F%2Fpicloud.local%2Fontology%23Product%3E%7D&format=sse"
	c.want(201, c.do(others[0], "PUT", "/products/app-0", fmt.Sprintf(product, "x")))
	last := "0"
	for i := range 10 {
		id := c.follow(others[i%2], path, last, 1)[0]
		if position(t, id) < position(t, last) {
			t.Fatalf("after %s the other node began with %s", last, id)
		}
		last = id
		c.want(201, c.do(others[i%2], "PUT", fmt.Sprintf("/products/app-%d", i+1), fmt.Sprintf(product, "x")))
	}
}

// follow reads so many events of a stream, and gives their IDs.
func (c *trio) follow(m *member, path, after string, events int) (ids []string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	response, err := m.client.Do(c.request(ctx, http.MethodGet, path, nil, "Accept: text/event-stream", "Last-Event-ID: "+after))
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(response.Body)
		c.t.Fatalf("%d: %s", response.StatusCode, body)
	}
	lines := bufio.NewScanner(response.Body)
	for id := ""; lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = text
		}
		if lines.Text() == "" && id != "" { // the event is whole
			if ids, id = append(ids, id), ""; len(ids) == events {
				return ids
			}
		}
	}
	for _, m := range c.nodes {
		c.t.Logf("%s stands at %s, its log at %d", m.address, m.Views().View().Position, m.Events().Head().Position)
	}
	c.t.Fatalf("after %s and %d events of %s: %v", after, len(ids), m.address, lines.Err())
	return nil
}

func position(t *testing.T, id string) base.Position {
	t.Helper()
	text, _, _ := strings.Cut(id, ".")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return base.Position(n)
}

// A machine that asks to be let in sends before it takes a place.
func TestSlowStrangersKeepNoMachineOut(t *testing.T) {
	c := startTrio(t)
	_, others := c.leader()
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(c.nodes[0].CA())
	for range 64 {
		conn, err := tls.Dial("tcp", others[0].address, &tls.Config{RootCAs: authority, ServerName: "picloud.local", NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "POST /-/enroll HTTP/1.1\r\nHost: picloud.local\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") { // its body is waited for
			t.Fatalf("%q %v", line, err)
		}
	}
	c.want(422, c.do(others[0], "POST", "/-/enroll", "{}", "Authorization: "))
	c.want(413, c.do(others[0], "POST", "/-/enroll", strings.Repeat(" ", 17<<10), "Authorization: "))
}
