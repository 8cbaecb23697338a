package http_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// Nothing that the edge started goes on after the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBadBodiesAreRefusedWithTheirPlace(t *testing.T) {
	c := start(t, t.TempDir())
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	position := c.position()
	const volume = "/products/shop/volumes/media"
	const prefix = "@prefix pc: <https://picloud.local/ontology#> .\n"
	for name, test := range map[string]struct {
		body   string
		header string
		status int
		want   string
	}{
		"unknown field":       {`{"size":1073741824,"sise":1}`, "", 422, `did you mean \"size\"?`},
		"other case":          {`{"Size":1073741824}`, "", 422, "unknown field"},
		"wrong type":          {`{"size":"1GB"}`, "", 422, `"line":1,"column":9`},
		"float":               {`{"size":1073741824.5}`, "", 422, "whole number"},
		"exponent":            {`{"size":1e10}`, "", 422, "whole number"},
		"beyond 2^53":         {`{"size":9007199254740993}`, "", 422, "9007199254740991"},
		"missing":             {`{}`, "", 422, "size is missing"},
		"null required":       {`{"size":null}`, "", 422, "size is missing"},
		"an array":            {`[]`, "", 422, "object"},
		"a number":            {`7`, "", 422, "object"},
		"nothing":             {` `, "", 400, "line"},
		"twice":               {`{"size":1073741824,"size":1073741824}`, "", 400, "size"},
		"trailing":            {`{"size":1073741824} {}`, "", 400, "end of the text"},
		"comment":             {`{"size":1073741824 /* x */}`, "", 400, "line"},
		"invalid UTF-8":       {"{\"description\":\"\xff\",\"size\":1073741824}", "", 400, "UTF-8"},
		"lone surrogate":      {`{"description":"\ud800","size":1073741824}`, "", 400, "line"},
		"NUL":                 {"{\"size\":1073741824}\x00", "", 400, "line"},
		"binary":              {"\x7fELF\x02\x01\x01\x00\xff\xfe", "", 400, "line"},
		"BOM":                 {"\ufeff{\"size\":1073741824}", "", 400, "line"},
		"deep":                {strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000), "", 400, "depth"},
		"deep lists":          {strings.Repeat(`[`, 1000000), "", 400, "depth"},
		"other name":          {`{"name":"other","size":1073741824}`, "", 422, "/name"},
		"other kind":          {`{"kind":"config","size":1073741824}`, "", 422, "/kind"},
		"other product":       {`{"product":"other","size":1073741824}`, "", 422, "/product"},
		"no type":             {`{"size":1073741824}`, "Content-Type: ", 415, "application/json"},
		"wrong type of body":  {`size: 1`, "Content-Type: application/yaml", 415, "text/turtle"},
		"compressed":          {`{"size":1073741824}`, "Content-Encoding: gzip", 415, "Content-Encoding"},
		"control in a tag":    {`{"size":1073741824,"tags":{"a\u0001":"b"}}`, "", 422, "tags"},
		"broken Turtle":       {prefix + `<> a pc:Volume ; pc:size`, turtle, 400, `"line":2`},
		"unknown predicate":   {prefix + `<> a pc:Volume ; pc:sise 1073741824 .`, turtle, 422, "size"},
		"other subject":       {prefix + `<> a pc:Volume ; pc:size 1073741824 . <other> pc:size 5 .`, turtle, 422, `"line":2`},
		"second type":         {prefix + `<> a pc:Volume, pc:Config ; pc:size 1073741824 .`, turtle, 422, `"line":2`},
		"wrong datatype":      {prefix + `<> a pc:Volume ; pc:size "5" .`, turtle, 422, `"line":2`},
		"cyclic list":         {prefix + `@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . <> a pc:Volume ; pc:size 1073741824 ; pc:tags <#tags/0> . <#tags/0> rdf:first "a" ; rdf:rest <#tags/0> .`, turtle, 422, `"line":2`},
		"deep Turtle":         {prefix + `<> a pc:Volume ; pc:size 1073741824 ; pc:tags ` + strings.Repeat("[ pc:tags ", 100000), turtle, 400, "nested deeper"},
		"remote context":      {`{"@context":"https://elsewhere.example/context","@id":""}`, "Content-Type: application/ld+json", 400, "context"},
		"JSON-LD broken":      {`{"@context":`, "Content-Type: application/ld+json", 400, ""},
		"N-Triples broken":    {`<a> <b> .`, "Content-Type: application/n-triples", 400, `"line":1`},
		"Turtle, no encoding": {prefix + "<> a pc:Volume ; pc:size 1073741824 ; pc:description \"\xff\xfe\" .", turtle, 400, `"line":2`},
	} {
		var headers []string
		if test.header != "" {
			headers = []string{test.header}
		}
		got := c.do("PUT", volume, test.body, headers...)
		if got.StatusCode != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %d, want %d with %q: %.700s", name, got.StatusCode, test.status, test.want, got.body)
		}
	}
	if c.position() != position {
		t.Errorf("a refused body moved the log from %d to %d", position, c.position())
	}
}

