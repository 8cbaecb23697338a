package http_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/node"
)

// cluster is a real node behind its real edge, on loopback.
type cluster struct {
	t       testing.TB
	node    *node.Node
	client  *http.Client
	address string
	stop    func()
}

func start(t testing.TB, dir string) *cluster {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if os.Getenv("PICLOUD_TEST_LOG") != "" {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Name: "pi-1", Version: "test", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	server, err := edge.New(edge.Config{
		Domain: "picloud.local", ClusterID: n.ClusterID(), Door: n.Door(), Views: n.Views(), Events: n.Events(), TLS: n.TLS(), Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(n.CA())
	c := &cluster{t: t, node: n, address: listener.Addr().String(), client: &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "picloud.local"},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
			},
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	stopped := false
	c.stop = func() {
		if stopped {
			return
		}
		stopped = true
		c.client.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error("serving ended with:", err)
		}
		if err := n.Close(); err != nil {
			t.Error("closing the node:", err)
		}
	}
	t.Cleanup(c.stop)
	return c
}

type answer struct {
	*http.Response
	body string
}

// do sends a request as the administrator; headers are "Name: value" lines.
func (c *cluster) do(method, path, body string, headers ...string) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, "https://picloud.local"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.node.AdminToken())
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	response, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{response, string(data)}
}

func (c *cluster) want(status int, a answer) answer {
	c.t.Helper()
	if a.StatusCode != status {
		c.t.Fatalf("%s %s: %d, want %d\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	return a
}

func TestAResourceLivesItsLife(t *testing.T) {
	c := start(t, t.TempDir())
	created := c.want(201, c.do("PUT", "/products/shop", `{"version":"1.0.0"}`))
	if created.Header.Get("Location") != "https://picloud.local/products/shop" {
		t.Error("Location is", created.Header.Get("Location"))
	}
	c.want(201, c.do("PUT", "/products/shop/volumes/media", `{"size":1073741824,"tags":{"team":"backend"}}`))
	for _, format := range []string{"application/json", "text/turtle", "application/ld+json", "application/n-triples", "text/html"} {
		got := c.want(200, c.do("GET", "/products/shop/volumes/media", "", "Accept: "+format))
		t.Log(got.Header.Get("ETag"), "\n"+got.body)
	}
	list := c.want(200, c.do("GET", "/products/shop/volumes", ""))
	t.Log(list.body)
	position := list.Header.Get("Picloud-Position")
	for _, format := range []string{"application/json", "text/turtle"} {
		got := c.do("GET", "/products/shop/volumes/media", "", "Accept: "+format)
		put := c.want(200, c.do("PUT", "/products/shop/volumes/media", got.body, "Content-Type: "+format))
		if put.Header.Get("Picloud-Position") != position {
			t.Errorf("putting back %s moved the log from %s to %s", format, position, put.Header.Get("Picloud-Position"))
		}
	}
	c.want(409, c.do("PATCH", "/products/shop/volumes/media", `{"mode":"raw"}`, "Content-Type: application/merge-patch+json"))
	c.want(200, c.do("PATCH", "/products/shop/volumes/media", `{"size":2147483648}`, "Content-Type: application/merge-patch+json"))
	t.Log(c.want(200, c.do("POST", "/sparql", `SELECT * WHERE { ?s ?p ?o } LIMIT 10`, "Content-Type: application/sparql-query", "Accept: text/csv")).body)
	t.Log(c.do("GET", "/events?after=0&follow=false", "").body)
	t.Log(c.do("DELETE", "/products/shop", "").body)
	c.want(204, c.do("DELETE", "/products/shop?delete-data=true", ""))
	c.want(404, c.do("GET", "/products/shop/volumes/media", ""))
	t.Log(c.do("GET", "/-/verify", "").body)
}
