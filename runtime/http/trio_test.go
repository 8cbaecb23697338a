package http_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/node"
)

// patience is for what happens soon, on a machine that may be busy.
const patience = 60 * time.Second

// trio is three real nodes on loopback: every request goes to the one that is
// named.
type trio struct {
	t     *testing.T
	nodes [3]*member
	token string
}

// member is one node and a client that speaks to it alone.
type member struct {
	*node.Node
	address string
	client  *http.Client
	closed  bool
}

func startTrio(t *testing.T) *trio {
	t.Helper()
	dir := t.TempDir()
	c := &trio{t: t}
	c.nodes[0] = openMember(t, node.Config{Dir: filepath.Join(dir, "0"), Name: "pi-1", Bootstrap: true})
	c.token = c.nodes[0].AdminToken()
	for i := 1; i < 3; i++ {
		name := fmt.Sprintf("pi-%d", i+1)
		var invitation string
		c.until("the leader invites "+name, func() bool {
			leader, _ := c.leader()
			text, err := leader.Invite(t.Context(), name, time.Hour)
			invitation = text
			return err == nil
		})
		c.nodes[i] = openMember(t, node.Config{Dir: filepath.Join(dir, fmt.Sprint(i)), Name: name, Join: []string{c.nodes[0].address}, Token: invitation})
	}
	c.until("all three vote", func() bool {
		servers, _, err := c.nodes[0].Consensus().Servers()
		voters := 0
		for _, s := range servers {
			if s.Voter {
				voters++
			}
		}
		return err == nil && voters == 3
	})
	return c
}

func openMember(t *testing.T, cfg node.Config) *member {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Version, cfg.Listener, cfg.Measure = "test", listener, -1
	cfg.Rules = membership.Rules{Steady: 50 * time.Millisecond}
	cfg.Edge.Times.Heartbeat = 200 * time.Millisecond
	if os.Getenv("PICLOUD_TEST_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", cfg.Name)
	}
	m := &member{address: listener.Addr().String()}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if m.Node, err = node.Open(ctx, cfg); err != nil {
		t.Fatalf("%s: %v", cfg.Name, err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(m.CA())
	m.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "picloud.local"}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, m.address)
		},
	}}
	t.Cleanup(func() { m.end(t) })
	return m
}

func (m *member) end(t *testing.T) {
	if m.closed {
		return
	}
	m.closed = true
	m.client.CloseIdleConnections()
	if err := m.Close(); err != nil {
		t.Error("closing a node:", err)
	}
}

// leader is the node that decides, and others are those that do not.
func (c *trio) leader() (leader *member, others []*member) {
	c.t.Helper()
	c.until("somebody leads", func() bool {
		leader, others = nil, nil
		for _, m := range c.nodes {
			if m == nil || m.closed {
				continue
			}
			if l, _ := m.Consensus().Leadership(); l.Leading {
				leader = m
			} else {
				others = append(others, m)
			}
		}
		return leader != nil
	})
	return leader, others
}

func (c *trio) until(what string, holds func() bool) {
	c.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			c.t.Fatalf("it did not happen: %s", what)
		case <-tick.C:
		}
	}
}

// request is one of the administrator.
func (c *trio) request(ctx context.Context, method, path string, body io.Reader, headers ...string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "https://picloud.local"+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func (c *trio) do(m *member, method, path, body string, headers ...string) answer {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var sent io.Reader
	if body != "" {
		sent = bytes.NewReader([]byte(body))
	}
	response, err := m.client.Do(c.request(ctx, method, path, sent, headers...))
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

func (c *trio) want(status int, a answer) answer {
	c.t.Helper()
	if a.StatusCode != status {
		c.t.Fatalf("%s %s: %d, want %d\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	return a
}
