package peer_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/peer"
)

// serveClients answers clients at a port as an edge does.
func serveClients(t *testing.T, p *peer.Port) {
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto+" "+r.TLS.NegotiatedProtocol)
		}),
		ReadHeaderTimeout: patience, Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	listener, done := p.API(), make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
}

// client is a stock client that trusts the authority.
func (c *cluster) client(protocols *http.Protocols, from string) *http.Client {
	dialer := &net.Dialer{}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: c.pool()}, Protocols: protocols, DialContext: dialer.DialContext,
		ForceAttemptHTTP2: protocols == nil, DisableKeepAlives: from != "",
	}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

func fetch(t *testing.T, client *http.Client, url string) (string, error) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestClientsSpeakBothVersionsOfHTTP(t *testing.T) {
	c := newCluster(t)
	n := c.member()
	serveClients(t, n.Port)
	one := new(http.Protocols)
	one.SetHTTP1(true)
	for want, client := range map[string]*http.Client{"HTTP/2.0 h2": c.client(nil, ""), "HTTP/1.1 ": c.client(one, "")} {
		if got, err := fetch(t, client, "https://"+n.address); err != nil || got != want {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	conn, err := tls.Dial("tcp", n.address, &tls.Config{RootCAs: c.pool(), NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("negotiated %q", got)
	}
}

func TestWhatIsNotOursIsRefusedWithOneLine(t *testing.T) {
	c := newCluster(t)
	n := c.member()
	serveClients(t, n.Port)
	for range 3 {
		conn := dial(t, n.address)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "https://") {
			t.Errorf("plain HTTP: %d %q", response.StatusCode, body)
		}
		_ = conn.Close()

		conn = dial(t, n.address)
		if _, err := conn.Write([]byte("\x00\x01\x02 garbage, and more of it\r\n")); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn) // it ends
		_ = conn.Close()

		if _, err := tls.Dial("tcp", n.address, &tls.Config{RootCAs: c.pool(), MaxVersion: tls.VersionTLS12}); err == nil || !strings.Contains(err.Error(), "version") {
			t.Errorf("TLS 1.2: %v", err)
		}
		if _, err := tls.Dial("tcp", n.address, &tls.Config{RootCAs: c.pool(), NextProtos: []string{"foreign/1"}}); err == nil {
			t.Error("a protocol of nobody was agreed on")
		}
	}
	for _, line := range []string{"spoke plain HTTP", "did not speak TLS", "a handshake failed"} {
		until(t, line, func() bool { return n.log.count(line) > 0 })
		if got := n.log.count(line); got != 1 {
			t.Errorf("%q is in the log %d times", line, got)
		}
	}
	if _, err := fetch(t, c.client(nil, ""), "https://"+n.address); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Without a certificate nobody gets as far as a member does, whatever else the
// hello offers.
func TestProtocolsOfMembersNeedAKey(t *testing.T) {
	c := newCluster(t)
	n := c.member()
	n.Handle(hello)
	for _, offers := range [][]string{{"picloud-peer/1"}, {"picloud-raft/1"}, {"h2", "picloud-peer/1"}} {
		conn, err := tls.Dial("tcp", n.address, &tls.Config{RootCAs: c.pool(), NextProtos: offers})
		if err == nil {
			_ = conn.SetDeadline(time.Now().Add(patience))
			_, err = conn.Read(make([]byte, 1))
			_ = conn.Close()
		}
		if err == nil {
			t.Errorf("%v: let in without a key", offers)
		}
	}
}

// halfOpen keeps opening connections that say nothing until the test ends.
func halfOpen(t *testing.T, address, from string, count int) {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	for range count {
		conn, err := dialer.DialContext(context.Background(), "tcp", address)
		if err != nil {
			t.Skipf("connections cannot be opened from %s: %v", from, err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}

func TestHalfOpenConnectionsDoNotStopOthers(t *testing.T) {
	attackers, each, waiting := 8, 250, 512
	if os.Getenv("PICLOUD_LONG") != "" {
		each, waiting = 1250, 0
	}
	c := newCluster(t)
	n := c.member(func(cfg *peer.Config) { cfg.Limits.Waiting = waiting })
	other := c.member()
	n.Handle(hello)
	serveClients(t, n.Port)
	for i := range attackers {
		halfOpen(t, n.address, "127.0.1."+string(rune('1'+i)), each)
	}
	client := c.client(nil, "127.0.0.1")
	for range 20 {
		if _, err := fetch(t, client, "https://"+n.address); err != nil {
			t.Fatalf("a client: %v", err)
		}
	}
	if _, body, err := get(t, other, n.id, "/"); err != nil || body != other.id {
		t.Errorf("a member: %q %v", body, err)
	}
	until(t, "the log tells of it", func() bool { return n.log.count("a connection was refused") > 0 })
}

// Who opens many connections at once and means well waits for their turn and
// is served.
func TestBurstOfOneAddressIsServed(t *testing.T) {
	c := newCluster(t)
	n := c.member(func(cfg *peer.Config) { cfg.Limits.HandshakeBusy = patience })
	serveClients(t, n.Port)
	one := new(http.Protocols)
	one.SetHTTP1(true)
	client := c.client(one, "127.0.0.1")
	failed := make(chan error)
	const burst = 100
	for range burst {
		go func() {
			_, err := fetch(t, client, "https://"+n.address)
			failed <- err
		}()
	}
	for range burst {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestConnectionsOfClientsAreBounded(t *testing.T) {
	c := newCluster(t)
	n := c.member(func(cfg *peer.Config) { cfg.Limits.Clients = 2 })
	serveClients(t, n.Port)
	var open []*tls.Conn
	for range 2 {
		conn, err := tls.Dial("tcp", n.address, &tls.Config{RootCAs: c.pool()})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 64)); err != nil {
			t.Fatal(err)
		}
	}
	client := c.client(nil, "127.0.0.1")
	if _, err := fetch(t, client, "https://"+n.address); err == nil {
		t.Error("a third connection was served")
	}
	for _, conn := range open {
		_ = conn.Close()
	}
	until(t, "there is room again", func() bool {
		_, err := fetch(t, client, "https://"+n.address)
		return err == nil
	})
}

// Whoever shakes hands and then says nothing takes places from himself, and not
// from those who have fewer.
func TestClientsOfOneAddressTakeNoPlacesOfOthers(t *testing.T) {
	const places = 8
	c := newCluster(t)
	n := c.member(func(cfg *peer.Config) { cfg.Limits.Clients = places })
	serveClients(t, n.Port)
	open := func(from string) *tls.Conn {
		dialer := &tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}, Config: &tls.Config{RootCAs: c.pool()}}
		conn, err := dialer.DialContext(t.Context(), "tcp", n.address)
		if err != nil {
			t.Skipf("connections cannot be opened from %s: %v", from, err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		return conn.(*tls.Conn)
	}
	answered := func(conn *tls.Conn) error {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	for range places {
		if err := answered(open("127.0.1.1")); err != nil { // it has its place
			t.Fatal(err)
		}
	}
	var others []*tls.Conn
	for range places / 2 {
		conn := open("127.0.0.1")
		if err := answered(conn); err != nil {
			t.Fatalf("number %d of another address: %v", len(others)+1, err)
		}
		others = append(others, conn)
	}
	if answered(open("127.0.1.1")) == nil || answered(open("127.0.0.1")) == nil {
		t.Error("who has as many as anybody got one more")
	}
	for _, conn := range others {
		if err := answered(conn); err != nil {
			t.Errorf("a place was taken away: %v", err)
		}
	}
	until(t, "the log tells of it", func() bool { return n.log.count("gave way") > 0 })
}

func TestCertificateIsRenewedWithoutARestart(t *testing.T) {
	c := newCluster(t)
	var now atomic.Pointer[tls.Certificate]
	n := c.member(func(cfg *peer.Config) {
		cfg.Server = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return now.Load(), nil }
	})
	for _, days := range []time.Duration{1, 2} {
		now.Store(c.leaf(n.key, time.Now().Add(-time.Hour), time.Now().Add(days*24*time.Hour)))
		conn, err := tls.Dial("tcp", n.address, &tls.Config{RootCAs: c.pool(), ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		if !conn.ConnectionState().PeerCertificates[0].Equal(now.Load().Leaf) {
			t.Error("a former certificate was shown")
		}
		_ = conn.Close()
	}
}

// The end of a port closes what it handed out.
func TestEndClosesEverything(t *testing.T) {
	c := newCluster(t)
	key := newKey(t)
	p := peer.New(c.config(key, c.leaf(key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx, l) }()
	api := p.API()
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: c.pool()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := api.Accept(); err != nil {
		t.Fatal(err)
	}
	silent := dial(t, l.Addr().String())
	defer silent.Close()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	for _, conn := range []net.Conn{conn, silent} {
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a connection outlives the port: %v", err)
		}
	}
	if _, err := api.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
}
