//go:build linux

package torture_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/picloud/picloud/runtime/discovery/lan"
)

// patience is how long the test waits for what must come.
const patience = 2 * time.Minute

// cluster is what is tortured.
type cluster struct {
	*testing.T
	binary   string
	clocks   bool // that jump are in it
	machines []*machine
	network  *lan.Switch // nil on loopback
	here     *lan.Host   // where clients are
	small    *machine    // whose disk is small, or nil

	domain, token string
	roots         *x509.CertPool
	clients       map[*machine]*http.Client

	dialling sync.Mutex
	conns    map[*machine][]net.Conn // of clients, the newest last
}

// form makes n machines, founds a cluster on the first and lets the others in.
func form(t *testing.T, n int, chance func() float64) *cluster {
	t.Helper()
	c := &cluster{T: t, clients: map[*machine]*http.Client{}, conns: map[*machine][]net.Conn{}}
	c.build()
	c.Cleanup(c.end)
	if err := c.wire(chance); err != nil {
		t.Log("network namespaces are not permitted, so all is on loopback and no wire is cut: ", err)
	}
	for i := range n {
		c.machines = append(c.machines, c.machine(i))
	}
	began := time.Now()
	first := c.machines[0]
	c.must(first.switchOn(c.binary))
	c.until("the first node to wait", func() error {
		s, err := net.Dial("unix", filepath.Join(first.dir, "node", "picloud.sock"))
		if err == nil {
			s.Close()
		}
		return err
	})
	said, err := first.call(c.Context(), c.binary, "cluster", "init", "--dir", filepath.Join(first.dir, "node"))
	c.must(err)
	c.Logf("founded:\n%s", said)
	c.admit(first)
	for _, m := range c.machines[1:] {
		c.must(m.switchOn(c.binary))
	}
	for _, m := range c.machines[1:] {
		c.until(m.name+" to be approved", func() error {
			code := m.code()
			if code == "" {
				return errors.New("it shows no code")
			}
			_, err := first.call(c.Context(), c.binary, "node", "approve", m.name, "--code", code)
			return err
		})
	}
	c.ready()
	c.Logf("%d nodes are ready %s after the first was switched on", n, time.Since(began).Round(ms))
	c.until("nodes to vote", func() error { return c.vote(first, votersOf(n)) })
	c.Logf("%d of them vote %s after it", votersOf(n), time.Since(began).Round(ms))
	return c
}

// build makes the program as it is released. A long run gets one whose clocks jump,
// for which the whole standard library is built anew.
func (c *cluster) build() {
	c.Helper()
	if c.binary = os.Getenv("PICLOUD_BINARY"); c.binary != "" {
		c.Log("clocks do not jump: the program was built already")
		return
	}
	dir := c.TempDir()
	c.binary = filepath.Join(dir, "picloud")
	flags := []string{"build", "-trimpath", "-o", c.binary}
	if length, _ := time.ParseDuration(os.Getenv("PICLOUD_TORTURE")); length >= long || strings.Contains(os.Getenv("PICLOUD_FAULTS"), "clock") {
		overlay, err := clockOverlay(dir)
		if c.clocks = err == nil; c.clocks {
			flags = append(flags, "-overlay", overlay)
		} else {
			c.Log("clocks do not jump: ", err)
		}
	}
	command := exec.Command("go", append(flags, "github.com/picloud/picloud/cmd/picloud")...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		c.Fatalf("%v\n%s", err, out)
	}
}

// wire makes the network, if that is permitted.
func (c *cluster) wire(chance func() float64) error {
	here, err := lan.NewHost()
	if err != nil {
		return err
	}
	network := lan.NewSwitch(chance)
	port, err := network.Plug(here, "eth0")
	if err == nil {
		err = port.SetAddress(addressOf(200))
	}
	if err != nil {
		network.Close()
		return errors.Join(err, here.Close())
	}
	c.network, c.here = network, here
	return nil
}

func addressOf(last int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 78, 0, byte(last)}), 24)
}

