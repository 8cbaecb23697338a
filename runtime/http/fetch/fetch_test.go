package fetch_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/http/fetch"
)

// web is a host of documents, and what it was asked.
func web(t *testing.T) (server *httptest.Server, roots *x509.CertPool) {
	t.Helper()
	mux := http.NewServeMux()
	serve := func(path, media, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
				t.Error("credentials were sent")
			}
			w.Header().Set("Content-Type", media)
			_, _ = w.Write([]byte(text))
		})
	}
	serve("/graph", "text/turtle; charset=utf-8", "<#a> <http://e/p> <b> .")
	serve("/page", "text/html", "<p>")
	serve("/quads", "application/n-quads", "<http://e/a> <http://e/p> <http://e/b> <http://e/g> .")
	serve("/large", "application/n-triples", strings.Repeat("<http://e/a> <http://e/p> <http://e/b> .\n", 100))
	serve("/many", "application/n-triples", strings.Repeat("<http://e/a> <http://e/p> \"1\" .\n", 20))
	serve("/broken", "text/turtle", "<a> <b>")
	mux.Handle("/moved", http.RedirectHandler("/graph", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler("https://elsewhere.example/graph", http.StatusFound))
	mux.Handle("/down", http.RedirectHandler("http://127.0.0.1/graph", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server = httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server, roots
}

func load(t *testing.T, cfg fetch.Config, source string) ([]base.Quad, error) {
	t.Helper()
	f, err := fetch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f.Load(t.Context(), source, func(int) error { return nil })
}

func TestADocumentOfAListedHostIsRead(t *testing.T) {
	server, roots := web(t)
	for _, path := range []string{"/graph", "/moved"} {
		quads, err := load(t, fetch.Config{Hosts: []string{server.Listener.Addr().String()}, Roots: roots}, server.URL+path)
		if err != nil || len(quads) != 1 || quads[0].S.Value != server.URL+"/graph#a" || quads[0].O.Value != server.URL+"/b" {
			t.Errorf("%s: %v %v", path, quads, err)
		}
	}
	plain := httptest.NewServer(server.Config.Handler)
	defer plain.Close()
	if _, err := load(t, fetch.Config{Hosts: []string{plain.Listener.Addr().String()}}, plain.URL+"/graph"); err != nil {
		t.Error("over http from a listed loopback address:", err)
	}
}

func TestWhatIsNotToBeReadIsRefused(t *testing.T) {
	server, roots := web(t)
	at := server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(at)
	for _, c := range []struct{ source, why string }{
		{"https://elsewhere.example/graph", "not among the hosts"},
		{"https://127.0.0.1/graph", "not among the hosts"}, // another port
		{"http://data.example/graph", "https only"},
		{"http://localhost:" + port + "/graph", "https only"}, // a name may lead anywhere
		{"ftp://" + at + "/graph", "https only"},
		{"https://me:secret@" + at + "/graph", "credentials"},
		{server.URL + "/away", "another host"},
		{server.URL + "/down", "another host"},
		{server.URL + "/round", "more than 5"},
		{server.URL + "/none", "404 Not Found"},
		{server.URL + "/page", "no graph"},
		{server.URL + "/quads", "no graph"},
		{server.URL + "/large", "larger than 3000 bytes"},
		{server.URL + "/many", "more than 10 triples"},
		{server.URL + "/broken", "expected"},
		{"https://\x00", "no address"},
	} {
		cfg := fetch.Config{Hosts: []string{at, "data.example"}, Roots: roots, Bytes: 3000, Quads: 10}
		if _, err := load(t, cfg, c.source); err == nil || !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", c.source, err, c.why)
		}
	}
}

// TestTheDialledAddressCounts has a listed name lead to an address of our own
// network, as it may once it is listed.
func TestTheDialledAddressCounts(t *testing.T) {
	server, roots := web(t)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	name := "localhost:" + port
	if _, err := load(t, fetch.Config{Hosts: []string{name}, Roots: roots}, "https://"+name+"/graph"); err == nil || !strings.Contains(err.Error(), "not public") {
		t.Error("a name led to an address that nobody listed:", err)
	}
	var wrongName x509.HostnameError // as far as TLS, which the certificate of the test ends
	if _, err := load(t, fetch.Config{Hosts: []string{name, "127.0.0.1", "[::1]"}, Roots: roots}, "https://"+name+"/graph"); !errors.As(err, &wrongName) {
		t.Error("the address was listed and refused:", err)
	}
	for _, host := range []string{"10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "[::]", "[::1]", "[fd00::1]", "[fe80::1]",
		"[::ffff:10.1.2.3]", "[64:ff9b::a01:203]", "[2002:a01:203::1]", "224.0.0.1", "255.255.255.255"} {
		if fetch.Public(strings.Trim(host, "[]")) {
			t.Error(host, "is taken for public")
		}
	}
	for _, host := range []string{"9.9.9.9", "2620:fe::fe"} {
		if !fetch.Public(host) {
			t.Error(host, "is not taken for public")
		}
	}
}

func TestLoadingEndsWithItsTimeAndItsCaller(t *testing.T) {
	server, roots := web(t)
	cfg := fetch.Config{Hosts: []string{server.Listener.Addr().String()}, Roots: roots, Time: 1}
	if _, err := load(t, cfg, server.URL+"/slow"); err == nil || !strings.Contains(err.Error(), "took over 1ns") {
		t.Error(err)
	}
	cfg.Time = 0
	f, err := fetch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	left := errors.New("left")
	ctx, leave := context.WithCancelCause(t.Context())
	go leave(left)
	if _, err := f.Load(ctx, server.URL+"/slow", nil); !errors.Is(err, left) {
		t.Error(err)
	}
	full := errors.New("full")
	if _, err := f.Load(t.Context(), server.URL+"/graph", func(int) error { return full }); !errors.Is(err, full) {
		t.Error("without memory:", err)
	}
}

func TestWhatIsNoHostIsNotListed(t *testing.T) {
	for _, entry := range []string{"", "https://data.example", "data.example/path", "me@data.example", "a b", ":443"} {
		if _, err := fetch.New(fetch.Config{Hosts: []string{entry}}); err == nil {
			t.Errorf("%q is taken for a host", entry)
		}
	}
}
