package http_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/iam"
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

// start runs a node; adjust may change how its edge is configured.
func start(t testing.TB, dir string, adjust ...func(*edge.Config)) *cluster {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if os.Getenv("PICLOUD_TEST_LOG") != "" {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Name: "pi-1", Version: "test", Bootstrap: true, Measure: -1, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	cfg := edge.Config{
		Domain: "picloud.local", ClusterID: n.ClusterID(), Door: n.Door(), Views: n.Views(), Datasets: n.Datasets(), Writer: n.Writer(), Reasoner: n.Reasoner, Events: n.Events(), Members: n.Surveyor(), TLS: n.TLS(), Logger: logger,
	}
	for _, f := range adjust {
		f(&cfg)
	}
	server, err := edge.New(cfg)
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

func (c *cluster) json(a answer) map[string]any {
	c.t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		c.t.Fatalf("no JSON: %v\n%s", err, a.body)
	}
	return v
}

// position is where the log stands.
func (c *cluster) position() base.Position { return c.node.Views().View().Position }

// token makes a token of a role and gives the header that shows it.
func (c *cluster) token(name, role string) string {
	c.t.Helper()
	token, digest := iam.NewToken()
	c.want(201, c.do("PUT", "/tokens/"+name, fmt.Sprintf(`{"role":%q,"digest":%q}`, role, digest)))
	return "Authorization: Bearer " + token
}

// photoApp is a cluster with the deployment of the examples on it.
func photoApp(t testing.TB) *cluster {
	t.Helper()
	c := start(t, t.TempDir())
	c.want(200, c.do("POST", "/apply", example(t, "photo-app.ttl"), turtle))
	return c
}

const (
	examples   = "../../ontology/examples/"
	turtle     = "Content-Type: text/turtle"
	mergePatch = "Content-Type: application/merge-patch+json"
	sparqlBody = "Content-Type: application/sparql-query"
)

func example(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(examples + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