// machine makes the i-th; the last has a small disk where that is possible.
func (c *cluster) machine(i int) *machine {
	c.Helper()
	m := &machine{name: fmt.Sprintf("n%d", i+1), dir: filepath.Join(c.base(), fmt.Sprintf("n%d", i+1))}
	c.must(os.MkdirAll(m.dir, 0o700))
	var err error
	if m.log, err = os.Create(m.dir + ".log"); err != nil {
		c.Fatal(err)
	}
	m.clock = m.dir + ".clock"
	c.must(m.step(0))
	if c.network == nil {
		m.address = c.freePort()
		m.flags = []string{"--listen", m.address.String()}
		if i > 0 {
			m.flags = append(m.flags, "--join", c.machines[0].address.String())
		}
		return m
	}
	m.flags = []string{"--listen", ":443"}
	m.host, err = lan.NewHost()
	c.must(err)
	m.port, err = c.network.Plug(m.host, "eth0")
	c.must(err)
	m.address = netip.AddrPortFrom(addressOf(i+1).Addr(), 443)
	c.must(m.port.SetAddress(addressOf(i + 1)))
	if i > 0 && c.small == nil {
		if dir, err := smallDisk(); err != nil {
			c.Log("no disk is small: ", err)
		} else {
			m.dir, c.small = dir, m
		}
	}
	return m
}

// base is the directory of all machines.
func (c *cluster) base() string {
	if dir := os.Getenv("PICLOUD_TORTURE_KEEP"); dir != "" {
		return dir
	}
	return c.TempDir()
}

func (c *cluster) freePort() netip.AddrPort {
	c.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err)
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

// smallDiskBytes leaves some room above the mark at which nodes refuse writes.
const smallDiskBytes = 1 << 30

// smallDisk makes a file system in memory that has no place in the tree: it is
// reached by the file that holds it, and gone with this process.
func smallDisk() (string, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("fsopen: %w", err)
	}
	defer unix.Close(fs)
	if err := errors.Join(unix.FsconfigSetString(fs, "size", fmt.Sprint(smallDiskBytes)), unix.FsconfigCreate(fs)); err != nil {
		return "", fmt.Errorf("fsconfig: %w", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("fsmount: %w", err)
	}
	return fmt.Sprintf("/proc/%d/fd/%d/", os.Getpid(), mount), nil
}

// admit reads what the founder was given.
func (c *cluster) admit(first *machine) {
	c.Helper()
	var known struct{ CA, Token, Domain string }
	text, err := os.ReadFile(filepath.Join(first.dir, "node", "client.json"))
	c.must(err)
	c.must(json.Unmarshal(text, &known))
	c.domain, c.token, c.roots = known.Domain, known.Token, x509.NewCertPool()
	c.roots.AppendCertsFromPEM([]byte(known.CA))
	for _, m := range c.machines {
		c.clients[m] = &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: c.roots, ServerName: c.domain},
			ForceAttemptHTTP2: true,
			// A wire that was cut tells nobody.
			HTTP2:       &http.HTTP2Config{SendPingTimeout: time.Second, PingTimeout: time.Second},
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx, m) },
		}}
	}
}