func TestAHugeBodyIsRefusedAtOnce(t *testing.T) {
	c := start(t, t.TempDir())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for _, path := range []string{"/products/shop", "/apply", "/sparql", "/nodes/pi-1/drain"} {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", "https://picloud.local"+path, io.LimitReader(zeros{}, 100<<20))
		if path == "/products/shop" {
			r.Method = "PUT"
		}
		r.ContentLength = 100 << 20
		r.Header.Set("Authorization", "Bearer "+c.node.AdminToken())
		r.Header.Set("Content-Type", "application/json")
		if path == "/sparql" {
			r.Header.Set("Content-Type", "application/sparql-query")
		}
		response, err := c.client.Do(r)
		if err != nil {
			continue // the connection was closed while the body was on its way: refused too
		}
		response.Body.Close()
		if response.StatusCode != 413 {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
	runtime.ReadMemStats(&after)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 64<<20 {
		t.Errorf("%d MiB were allocated to refuse it", grown>>20)
	}
}

// raw is a TLS connection over which anything can be said.
func (c *cluster) raw() net.Conn {
	c.t.Helper()
	cfg := c.client.Transport.(*http.Transport).TLSClientConfig.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", c.address, cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	return conn
}

func TestMalformedRequestsEndQuietly(t *testing.T) {
	c := start(t, t.TempDir())
	for _, request := range []string{
		"GARBAGE\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n",
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 200<<10) + "\r\n\r\n",
		"PUT /products/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"PUT /products/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"\x00\x01\x02\x03\r\n\r\n",
	} {
		conn := c.raw()
		_, _ = io.WriteString(conn, request)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		head := make([]byte, 12)
		n, _ := io.ReadFull(conn, head)
		if n > 0 && !bytes.HasPrefix(head, []byte("HTTP/1.1 4")) && !bytes.HasPrefix(head, []byte("HTTP/1.1 5")) && !bytes.HasPrefix(head, []byte("HTTP/1.0 4")) {
			t.Errorf("%.30q was answered with %q", request, head[:n])
		}
	}
	plain, err := net.Dial("tcp", c.address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprint(plain, "GET / HTTP/1.1\r\nHost: picloud.local\r\nAuthorization: Bearer "+c.node.AdminToken()+"\r\n\r\n")
	if answer, _ := io.ReadAll(plain); !bytes.Contains(answer, []byte("400")) || bytes.Contains(answer, []byte("Start here")) {
		t.Errorf("plain HTTP was answered with %q", answer)
	}
	c.want(200, c.do("GET", "/", ""))
}

func TestASlowClientIsLeftBehind(t *testing.T) {
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Times.Body = 200 * time.Millisecond })
	conn := c.raw()
	fmt.Fprintf(conn, "PUT /products/slow HTTP/1.1\r\nHost: picloud.local\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{", c.node.AdminToken())
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400")) || !bytes.Contains(answer, []byte("the body ended early")) {
		t.Errorf("%q %v", answer, err)
	}
	c.want(404, c.do("GET", "/products/slow", ""))
}

