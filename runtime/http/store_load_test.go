package http_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/http/fetch"
)

func TestLOADReadsFromListedHostsAndFromNoneUnlessAsked(t *testing.T) {
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/turtle")
		_, _ = w.Write([]byte("<http://e/tom> <http://e/knows> <http://e/tim>, [] ."))
	}))
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	reads, err := fetch.New(fetch.Config{Hosts: []string{web.Listener.Addr().String()}, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Load = reads })
	c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	c.want(201, c.do("PUT", rdfStore, `{}`))
	c.want(204, c.update(`LOAD <`+web.URL+`/people> INTO GRAPH <http://e/g>`))
	if got := c.askStore(`SELECT (COUNT(*) AS ?n) { GRAPH <http://e/g> { <http://e/tom> <http://e/knows> ?o } }`); got != "2" {
		t.Error("it read", got)
	}
	before := c.position()
	if got := c.want(409, c.update(`INSERT DATA { <http://e/a> <http://e/b> 1 } ; LOAD <https://elsewhere.example/x>`)); !strings.Contains(got.body, "not among the hosts") {
		t.Error("of another host it says", got.body)
	}
	c.want(204, c.update(`LOAD SILENT <https://elsewhere.example/x>`))
	if c.position() != before {
		t.Error("something of an update that failed was done")
	}
	if got := c.want(501, c.update(`LOAD <file:///etc/passwd>`)); !strings.Contains(got.body, "LOAD reads no file: IRIs") {
		t.Error("of a file it says", got.body)
	}
	if got := c.want(200, c.do("GET", rdfStore+"/sparql", "", "Accept: text/turtle")); !strings.Contains(got.body, "LOAD reads graphs over https") {
		t.Error("the description says nothing of it")
	}

	off := shop(t)
	if got := off.want(501, off.update(`LOAD <`+web.URL+`/people>`)); !strings.Contains(got.body, "LOAD is switched off") {
		t.Error("switched off it says", got.body)
	}
}