// dial reaches a node from where the clients are.
func (c *cluster) dial(ctx context.Context, m *machine) (conn net.Conn, err error) {
	dialer, to := &net.Dialer{Timeout: 2 * time.Second}, m.at().String()
	if c.here == nil {
		conn, err = dialer.DialContext(ctx, "tcp", to)
	} else {
		err = c.here.Do(func() (err error) {
			conn, err = dialer.DialContext(ctx, "tcp", to)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	c.dialling.Lock()
	defer c.dialling.Unlock()
	const enough = 64 // older ones were closed long ago
	c.conns[m] = append(c.conns[m][max(0, len(c.conns[m])-enough):], conn)
	return conn, nil
}

// hangUp ends what clients had with a node, that they need not notice by
// themselves that it moved.
func (c *cluster) hangUp(m *machine) {
	c.dialling.Lock()
	defer c.dialling.Unlock()
	for _, conn := range c.conns[m] {
		_ = conn.Close()
	}
	c.conns[m] = nil
}

// reply is an answer; status 0 is none.
type reply struct {
	status   int
	body     string
	position uint64
}

const replyBytes = 1 << 20

// send asks a node.
func (c *cluster) send(ctx context.Context, m *machine, method, path, body string, header map[string]string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+c.domain+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/json")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := c.clients[m].Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, replyBytes))
	if err != nil {
		return reply{}, err
	}
	r := reply{status: response.StatusCode, body: string(text)}
	_, _ = fmt.Sscan(response.Header.Get("Picloud-Position"), &r.position) // 0 if it is not there
	return r, nil
}

// ready waits until every node answers a linearizable read and takes writes.
func (c *cluster) ready() {
	c.Helper()
	for _, m := range c.machines {
		c.until(m.name+" to serve", func() error { return c.serves(c.Context(), m) })
	}
}

// votersOf is how many of n nodes vote.
func votersOf(n int) int {
	if n <= 2 {
		return n
	}
	return 3 + min(n-3, 2)/2*2 // an odd number, five at most
}

// vote asks a node whether that many vote and can be reached.
func (c *cluster) vote(m *machine, want int) error {
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Second)
	defer cancel()
	r, err := c.send(ctx, m, "GET", "/-/cluster", "", nil)
	if err != nil {
		return err
	}
	var is struct{ Voters, InReach int }
	if err = json.Unmarshal([]byte(r.body), &is); err == nil && (is.Voters != want || is.InReach != want) {
		err = fmt.Errorf("%d vote, %d of them in reach: %.600s", is.Voters, is.InReach, r.body)
	}
	return err
}

// serves asks a node whether it takes part.
func (c *cluster) serves(ctx context.Context, m *machine) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := c.send(ctx, m, "GET", "/", "", map[string]string{"Picloud-Consistency": "linearizable"})
	if err == nil && r.status != http.StatusOK {
		err = fmt.Errorf("%d %.200s", r.status, r.body)
	}
	return err
}

// leader is the machine that the node with the newest view says leads, or nil.
func (c *cluster) leader() *machine {
	var newest uint64
	name := ""
	for _, m := range c.machines {
		ctx, cancel := context.WithTimeout(c.Context(), time.Second)
		r, err := c.send(ctx, m, "GET", "/", "", nil)
		cancel()
		var told struct {
			Status struct{ Leader string }
		}
		if err == nil && r.status == http.StatusOK && r.position >= newest && json.Unmarshal([]byte(r.body), &told) == nil {
			newest, name = r.position, told.Status.Leader[strings.LastIndex(told.Status.Leader, "/")+1:]
		}
	}
	i := slices.IndexFunc(c.machines, func(m *machine) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return c.machines[i]
}

// until waits for what must come.
func (c *cluster) until(what string, done func() error) {
	c.Helper()
	var err error
	for over := time.Now().Add(patience); time.Now().Before(over); {
		if err = done(); err == nil {
			return
		}
		if c.Context().Err() != nil {
			break
		}
		pause(c.Context(), 50*ms)
	}
	for _, m := range c.machines {
		c.Logf("%s logged at last:\n%s", m.name, m.tail(3000))
	}
	c.Fatalf("waited for %s: %v", what, err)
}

// pause lets some time pass: what a fault lasts, and what a client rests.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// end ends all.
func (c *cluster) end() {
	var all sync.WaitGroup
	for _, m := range c.machines {
		all.Go(func() {
			if err := m.end(); err != nil {
				c.Error(err)
			}
		})
	}
	all.Wait()
	for _, client := range c.clients {
		client.CloseIdleConnections()
	}
	if c.network != nil {
		c.network.Close()
	}
}

// chances are the run's, one after the other whoever asks.
func chances(seed uint64) func() float64 {
	var mu sync.Mutex
	source := rand.New(rand.NewPCG(seed, 2))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return source.Float64()
	}
}
