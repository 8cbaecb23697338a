package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/node"
	"github.com/picloud/picloud/runtime/projection"
)

// trio is three nodes of one cluster on loopback, each with a port of its own.
type trio struct {
	t       *testing.T
	dirs    [3]string
	ports   [3]string
	nodes   [3]*node.Node
	adjust  func(*node.Config) // for each start, also again; nil leaves it
	token   string             // of the administrator
	trusted *x509.CertPool
}

// form founds a cluster and lets two others in, by the real protocol.
func form(t *testing.T, adjust ...func(*node.Config)) *trio {
	t.Helper()
	c := &trio{t: t, trusted: x509.NewCertPool()}
	dir := t.TempDir()
	for i := range c.dirs {
		c.dirs[i] = filepath.Join(dir, fmt.Sprint("pi-", i+1))
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.stop(i)
		}
	})
	c.start(0, append(adjust, func(cfg *node.Config) { cfg.Bootstrap = true })...)
	c.token = c.nodes[0].AdminToken()
	c.trusted.AppendCertsFromPEM(c.nodes[0].CA())
	for i := 1; i < 3; i++ {
		var invitation string
		c.await("the leader invites", func() (done bool) { // on a busy machine it may change
			leader := c.leading()
			if leader < 0 {
				return false
			}
			var err error
			invitation, err = c.nodes[leader].Invite(t.Context(), fmt.Sprint("pi-", i+1), time.Minute)
			return err == nil
		})
		c.start(i, append(adjust, func(cfg *node.Config) { cfg.Join, cfg.Token = []string{c.ports[0]}, invitation })...)
	}
	c.await("all three vote", func() bool {
		for entry := range c.nodes[0].Views().View().State.List("/nodes", "") {
			if n, _ := entry.Resource.(*domain.Node); n.Status.RaftRole != domain.RaftRoleVoter {
				return false
			}
		}
		return true
	})
	return c
}

// start opens a node, at the port that it had before.
func (c *trio) start(i int, adjust ...func(*node.Config)) {
	c.t.Helper()
	n, err := c.open(i, adjust...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.nodes[i] = n
}

// listen gives a listener at an address, or at one that stays free after it: below
// the ports that the system hands out by itself.
func listen(at string) (listener net.Listener, err error) {
	for range 100 {
		address := at
		if at == "" {
			address = fmt.Sprint("127.0.0.1:", 15_000+rand.IntN(15_000))
		}
		if listener, err = net.Listen("tcp", address); err == nil || at != "" {
			return listener, err
		}
	}
	return nil, err
}

func (c *trio) open(i int, adjust ...func(*node.Config)) (*node.Node, error) {
	listener, err := listen(c.ports[i])
	if err != nil {
		return nil, err
	}
	c.ports[i] = listener.Addr().String()
	cfg := config(c.dirs[i])
	cfg.Name, cfg.Bootstrap, cfg.Listener = fmt.Sprint("pi-", i+1), false, listener
	cfg.Rules = membership.Rules{Steady: 200 * time.Millisecond}
	if os.Getenv("PICLOUD_TEST_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", cfg.Name)
	}
	if c.adjust != nil {
		c.adjust(&cfg)
	}
	for _, f := range adjust {
		f(&cfg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return node.Open(ctx, cfg)
}

func (c *trio) stop(i int) {
	if n := c.nodes[i]; n != nil {
		c.nodes[i] = nil
		if err := n.Close(); err != nil {
			c.t.Errorf("close pi-%d: %v", i+1, err)
		}
	}
}

// restart starts again those that were stopped, at once: they need each other.
func (c *trio) restart(which ...int) {
	c.t.Helper()
	var all sync.WaitGroup
	for _, i := range which {
		all.Go(func() {
			n, err := c.open(i)
			if err != nil {
				c.t.Errorf("pi-%d does not start again: %v", i+1, err)
			}
			c.nodes[i] = n
		})
	}
	all.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// stopWithout ends a node, and what it kept under a name is lost.
func (c *trio) stopWithout(i int, name string) {
	c.t.Helper()
	c.stop(i)
	if err := os.RemoveAll(filepath.Join(c.dirs[i], name)); err != nil {
		c.t.Fatal(err)
	}
}

// await looks again and again until something holds.
func (c *trio) await(what string, holds func() bool) {
	c.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	late := time.After(2 * patience)
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			c.t.Fatalf("it never came about that %s", what)
		}
	}
}

// leader waits until a node leads and gives its index.
func (c *trio) leader() (leader int) {
	c.t.Helper()
	c.await("somebody leads", func() bool { leader = c.leading(); return leader >= 0 })
	return leader
}

// leading is the index of the node that leads now, or -1.
func (c *trio) leading() int {
	for i, n := range c.nodes {
		if n == nil {
			continue
		}
		if leadership, _ := n.Consensus().Leadership(); leadership.Leading {
			return i
		}
	}
	return -1
}

// follower is the index of a running node that does not lead.
func (c *trio) follower() int {
	leader := c.leader()
	for i, n := range c.nodes {
		if n != nil && i != leader {
			return i
		}
	}
	c.t.Fatal("nobody follows")
	return -1
}

// reply is an answer of the API of a node.
type reply struct {
	status   int
	position string
	body     string
}

// ask sends a request to the API of a node; headers are "Name: value" lines.
func (c *trio) ask(i int, method, path, body string, headers ...string) (reply, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: c.trusted, ServerName: "picloud.local"}, DisableKeepAlives: true,
	}}
	r, err := http.NewRequestWithContext(c.t.Context(), method, "https://"+c.ports[i]+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Header.Get("Picloud-Position"), string(text)}, err
}

