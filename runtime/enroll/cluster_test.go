package enroll_test

import (
	"context"
	"crypto"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/enroll/ticket"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const clusterID = "6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31"

// cluster is one node with a real log, a real front door and the endpoint.
type cluster struct {
	*testing.T
	door     *command.Door
	views    *projection.Projection
	identity *iam.Identity
	vault    *iam.Vault
	server   *enroll.Server
	address  string // of the endpoint, by TLS
	log      *record
	clock    *clock
}

// clock is the log's time, which a test moves.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return time.Now().Add(c.offset) }

func (c *clock) forward(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.offset += d }

// record keeps what is logged.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string { r.mu.Lock(); defer r.mu.Unlock(); return r.text.String() }

// newCluster begins a test with a cluster of one node.
func newCluster(t *testing.T, mode domain.EnrollmentMode, limits enroll.Limits) *cluster {
	t.Helper()
	t.Parallel() // most of the time a machine waits until it may ask again
	return anotherCluster(t, mode, limits)
}

// anotherCluster is one more in the same test.
func anotherCluster(t *testing.T, mode domain.EnrollmentMode, limits enroll.Limits) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{T: t, log: &record{}, clock: &clock{}}
	logger := slog.New(slog.NewTextHandler(c.log, nil))
	log, err := eventlog.Open(eventlog.Config{Dir: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	c.views = projection.New(projection.Config{Root: "https://picloud.local", Model: schema.ModelDigest}, log)
	c.identity = newIdentity(t)
	raft, err := consensus.Open(consensus.Config{Dir: filepath.Join(dir, "raft"), ID: c.identity.ID(), Bootstrap: true, Now: c.clock.now}, log, c.views)
	if err != nil {
		t.Fatal(err)
	}
	c.vault = iam.NewVault(iam.VaultConfig{Identity: c.identity, State: c.state, Domain: "picloud.local", Now: c.clock.now})
	c.door = command.New(command.Config{
		Model: schema.Model, Root: "https://picloud.local", Consensus: raft, Views: c.views, Sealer: c.vault,
		Rules: []command.Rule{iam.KeepIdentities, iam.KeepTicketsSingle, iam.KeepAuthority}, Checks: []command.Check{iam.CheckAuthority("picloud.local")},
	})
	t.Cleanup(func() {
		c.door.Close()
		if err := raft.Close(); err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	leading := func() bool { l, _ := raft.Leadership(); return l.Leading }
	for !leading() {
		_, changed := raft.Leadership()
		if leading() {
			break
		}
		<-changed
	}
	c.found(mode)
	c.server = enroll.New(enroll.Config{
		Door: c.door, State: c.state, Vault: c.vault, Actor: "/nodes/pi-1", Now: raft.Now, Leading: leading, Logger: logger, Limits: limits,
	})
	c.listen()
	return c
}

func (c *cluster) state() *state.State { return c.views.View().State }

// found makes the cluster with its first node.
func (c *cluster) found(mode domain.EnrollmentMode) {
	c.Helper()
	authority, err := iam.NewAuthority(iam.AuthorityConfig{Domain: "picloud.local", Now: c.clock.now})
	if err != nil {
		c.Fatal(err)
	}
	f, err := iam.Found(iam.FoundConfig{Identity: c.identity, Node: "/nodes/pi-1", Authority: authority})
	if err != nil {
		c.Fatal(err)
	}
	c.do(append(f.Commands,
		&domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{Domain: "picloud.local", ClusterID: clusterID, EnrollmentMode: mode}},
		&domain.EnrollNode{Ref: "/nodes/pi-1", Status: domain.NodeStatus{
			ID: c.identity.ID(), WrapKey: c.identity.WrapKey(), Addresses: []string{"192.168.1.21"}, Port: new(int64(7443)),
		}})...)
	if err := f.Certify("pi-1"); err != nil {
		c.Fatal(err)
	}
}

// listen serves the endpoint.
func (c *cluster) listen() { c.Helper(); c.address = c.serve(c.server) }

// serve answers on loopback, with the node's certificate.
func (c *cluster) serve(handler http.Handler) (address string) {
	c.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", c.identity.ServerConfig())
	if err != nil {
		c.Fatal(err)
	}
	server := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	c.Cleanup(func() {
		if err := server.Close(); err != nil {
			c.Error(err)
		}
		<-ended
	})
	return listener.Addr().String()
}

func (c *cluster) do(commands ...domain.Command) {
	c.Helper()
	if err := c.try(commands...); err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) try(commands ...domain.Command) error {
	_, err := c.door.Do(context.Background(), &command.Request{
		Principal: command.Principal{Actor: "/tokens/admin", Role: command.Platform}, Commands: commands, Correlation: "test",
	})
	return err
}

// ticket makes an enrolment token that is good for an hour.
func (c *cluster) ticket(name string) string {
	c.Helper()
	text, digest, err := ticket.New(ticket.Ticket{Cluster: clusterID, Authority: c.identity.AuthorityFingerprint()})
	if err != nil {
		c.Fatal(err)
	}
	c.do(&domain.DeclareEnrollmentToken{Ref: base.Ref("/enrollment-tokens/" + name), Spec: domain.EnrollmentTokenSpec{
		Digest: digest, ExpiresAt: base.TimeOf(c.clock.now().Add(time.Hour)),
	}})
	return text
}

func (c *cluster) refusal(address string) *domain.EnrollmentRefusal {
	known, _ := c.state().Get(base.Ref("/enrollment-refusals/a-" + address)).(*domain.EnrollmentRefusal)
	return known
}

func newIdentity(t *testing.T) *iam.Identity {
	t.Helper()
	i, err := iam.OpenIdentity(iam.IdentityConfig{Dir: filepath.Join(t.TempDir(), "keys")})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// machine is one that asks to join.
type machine struct {
	enroll.JoinConfig
	codes chan string
	says  chan string
}

func newMachine(t *testing.T, name string, addresses ...string) *machine {
	t.Helper()
	m := &machine{codes: make(chan string, 16), says: make(chan string, 256)}
	m.JoinConfig = enroll.JoinConfig{
		Identity: newIdentity(t), Name: name, Port: 7444, Pause: 10 * time.Millisecond,
		Candidates: func() []enroll.Candidate { return []enroll.Candidate{{Addresses: addresses}} },
		Show:       func(code string) { m.codes <- code },
		Say: func(reason string) {
			select {
			case m.says <- reason:
			default:
			}
		},
	}
	return m
}

// newMachineWithKey is a machine whose key for TLS the test has too.
func newMachineWithKey(t *testing.T, name string) (*machine, crypto.PrivateKey) {
	t.Helper()
	m := newMachine(t, name)
	certificate, err := m.Identity.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, certificate.PrivateKey
}

// joined is the outcome of a Join that runs.
type joined struct {
	*enroll.Membership
	err error
}

// start lets a machine join in the background; the test waits for its end.
func (m *machine) start(t *testing.T) <-chan joined {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	out, ended := make(chan joined, 1), make(chan struct{})
	go func() {
		defer close(ended)
		membership, err := enroll.Join(ctx, m.JoinConfig)
		out <- joined{membership, err}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return out
}

// post sends a body to the endpoint as from an address.
func (c *cluster) post(remote, body string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, enroll.Path, strings.NewReader(body))
	r.RemoteAddr = net.JoinHostPort(remote, "5555")
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		c.Fatal(err)
	}
	return w.Code, string(text)
}