func TestAClientMayLeaveDuringAQuery(t *testing.T) {
	c := photoApp(t)
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		r, _ := http.NewRequestWithContext(ctx, "POST", "https://picloud.local/sparql", strings.NewReader("SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"))
		r.Header.Set("Authorization", "Bearer "+c.node.AdminToken())
		r.Header.Set("Content-Type", "application/sparql-query")
		if response, err := c.client.Do(r); err == nil {
			_, _ = io.ReadAll(response.Body)
			response.Body.Close()
		}
		cancel()
	}
	for c.do("GET", "/sparql?query=ASK%7B%7D", "").StatusCode != 200 { // until their places are free again
	}
}

func TestAQueryTooManyIsToldToComeAgain(t *testing.T) {
	full := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Queries = desk.Config{Running: 1, Waiting: -1} })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "POST", "https://picloud.local/sparql", strings.NewReader("SELECT * { GRAPH ?x {?a ?b ?c} . GRAPH ?y {?d ?e ?f} . GRAPH ?z {?g ?h ?i} }"))
	r.Header.Set("Authorization", "Bearer "+full.node.AdminToken())
	r.Header.Set("Content-Type", "application/sparql-query")
	response, err := full.client.Do(r) // the head comes while the query still writes, to a reader that does not read
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	refused := full.want(503, full.do("GET", "/sparql?query=ASK%7B%7D", ""))
	if refused.Header.Get("Retry-After") != "1" || !strings.Contains(refused.body, "ErrorUnavailable") {
		t.Error(refused.Header, refused.body)
	}
}

func TestBothProtocolsAnswerAlike(t *testing.T) {
	for _, version := range []int{1, 2} {
		c := start(t, t.TempDir())
		c.client.Transport.(*http.Transport).ForceAttemptHTTP2 = version == 2
		for _, path := range []string{"/", "/nodes", "/nodes/pi-1", "/events/1", "/ontology", "/graph", "/sparql", "/openapi.json", "/healthz", "/readyz", "/metrics", "/context.jsonld", "/schemas/volume"} {
			get, head := c.want(200, c.do("GET", path, "")), c.want(200, c.do("HEAD", path, ""))
			if get.ProtoMajor != version || head.body != "" || get.Header.Get("Content-Type") != head.Header.Get("Content-Type") {
				t.Errorf("%s over %s: HEAD %q as %s, GET as %s", path, get.Proto, head.body, head.Header.Get("Content-Type"), get.Header.Get("Content-Type"))
			}
			if whole := c.do("GET", path, "", "Range: bytes=0-1"); whole.StatusCode != 200 && whole.StatusCode != 206 {
				t.Errorf("%s with a range: %d", path, whole.StatusCode)
			}
		}
		c.want(404, c.do("HEAD", "/products/none", ""))
	}
}

func TestEveryAnswerForbidsWhatBrowsersCouldDo(t *testing.T) {
	c := photoApp(t)
	for _, path := range []string{"/", "/products/photo-app", "/events/1", "/sparql", "/ontology", "/nowhere", "/events?follow=false"} {
		for _, accept := range []string{"text/html,*/*;q=0.5", "*/*"} {
			got := c.do("GET", path, "", "Accept: "+accept)
			policy := got.Header.Get("Content-Security-Policy")
			if got.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(got.body, "<script") {
				t.Errorf("%s as %s: %v", path, accept, got.Header)
			}
		}
	}
	c.want(200, c.do("PATCH", "/products/photo-app", `{"description":"<script>alert(1)</script>\"'&"}`, mergePatch))
	for _, path := range []string{"/products/photo-app", "/products", "/products?q=%22%3E%3Cscript%3E", "/sparql?query=%3C/textarea%3E%3Cscript%3E", "/nowhere%3Cscript%3E"} {
		if got := c.do("GET", path, "", "Accept: text/html"); strings.Contains(got.body, "<script") {
			t.Errorf("%s holds a script:\n%s", path, got.body)
		}
	}
}