// want demands a status of an answer.
func (c *trio) want(status, i int, method, path, body string, headers ...string) reply {
	c.t.Helper()
	a, err := c.ask(i, method, path, body, headers...)
	if err != nil {
		c.t.Fatalf("pi-%d, %s %s: %v", i+1, method, path, err)
	}
	if a.status != status {
		c.t.Fatalf("pi-%d, %s %s: %d, want %d\n%s", i+1, method, path, a.status, status, a.body)
	}
	return a
}

// written puts a product through a node until that is acknowledged.
func (c *trio) written(i int, name string) (position string) {
	c.t.Helper()
	c.await("pi-"+fmt.Sprint(i+1)+" takes "+name, func() bool {
		a, err := c.ask(i, "PUT", "/products/"+name, `{"version":"1.0.0"}`, "Idempotency-Key: "+name)
		position = a.position
		return err == nil && a.status == http.StatusCreated
	})
	return position
}

func TestWritesAndReadsWorkOnAnyNode(t *testing.T) {
	t.Parallel()
	c := form(t)
	for i := range c.nodes {
		name := fmt.Sprint("by-", i+1)
		position := c.want(201, i, "PUT", "/products/"+name, `{"version":"1.0.0"}`).position
		for other := range c.nodes {
			c.want(200, other, "GET", "/products/"+name, "", "Picloud-Min-Position: "+position)
			c.want(200, other, "GET", "/products/"+name, "", "Picloud-Consistency: linearizable")
		}
	}
}

func TestAnyNodeMayStopAndComesBack(t *testing.T) {
	t.Parallel()
	c := form(t)
	for round := range 3 {
		stopped := round
		if round == 2 {
			stopped = c.leader()
		}
		c.stop(stopped)
		c.leader() // another
		name := fmt.Sprint("without-", round)
		position := c.written(c.follower(), name)
		c.restart(stopped)
		c.want(200, stopped, "GET", "/products/"+name, "", "Picloud-Min-Position: "+position)
	}
	c.same()
}

// same demands that all nodes come to have one history, state and graph.
func (c *trio) same() {
	c.t.Helper()
	c.await("all nodes are at one position", func() bool {
		at := c.nodes[0].Views().View().Position
		for _, n := range c.nodes {
			if n.Views().View().Position != at {
				return false
			}
		}
		return true
	})
	var first projection.Sums
	for i, n := range c.nodes {
		live, rebuilt, err := n.Views().Verify(n.Events())
		if err != nil {
			c.t.Fatal(err)
		}
		if i == 0 {
			first = live
		}
		if live != rebuilt || live.Position == first.Position && live != first {
			c.t.Errorf("pi-%d has %+v, made anew %+v; pi-1 has %+v", i+1, live, rebuilt, first)
		}
	}
}

