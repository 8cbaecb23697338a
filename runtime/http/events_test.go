package http_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	edge "github.com/picloud/picloud/runtime/http"
)

// stream opens an event stream; its lines arrive on the reader.
func (c *cluster) stream(ctx context.Context, query string, headers ...string) (*http.Response, *bufio.Reader) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", "https://picloud.local/events"+query, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.node.AdminToken())
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	if response.StatusCode != 200 {
		body, _ := io.ReadAll(response.Body)
		c.t.Fatalf("stream: %d %s", response.StatusCode, body)
	}
	return response, bufio.NewReader(response.Body)
}

// events reads the events of a stream that does not follow.
func (c *cluster) events(query string, headers ...string) (list []map[string]any) {
	c.t.Helper()
	got := c.want(200, c.do("GET", "/events?follow=false&"+query, "", headers...))
	for line := range strings.Lines(got.body) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			c.t.Fatalf("%v: %s", err, line)
		}
		list = append(list, e)
	}
	return list
}

func TestTheStreamReplaysEverythingInOrder(t *testing.T) {
	c := photoApp(t)
	list := c.events("after=0")
	if len(list) != int(c.position()) {
		t.Fatalf("%d events of %d", len(list), c.position())
	}
	for i, e := range list {
		if e["id"] != strconv.Itoa(i+1) || e["specversion"] != "1.0" || e["source"] != "urn:uuid:"+c.node.ClusterID() || e["dataschema"] == "" || e["actor"] == "" {
			t.Errorf("event %d is %v", i+1, e)
		}
		path := strings.TrimPrefix(e["dataschema"].(string), "https://picloud.local")
		c.want(200, c.do("GET", path, "", "Authorization: "))
	}
	if rest := c.events("after=3"); len(rest) != len(list)-3 || rest[0]["id"] != "4" {
		t.Errorf("after 3 come %d events", len(rest))
	}
	if rest := c.events(fmt.Sprintf("after=%d", c.position()+10)); len(rest) != 0 {
		t.Error("after the end come", rest)
	}
	c.want(400, c.do("GET", "/events?after=x", ""))
	if got := c.want(400, c.do("GET", "/events?type=VolumeDeclarde", "")); !strings.Contains(got.body, "VolumeDeclared") {
		t.Error("an unknown type is refused without the nearest:", got.body)
	}
	c.want(406, c.do("GET", "/events", "", "Accept: image/png"))
}

func TestTheStreamCarriesWhatIsAskedFor(t *testing.T) {
	c := photoApp(t)
	const container = "https://picloud.local/products/photo-app/containers/api-server"
	for query, want := range map[string]int{
		"type=ContainerDeclared": 1, "type=WorkloadDeclared": 1, "type=VolumeDeclared,ContainerDeclared": 2, "type=VolumeDeclared&type=ContainerDeclared": 2,
		"subject=" + container: 1, "subject=/products/photo-app/containers/api-server": 1, "product=photo-app": 9, "product=none": 0,
		"product=https://picloud.local/products/photo-app": 9, "correlation=none": 0,
	} {
		got := c.events("after=0&" + query)
		if query == "product=photo-app" {
			want = len(c.events("after=0&product=https://picloud.local/products/photo-app"))
		} else if strings.HasPrefix(query, "product=https") {
			want = len(got)
		}
		if len(got) != want {
			t.Errorf("%s: %d events, want %d", query, len(got), want)
		}
		for _, e := range got {
			if strings.HasPrefix(query, "product=") && !strings.HasPrefix(e["subject"].(string), "https://picloud.local/products/photo-app") {
				t.Errorf("%s: %v", query, e["subject"])
			}
		}
	}
	correlation := c.events("after=0&subject=" + container)[0]["correlationid"].(string)
	if got := c.events("after=0&correlation=" + correlation); len(got) < 8 {
		t.Errorf("the deployment's correlation finds %d events", len(got))
	}
	all, declared := c.events("after=0"), c.events("after=0&type=ResourceDeclared")
	if len(declared) == 0 || len(declared) >= len(all) {
		t.Errorf("%d of %d events declare a resource", len(declared), len(all))
	}
}

func TestAnEventStreamIsReadByBrowsersToo(t *testing.T) {
	c := photoApp(t)
	got := c.want(200, c.do("GET", "/events?after=0&follow=false", "", "Accept: text/event-stream"))
	if got.Header.Get("Content-Type") != "text/event-stream" {
		t.Error("Content-Type is", got.Header.Get("Content-Type"))
	}
	blocks := strings.Split(strings.TrimSuffix(got.body, "\n\n"), "\n\n")
	if len(blocks) != int(c.position()) {
		t.Fatalf("%d blocks of %d events", len(blocks), c.position())
	}
	for i, block := range blocks {
		lines := strings.Split(block, "\n")
		if len(lines) != 3 || lines[0] != fmt.Sprintf("id: %d", i+1) || !strings.HasPrefix(lines[1], "event: ") || !json.Valid([]byte(strings.TrimPrefix(lines[2], "data: "))) {
			t.Errorf("block %d: %s", i+1, block)
		}
	}
}

