package node_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/node"
)

// impostor is a node of another cluster whose domain has the same name.
func impostor(t *testing.T) *tls.Certificate {
	t.Helper()
	authority, err := iam.NewAuthority(iam.AuthorityConfig{Domain: "picloud.local"})
	if err != nil {
		t.Fatal(err)
	}
	identity, err := iam.OpenIdentity(iam.IdentityConfig{Dir: t.TempDir()})
	if err == nil {
		err = iam.Certify(identity, authority, "pi-1")
	}
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := identity.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// says sends bytes to a port and gives what comes back until it is closed.
func says(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, text)
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// Whatever strangers of the network send to the ports of a cluster is refused in words,
// and the cluster serves on.
func TestHostileNeighboursDisturbNobody(t *testing.T) {
	t.Parallel()
	var said journal
	c := form(t, func(cfg *node.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
	c.written(0, "before")
	halfOpen := 200
	if os.Getenv("PICLOUD_LONG") != "" {
		halfOpen = 10_000 / len(c.ports)
	}
	foreign := impostor(t)
	for i, address := range c.ports {
		for n := range halfOpen {
			dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i), byte(1+n%200))}, Timeout: patience}
			conn, err := dialer.Dial("tcp", address)
			if err != nil {
				t.Logf("only %d connections could be opened: %v", n, err)
				break
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
		if answer := says(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(answer, "https://") {
			t.Errorf("plain HTTP is answered %q", answer)
		}
		if answer := says(t, address, "\x00\x01\x02 garbage, and more of it\r\n"); len(answer) > 16 {
			t.Errorf("garbage is answered %q", answer)
		}
		for _, protocol := range []string{"picloud-raft/1", "picloud-peer/1", "h2"} {
			_, err := tls.Dial("tcp", address, &tls.Config{RootCAs: c.trusted, ServerName: "picloud.local", NextProtos: []string{protocol}, MaxVersion: tls.VersionTLS12})
			if err == nil || !strings.Contains(err.Error(), "version") {
				t.Errorf("%s over TLS 1.2: %v", protocol, err)
			}
		}
		for _, protocol := range []string{"picloud-raft/1", "picloud-peer/1"} {
			conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: c.trusted, ServerName: "picloud.local", NextProtos: []string{protocol}, Certificates: []tls.Certificate{*foreign}})
			if err == nil {
				_ = conn.SetDeadline(time.Now().Add(patience))
				_, err = conn.Read(make([]byte, 1))
				_ = conn.Close()
			}
			if err == nil {
				t.Errorf("%s: a node of another cluster was let in", protocol)
			}
		}
	}
	for i := range c.nodes {
		c.written(i, fmt.Sprint("after-", i))
	}
	c.same()
	for _, line := range []string{"spoke plain HTTP", "did not speak TLS", "a handshake failed"} {
		if !strings.Contains(said.String(), line) {
			t.Errorf("no node logs that a connection %q", line)
		}
	}
}