func TestWithoutAMajorityReadsGoOnAndWritesSayWhy(t *testing.T) {
	t.Parallel()
	c := form(t)
	position := c.written(c.follower(), "before")
	alone := c.follower()
	for i := range c.nodes {
		if i != alone {
			c.stop(i)
		}
	}
	c.want(200, alone, "GET", "/products/before", "", "Picloud-Min-Position: "+position)
	var refused reply
	c.await("a write is refused", func() (is bool) {
		var err error
		refused, err = c.ask(alone, "PUT", "/products/after", `{"version":"1.0.0"}`)
		return err == nil && refused.status == http.StatusServiceUnavailable
	})
	if !strings.Contains(refused.body, "majority") {
		t.Errorf("the refusal does not say why: %s", refused.body)
	}
	c.want(404, alone, "GET", "/products/after", "")
	c.stop(alone)
	c.restart(alone) // reads go on after a restart, too
	c.want(200, alone, "GET", "/products/before", "")
	for i := range c.nodes {
		if i != alone {
			c.restart(i)
		}
	}
	c.written(alone, "after")
	c.same()
}

func TestAllNodesStopAndStartAgain(t *testing.T) {
	t.Parallel()
	c := form(t)
	position := c.written(1, "before")
	for i := range c.nodes {
		c.stop(i)
	}
	c.restart(0, 1, 2)
	c.want(200, 2, "GET", "/products/before", "", "Picloud-Min-Position: "+position) // it may have lacked it
	c.written(2, "after")
	c.same()
}

func TestRemovedNodeIsOutAndSaysSo(t *testing.T) {
	t.Parallel()
	c := form(t)
	gone := c.follower()
	c.want(202, c.leader(), "POST", fmt.Sprintf("/nodes/pi-%d/remove", gone+1), "")
	select {
	case <-c.nodes[gone].Failed():
	case <-time.After(2 * patience):
		t.Fatal("it goes on")
	}
	if why := c.nodes[gone].Err().Error(); !strings.Contains(why, "was removed from the cluster") || !strings.Contains(why, "empty directory") {
		t.Errorf("it says %s", why)
	}
	c.stop(gone)
	n, err := c.open(gone)
	if err == nil { // it is never ready
		_ = n.Close()
		t.Fatal("it serves after a start")
	}
	if !strings.Contains(err.Error(), "was removed from the cluster") {
		t.Errorf("started again it says %v", err)
	}
	c.written(c.leader(), "after")
}

func TestNodeThatLostItsPlaceGetsAnother(t *testing.T) {
	t.Parallel()
	c := form(t)
	one := c.follower()
	c.written(one, "before")
	c.stopWithout(one, "raft")
	c.restart(one)
	id := c.nodes[one].Consensus().RaftID()
	if !strings.HasSuffix(id, "/1") {
		t.Errorf("it takes part as %s, in the place that it lost", id)
	}
	c.await("it votes again", func() bool {
		leader := c.leading()
		if leader < 0 {
			return false
		}
		servers, _, err := c.nodes[leader].Consensus().Servers()
		return err == nil && slices.Contains(servers, consensus.Server{ID: id, Voter: true}) && len(servers) == 3
	})
	c.written(one, "after")
	c.same()
}

// outcome is what became of a node that is being opened.
type outcome struct {
	*node.Node
	err error
}

// await opens a node that will wait, and gives what it says meanwhile.
func wait(t *testing.T, cfg node.Config) (said <-chan string, end func() outcome) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan string, 64)
	cfg.Notice = func(line string) {
		select {
		case lines <- line:
		default:
		}
	}
	opened := make(chan outcome, 1)
	go func() {
		n, err := node.Open(ctx, cfg)
		opened <- outcome{n, err}
	}()
	var once sync.Once
	var result outcome
	end = func() outcome {
		once.Do(func() {
			cancel()
			result = <-opened
			if result.Node != nil {
				_ = result.Close()
			}
		})
		return result
	}
	t.Cleanup(func() { end() })
	return lines, end
}

// fresh is the configuration of a node that waits on loopback.
func fresh(t *testing.T, name string, join ...string) node.Config {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t.TempDir())
	cfg.Bootstrap, cfg.Name, cfg.Listener, cfg.Join = false, name, listener, join
	return cfg
}

