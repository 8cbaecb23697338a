package peer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/picloud/picloud/runtime/peer"
)

// TestMain makes this binary a node of a test, or runs the tests.
func TestMain(m *testing.M) {
	if said, ok := os.LookupEnv(process); ok {
		if err := beNode(said); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is for what happens at once, on a machine that may be busy.
const patience = 30 * time.Second

// authority signs certificates of a test's nodes.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert = a.sign(template, template, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// leaf gives a key a certificate that holds from one time to another.
func (a *authority) leaf(key *ecdsa.PrivateKey, from, to time.Time) *tls.Certificate {
	cert := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, a.cert, key)
	return &tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key, Leaf: cert}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// cluster is a list of members that all its nodes share.
type cluster struct {
	*authority
	mu      sync.Mutex
	members map[string][]string // addresses by ID
}

func newCluster(t *testing.T) *cluster {
	return &cluster{authority: newAuthority(t), members: map[string][]string{}}
}

func (c *cluster) admits(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.members[id]; !ok {
		return errors.New("it is not on the list")
	}
	return nil
}

func (c *cluster) addresses(id string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[id]
}

func (c *cluster) set(id string, addresses ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[id] = addresses
}

func (c *cluster) remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.members, id)
}

// node is a port that serves, with its certificate.
type node struct {
	*peer.Port
	id, address string
	key         *ecdsa.PrivateKey
	cert        *tls.Certificate
	log         *logged
}

func (c *cluster) config(key *ecdsa.PrivateKey, cert *tls.Certificate) peer.Config {
	return peer.Config{
		ID: idOf(c.t, key), Roots: c.pool, Admits: c.admits, Addresses: c.addresses,
		Server: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil },
	}
}

// member makes a node, adds it to the list and lets it serve.
func (c *cluster) member(change ...func(*peer.Config)) *node {
	n := c.stranger(change...)
	c.set(n.id, n.address)
	return n
}

// stranger makes a node with a certificate of the authority that is on no list.
func (c *cluster) stranger(change ...func(*peer.Config)) *node {
	c.t.Helper()
	n := &node{key: newKey(c.t), log: &logged{}}
	n.cert = c.leaf(n.key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	cfg := c.config(n.key, n.cert)
	cfg.Logger = logger(n.log)
	for _, f := range change {
		f(&cfg)
	}
	n.Port, n.id = peer.New(cfg), cfg.ID
	n.address = serve(c.t, n.Port)
	return n
}

// serve lets a port serve until the end of the test.
func serve(t *testing.T, p *peer.Port) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

func idOf(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// logged is a log that a test reads.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text.Bytes(), []byte(what))
}

// until waits for something that happens soon.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen: %s", what)
		}
		<-tick.C
	}
}

func logger(log *logged) *slog.Logger { return slog.New(slog.NewTextHandler(log, nil)) }
