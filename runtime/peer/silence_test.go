//go:build linux

package peer_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/discovery/lan"
	"github.com/picloud/picloud/runtime/peer"
)

// process is the variable that makes this test binary one node: what a goroutine
// opens is on the host that its process is on.
const process = "PICLOUD_PEER_NODE"

// setting is what a test tells the process of a node.
type setting struct {
	Key, Certificate, Authority []byte            // DER
	Listen                      string            // host:port
	Members                     map[string]string // addresses by ID
	Ask                         string            // ID of a member that is asked again and again
	Body                        int               // bytes of each request
}

// beNode serves, and says of each request that it sends what became of it, until
// its input ends.
func beNode(said string) error {
	var s setting
	if err := json.Unmarshal([]byte(said), &s); err != nil {
		return err
	}
	p, err := s.port()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = p.Serve(ctx, l) }()
	fmt.Println("serves")
	if s.Ask != "" {
		go s.askAgain(p)
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func (s *setting) port() (*peer.Port, error) {
	key, err := x509.ParseECPrivateKey(s.Key)
	if err != nil {
		return nil, err
	}
	authority, err := x509.ParseCertificate(s.Authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	cert := &tls.Certificate{Certificate: [][]byte{s.Certificate, s.Authority}, PrivateKey: key}
	id := ""
	for member, address := range s.Members {
		if address == s.Listen {
			id = member
		}
	}
	p := peer.New(peer.Config{
		ID: id, Server: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil },
		Roots: func() *x509.CertPool { return pool }, Admits: func(string) error { return nil },
		Addresses: func(id string) []string { return []string{s.Members[id]} },
	})
	p.Handle(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	return p, nil
}

// askAgain sends requests that nothing ends but their connection.
func (s *setting) askAgain(p *peer.Port) {
	for {
		answer, err := p.Client().Post("https://"+s.Ask+"/", "", strings.NewReader(strings.Repeat("x", s.Body)))
		if err != nil {
			fmt.Println("failed", err)
			continue
		}
		_ = answer.Body.Close()
		fmt.Println("answered", answer.StatusCode)
	}
}

// wired is two nodes, each on a host of its own; the first asks the second.
type wired struct {
	*testing.T
	network *lan.Switch
	ports   [2]*lan.Port
	nodes   [2]*exec.Cmd
	lines   chan string // of the first
}

func newWired(t *testing.T, body int) *wired {
	t.Helper()
	t.Parallel() // it waits most of the time
	w := &wired{T: t, network: lan.NewSwitch(rand.Float64), lines: make(chan string, 1024)}
	t.Cleanup(w.network.Close)
	c := newCluster(t)
	members, keys, ids := map[string]string{}, [2]*ecdsa.PrivateKey{}, [2]string{}
	for i := range keys {
		keys[i] = newKey(t)
		ids[i] = idOf(t, keys[i])
		members[ids[i]] = fmt.Sprintf("10.78.0.%d:443", 1+i)
	}
	for _, i := range []int{1, 0} {
		key, err := x509.MarshalECPrivateKey(keys[i])
		if err != nil {
			t.Fatal(err)
		}
		leaf := c.leaf(keys[i], time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		s := setting{Key: key, Certificate: leaf.Certificate[0], Authority: c.cert.Raw, Listen: members[ids[i]], Members: members, Body: body}
		if i == 0 {
			s.Ask = ids[1]
		}
		w.begin(i, s)
	}
	return w
}

// begin starts a node on a host of its own.
func (w *wired) begin(i int, s setting) {
	w.Helper()
	h, err := lan.NewHost()
	if err != nil {
		w.Skip(err)
	}
	w.Cleanup(func() { h.Close() })
	if w.ports[i], err = w.network.Plug(h, "eth0"); err != nil {
		w.Skip(err)
	}
	w.must(w.ports[i].SetAddress(netip.PrefixFrom(netip.MustParseAddrPort(s.Listen).Addr(), 24)))
	text, err := json.Marshal(s)
	w.must(err)
	node := exec.Command(os.Args[0])
	node.Env = append(os.Environ(), process+"="+string(text))
	node.Stderr = os.Stderr
	in, err := node.StdinPipe()
	w.must(err)
	out, err := node.StdoutPipe()
	w.must(err)
	w.must(h.Start(node))
	w.nodes[i] = node
	w.Cleanup(func() {
		_ = in.Close()
		_ = node.Process.Kill()
		_ = node.Wait() // it was killed
	})
	scanner := bufio.NewScanner(out)
	if !scanner.Scan() {
		w.Fatal("the node does not serve")
	}
	if i == 0 {
		go func() {
			for scanner.Scan() {
				w.lines <- scanner.Text()
			}
			close(w.lines)
		}()
	}
}

func (w *wired) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// hears waits for a line with a beginning.
func (w *wired) hears(beginning string) string {
	w.Helper()
	over := time.NewTimer(patience)
	defer over.Stop()
	for {
		select {
		case line, more := <-w.lines:
			if strings.HasPrefix(line, beginning) || !more {
				return line
			}
		case <-over.C:
			w.Fatalf("nobody said %q", beginning)
		}
	}
}

// The kernel by itself tries for a quarter of an hour.
func TestConnectionThroughACutIsGivenUp(t *testing.T) {
	w := newWired(t, 100)
	w.hears("answered")
	w.network.Part(w.ports[1])
	w.hears("failed")
	w.network.Heal()
	w.hears("answered")
}

// A machine that takes nothing for long is not one that is gone: its kernel
// answers.
func TestStoppedProcessIsWaitedFor(t *testing.T) {
	w := newWired(t, 64<<20) // more than both kernels hold
	w.hears("answered")
	w.must(w.nodes[1].Process.Signal(syscall.SIGSTOP))
	select {
	case line := <-w.lines:
		for strings.HasPrefix(line, "answered") && len(w.lines) > 0 {
			line = <-w.lines
		}
		if !strings.HasPrefix(line, "answered") {
			t.Errorf("who does not read was cut off: %s", line)
		}
	case <-time.After(5 * time.Second):
	}
	w.must(w.nodes[1].Process.Signal(syscall.SIGCONT))
	if line := w.hears(""); !strings.HasPrefix(line, "answered") {
		t.Errorf("who did not read for a while was cut off: %s", line)
	}
}