// hears waits for a line that holds a text.
func hears(t *testing.T, said <-chan string, text string) {
	t.Helper()
	late := time.After(patience)
	var heard []string
	for {
		select {
		case line := <-said:
			if heard = append(heard, line); strings.Contains(line, text) {
				return
			}
		case <-late:
			t.Fatalf("it never said %q, only %q", text, heard)
		}
	}
}

func TestFreshNodesNeverFormAClusterByThemselves(t *testing.T) {
	t.Parallel()
	one, two := fresh(t, "pi-1"), fresh(t, "pi-2")
	one.Join, two.Join = []string{two.Listener.Addr().String()}, []string{one.Listener.Addr().String()}
	heardOne, endOne := wait(t, one)
	heardTwo, endTwo := wait(t, two)
	hears(t, heardOne, "belongs to no cluster")
	hears(t, heardTwo, "belongs to no cluster")
	hears(t, heardOne, one.Join[0]) // it asked the other
	hears(t, heardTwo, two.Join[0])
	for _, end := range []func() outcome{endOne, endTwo} {
		if ended := end(); ended.err == nil {
			t.Error("it became a member")
		}
	}
	for _, cfg := range []node.Config{one, two} {
		for _, name := range []string{"raft", "log", "membership.json", "founding.json"} {
			if _, err := os.Stat(filepath.Join(cfg.Dir, name)); err == nil {
				t.Errorf("%s has %s", cfg.Name, name)
			}
		}
	}
}

func TestWaitingNodeSaysWhyAndIsTold(t *testing.T) {
	t.Parallel()
	cfg := fresh(t, "pi-1")
	address := cfg.Listener.Addr().String()
	said, end := wait(t, cfg)
	hears(t, said, "picloud cluster init")
	status, err := node.Status(t.Context(), cfg.Dir)
	if err != nil || status.Waits == "" || status.Cluster != "" || len(status.Node) != 64 {
		t.Fatalf("%+v, %v", status, err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, // no authority knows it; its key is on its socket
		VerifyConnection: func(s tls.ConnectionState) error {
			if id := fmt.Sprintf("%x", sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)); id != status.Node {
				return fmt.Errorf("the key %s is not that of the node", id)
			}
			return nil
		},
	}}}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/products": 503} {
		answer, err := client.Get("https://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != want || want == 503 && !strings.Contains(string(text), "picloud cluster init") {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, "picloud.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	if _, err := node.Init(t.Context(), cfg.Dir, node.Founding{Enrollment: "perhaps"}); err == nil || !strings.Contains(err.Error(), "approve, token and auto") {
		t.Errorf("it says %v", err)
	}
	founded, err := node.Init(t.Context(), cfg.Dir, node.Founding{Domain: "home.example", Enrollment: "token"})
	if err != nil {
		t.Fatal(err)
	}
	if founded.Domain != "home.example" || founded.Address != address || founded.Token == "" || len(founded.Fingerprint) != 64 || len(founded.Authority) == 0 {
		t.Errorf("founded: %+v", founded)
	}
	if _, err := node.Init(t.Context(), cfg.Dir, node.Founding{}); err == nil || !strings.Contains(err.Error(), "is a member of the cluster "+founded.Cluster) {
		t.Errorf("told twice it says %v", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "founding.json")); err == nil {
		t.Error("what it was told is still there")
	}
	ended := end()
	if ended.err != nil {
		t.Fatal(ended.err)
	}
	cluster, _ := ended.Views().View().State.Get("/").(*domain.Cluster)
	if cluster == nil || cluster.Spec.EnrollmentMode != domain.EnrollmentModeToken || cluster.Spec.ClusterID != founded.Cluster {
		t.Errorf("the cluster is %+v", cluster)
	}
}

func TestJoinerOfAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	c := form(t)
	cfg := fresh(t, "pi-4", c.ports[0])
	cfg.Cluster = "00000000-0000-4000-8000-000000000000"
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if n, err := node.Open(ctx, cfg); err == nil {
		t.Error("it joined", n.Close())
	} else if !strings.Contains(err.Error(), "not the one that is wanted") {
		t.Errorf("it says %v", err)
	}
	if c.nodes[0].Views().View().State.Get(base.Ref("/nodes/pi-4")) != nil {
		t.Error("it was let in")
	}
}
