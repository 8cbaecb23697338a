package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// How long a node may take before it counts as failed. A machine that hangs
// still takes connections, so the handshake has a limit of its own, and a
// connection that is silent is asked whether anybody is there.
const (
	dialTime      = 1500 * time.Millisecond
	handshakeTime = 3 * time.Second
	silentTime    = 10 * time.Second
	pingTime      = 5 * time.Second
)

// maxNodes bounds how many nodes a client knows.
const maxNodes = 64

// nodes are the nodes of one cluster that a client knows.
type nodes struct {
	domain string
	trust  *tls.Config

	mu      sync.Mutex
	list    []*node
	current int
}

// node is one of them, with connections of its own.
type node struct {
	address string // host and port
	http    *http.Client
}

func newNodes(cfg Config) (*nodes, error) {
	n := &nodes{domain: cfg.Domain, trust: &tls.Config{MinVersion: tls.VersionTLS12}}
	if len(cfg.Endpoints) == 0 {
		return nil, errors.New("no endpoint is given; one such as https://127.0.0.1:7443 is needed")
	}
	if len(cfg.CA) > 0 {
		n.trust.RootCAs = x509.NewCertPool()
		if !n.trust.RootCAs.AppendCertsFromPEM(cfg.CA) {
			return nil, errors.New("the CA holds no certificate in PEM")
		}
	}
	for _, text := range cfg.Endpoints {
		endpoint, err := url.Parse(text)
		if err != nil || endpoint.Scheme != "https" || endpoint.Host == "" {
			return nil, fmt.Errorf("endpoint %q is no https address such as https://127.0.0.1:7443", text)
		}
		if n.domain == "" {
			n.domain = endpoint.Hostname()
		}
		port := endpoint.Port()
		if port == "" {
			port = "443"
		}
		n.add(net.JoinHostPort(endpoint.Hostname(), port))
	}
	n.trust.ServerName = n.domain
	return n, nil
}

// add makes a node known. What is known already or over the bound is passed
// over.
func (n *nodes) add(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := func(other *node) bool { return other.address == address }
	if len(n.list) >= maxNodes || slices.ContainsFunc(n.list, known) {
		return
	}
	dialer := &net.Dialer{Timeout: dialTime}
	n.list = append(n.list, &node{address, &http.Client{
		Transport: &http.Transport{
			// names of the cluster are reached at this node, whatever they resolve to
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, address)
			},
			TLSClientConfig:     n.trust,
			TLSHandshakeTimeout: handshakeTime,
			ForceAttemptHTTP2:   true,
			HTTP2:               &http.HTTP2Config{SendPingTimeout: silentTime, PingTimeout: pingTime},
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}})
}

// pick gives the node that requests go to now.
func (n *nodes) pick() *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.list[n.current]
}

// leave turns to the next node, unless another request did already.
func (n *nodes) leave(failed *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.list[n.current] == failed {
		n.current = (n.current + 1) % len(n.list)
	}
}

func (n *nodes) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.list)
}

func (n *nodes) endpoints() (list []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.list {
		list = append(list, "https://"+n.list[(n.current+i)%len(n.list)].address)
	}
	return list
}

func (n *nodes) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, node := range n.list {
		node.http.CloseIdleConnections()
	}
}