// Whoever resumes with Last-Event-ID sees every event once, while another
// client goes on writing.
func TestAResumedStreamNeitherRepeatsNorMisses(t *testing.T) {
	c := start(t, t.TempDir())
	from := c.position()
	const writes = 120
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for i := range writes {
			c.do("PUT", "/products/shop", fmt.Sprintf(`{"version":"1.0.%d"}`, i))
		}
	})
	last := from
	for round := 0; last < from+writes; round++ {
		ctx, cancel := context.WithCancel(t.Context())
		response, lines := c.stream(ctx, "?after=0", "Accept: text/event-stream", "Last-Event-ID: "+last.String())
		for n := 0; n < 7+round && last < from+writes; {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				if strings.TrimSpace(id) != (last + 1).String() {
					t.Fatalf("after %d came %s", last, id)
				}
				last++
				n++
			}
		}
		cancel() // in the middle of whatever is being written
		response.Body.Close()
	}
}

func TestAQuietStreamShowsThatItLives(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Heartbeat = 10 * time.Millisecond })
	for accept, beat := range map[string]string{"text/event-stream": ":\n", "application/x-ndjson": "\n"} {
		response, lines := c.stream(t.Context(), "?type=AlertFired", "Accept: "+accept)
		if line, err := lines.ReadString('\n'); err != nil || line != beat {
			t.Errorf("%s: %q %v", accept, line, err)
		}
		response.Body.Close()
	}
}

// The time to read a request ends; a stream over HTTP/1.1 does not end with it.
func TestAStreamOutlivesTheTimeOfItsRequest(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) {
		cfg.Times.Body, cfg.Times.Heartbeat = 100*time.Millisecond, 20*time.Millisecond
	})
	c.client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	began := time.Now()
	response, lines := c.stream(t.Context(), "")
	if response.ProtoMajor != 1 {
		t.Fatal("this is", response.Proto)
	}
	for time.Since(began) < 400*time.Millisecond {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatalf("the stream ended after %s: %v", time.Since(began), err)
		}
	}
	response.Body.Close()
}

func TestAnEventIsAResource(t *testing.T) {
	c := photoApp(t)
	for n := 1; n <= int(c.position()); n++ {
		path := fmt.Sprintf("/events/%d", n)
		e := c.json(c.want(200, c.do("GET", path, "")))
		if e["id"] != strconv.Itoa(n) {
			t.Errorf("%s is event %v", path, e["id"])
		}
	}
	for _, format := range fiveFormats {
		c.want(200, c.do("GET", "/events/3", "", "Accept: "+format))
	}
	if got := c.do("GET", "/events/3", "", "Accept: text/turtle"); !strings.Contains(got.body, "pc:position 3") {
		t.Error("an event in Turtle:", got.body)
	}
	for _, path := range []string{"/events/0", "/events/x", "/events/-1", "/events/999999", "/events/99999999999999999999"} {
		c.want(404, c.do("GET", path, ""))
	}
}

func TestStreamsAreBounded(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Streams = 2; cfg.Times.Heartbeat = 5 * time.Millisecond })
	one, _ := c.stream(t.Context(), "")
	two, _ := c.stream(t.Context(), "")
	refused := c.want(503, c.do("GET", "/events", ""))
	if refused.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	one.Body.Close()
	two.Body.Close()
	for c.do("GET", "/events?follow=false", "").StatusCode != 200 { // until the server has noticed
	}
}

func TestThousandsOfStreamsMayBeLeft(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Heartbeat = 50 * time.Millisecond })
	n := 300
	if os.Getenv("PICLOUD_LONG") != "" {
		n = 5000
	}
	for range n {
		ctx, cancel := context.WithCancel(t.Context())
		c.stream(ctx, "")
		cancel()
	}
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	if got := c.do("GET", "/metrics", ""); !strings.Contains(got.body, "picloud_event_streams") {
		t.Error("streams are not counted")
	}
}

// A token that is revoked ends the streams that it opened.
func TestARevokedTokenEndsItsStreams(t *testing.T) {
	c := start(t, t.TempDir())
	token := c.token("follower", "read")
	response, lines := c.stream(t.Context(), "?type=ProductDeclared", token)
	defer response.Body.Close()
	c.want(201, c.do("PUT", "/products/one", `{"version":"1.0.0"}`))
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	c.want(204, c.do("DELETE", "/tokens/follower", ""))
	c.want(201, c.do("PUT", "/products/two", `{"version":"1.0.0"}`))
	if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
		t.Errorf("after it was revoked came %q, %v", rest, err)
	}
}
