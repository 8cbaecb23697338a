//go:build linux

package discovery_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/discovery"
	"github.com/picloud/picloud/runtime/discovery/lan"
)

// patience is how long a test waits for what is to come; it comes much sooner.
const patience = 60 * time.Second

// process is the variable that makes this test binary a node that announces
// itself and prints whom it finds, until its input ends.
const process = "PICLOUD_DISCOVERY_NODE"

// TestMain makes this binary a node of a test: what a goroutine opens is on the
// host that its process is on.
func TestMain(m *testing.M) {
	if said, ok := os.LookupEnv(process); ok {
		if err := beNode(said); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// setting is what a test tells the process of a node.
type setting struct {
	Self   discovery.Found
	Domain string
	Listen netip.Addr
}

func beNode(said string) error {
	var s setting
	if err := json.Unmarshal([]byte(said), &s); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	d := discovery.Start(discovery.Config{
		Self: func() discovery.Found { return s.Self }, Port: 443, Listen: s.Listen, Domain: func() string { return s.Domain },
		Seen:   func(f discovery.Found) { _ = out.Encode(f) },
		Browse: 2 * time.Second, Poll: time.Hour, // the kernel says when interfaces change
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	defer d.Close()
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// network is what a test runs in; all of it ends with the test.
type network struct {
	*testing.T
	*lan.Switch
}

func newNetwork(t *testing.T) network {
	t.Helper()
	t.Parallel() // they wait most of the time
	return anotherNetwork(t)
}

func anotherNetwork(t *testing.T) network {
	t.Helper()
	h, err := lan.NewHost()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { h.Close() })
	s := lan.NewSwitch(rand.Float64)
	t.Cleanup(s.Close)
	if p, err := s.Plug(h, "eth9"); err != nil {
		t.Skip(err)
	} else if err := s.Unplug(p); err != nil {
		t.Fatal(err)
	}
	return network{t, s}
}

func (n network) host() *lan.Host {
	n.Helper()
	h, err := lan.NewHost()
	n.must(err)
	n.Cleanup(func() { h.Close() })
	return h
}

// plugged is a host on the network, with the address 10.77.0.last.
func (n network) plugged(last byte) (*lan.Host, *lan.Port) {
	n.Helper()
	h := n.host()
	p, err := n.Plug(h, "eth0")
	n.must(err)
	n.must(p.SetAddress(address(last)))
	return h, p
}

func address(last byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, last}), 24)
}

func (n network) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

// node is the process of one.
type node struct {
	t     *testing.T
	c     *exec.Cmd
	input io.Closer
	found chan discovery.Found
}

// id is the identity of the node with that number.
func id(number int) string { return fmt.Sprintf("%064x", number) }

func fresh(number int) setting {
	return setting{Self: discovery.Found{Node: id(number), Name: fmt.Sprintf("pi-%d", number), Role: discovery.Fresh, Version: "test"}}
}

const (
	one = "11111111-1111-4111-8111-111111111111"
	two = "22222222-2222-4222-8222-222222222222"
)

func member(number int, cluster string) setting {
	s := fresh(number)
	s.Self.Cluster, s.Self.Role = cluster, discovery.Member
	return s
}

func (n network) start(h *lan.Host, s setting) *node {
	n.Helper()
	said, err := json.Marshal(s)
	n.must(err)
	p := &node{t: n.T, c: exec.Command(os.Args[0]), found: make(chan discovery.Found, 1024)}
	p.c.Env = append(os.Environ(), process+"="+string(said))
	p.c.Stderr = n.Output()
	p.input, err = p.c.StdinPipe()
	n.must(err)
	out, err := p.c.StdoutPipe()
	n.must(err)
	n.must(h.Start(p.c))
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.found)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var f discovery.Found
			if err := json.Unmarshal(lines.Bytes(), &f); err == nil {
				p.found <- f
			}
		}
	}()
	n.Cleanup(func() {
		_ = p.input.Close()
		<-done
		_ = p.c.Wait()
	})
	return p
}

// kill ends the process as a power cut would.
func (p *node) kill() {
	p.t.Helper()
	if err := p.c.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	for range p.found { // until its output ends
	}
}

// finds waits until the node reports another as the check wants it.
func (p *node) finds(what string, want func(discovery.Found) bool) discovery.Found {
	p.t.Helper()
	over := time.NewTimer(patience)
	defer over.Stop()
	var last discovery.Found
	for {
		select {
		case f, ok := <-p.found:
			if !ok {
				p.t.Fatal("the node ended")
			}
			if last = f; want(f) {
				return f
			}
		case <-over.C:
			p.t.Fatalf("not found: %s; the last was %+v", what, last)
		}
	}
}

// seesAt waits until the node reports another with an address first.
func (p *node) seesAt(number int, address string) discovery.Found {
	p.t.Helper()
	return p.finds(fmt.Sprintf("node %d at %s", number, address), func(f discovery.Found) bool {
		return f.Node == id(number) && len(f.Addresses) > 0 && strings.HasPrefix(f.Addresses[0], address)
	})
}
