package iam

import (
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// IdentityConfig says where the keys of a node lie.
type IdentityConfig struct {
	Dir   string   // of the keys; made with mode 0700 if missing
	Names []string // DNS names and addresses that the node answers to, beside what its cluster gives it
	Now   func() time.Time
	// Founded says that the directory was in use before: a key that is missing
	// is lost, and a new one would only hide it.
	Founded bool
}

// Identity is who a node is: a key for TLS (ECDSA P-256), whose fingerprint is
// the node's id, and a key to which secrets of the cluster are wrapped for it
// (X25519). Its certificate comes from the cluster's authority and changes
// without a restart; until there is one it serves a provisional one that nobody
// trusts. It is safe for concurrent use.
type Identity struct {
	cfg     IdentityConfig
	key     *ecdsa.PrivateKey
	wrap    hpke.PrivateKey
	id      string
	mu      sync.Mutex // of changes of what is held, and of its files
	current atomic.Pointer[credentials]
	renewed atomic.Bool // since the start; what the cluster left out then, it leaves out again
}

// credentials are what a cluster gave a node; they change together.
type credentials struct {
	certificate *tls.Certificate
	provisional bool
	authority   *x509.Certificate // nil while provisional
	pool        *x509.CertPool
}

// OpenIdentity reads the keys of a node, or makes them at its first start.
func OpenIdentity(cfg IdentityConfig) (*Identity, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if !cfg.Founded {
		if err := errors.Join(os.MkdirAll(cfg.Dir, 0o700), syncDir(filepath.Dir(cfg.Dir))); err != nil {
			return nil, fmt.Errorf("keys of the node: %w", err)
		}
	}
	i := &Identity{cfg: cfg}
	if err := i.openKey(); err != nil {
		return nil, err
	}
	if err := i.openWrapKey(); err != nil {
		return nil, err
	}
	if err := i.openCredentials(); err != nil {
		return nil, err
	}
	return i, nil
}

func (i *Identity) path(name string) string { return filepath.Join(i.cfg.Dir, name) }

func (i *Identity) openKey() error {
	path := i.path("node.key")
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if i.cfg.Founded { // consensus knows the node by its key
			return lost(path)
		}
		text, err = makeKey(path)
	}
	if err != nil {
		return fmt.Errorf("node key: %w", err)
	}
	if i.key, err = decodeKey(text); err != nil {
		return fmt.Errorf("node key %s: %w; restore it from a backup", path, err)
	}
	i.id, err = keyID(i.key.Public())
	return err
}

// openWrapKey makes the key also in a directory of a release that had none: its
// sealing key is there instead.
func (i *Identity) openWrapKey() error {
	path := i.path("wrap.key")
	seed, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, former := os.Stat(i.path("seal.key")); i.cfg.Founded && former != nil {
			return lost(path)
		}
		seed, err = makeWrapKey(path)
	}
	if err != nil {
		return fmt.Errorf("wrapping key: %w", err)
	}
	if i.wrap, err = wrapKEM().NewPrivateKey(seed); err != nil {
		return fmt.Errorf("wrapping key %s: %w; restore it from a backup", path, err)
	}
	return nil
}

func makeWrapKey(path string) ([]byte, error) {
	key, err := wrapKEM().GenerateKey()
	if err != nil {
		return nil, err
	}
	seed, err := key.Bytes()
	if err != nil {
		return nil, err
	}
	return seed, WriteSecret(path, seed)
}

// openCredentials reads what the cluster gave at an earlier start. What does
// not fit together is as good as nothing: another certificate is asked for.
func (i *Identity) openCredentials() error {
	roots, err := os.ReadFile(i.path("roots.pem"))
	if errors.Is(err, fs.ErrNotExist) { // a release with an authority on each node
		roots, err = os.ReadFile(i.path("ca.pem"))
	}
	if err == nil {
		var leaf []byte
		if leaf, err = os.ReadFile(i.path("node.pem")); err == nil {
			if held, wrong := i.fit(leaf, roots); wrong == nil {
				i.current.Store(held)
				return nil
			}
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("node certificate: %w", err)
	}
	held, err := i.provisional()
	if err != nil {
		return fmt.Errorf("node certificate: %w", err)
	}
	if authority, wrong := ParseCertificate(roots); wrong == nil {
		held.authority, held.pool = authority, poolOf(authority)
	}
	i.current.Store(held)
	return nil
}

// fit puts a certificate of this node and the authority that signed it together.
func (i *Identity) fit(leaf, roots []byte) (*credentials, error) {
	authority, err := ParseCertificate(roots)
	if err != nil {
		return nil, fmt.Errorf("the authority's certificate: %w", err)
	}
	cert, err := ParseCertificate(leaf)
	if err != nil {
		return nil, fmt.Errorf("the node's certificate: %w", err)
	}
	if !i.key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("the certificate is for another key")
	}
	if err := cert.CheckSignatureFrom(authority); err != nil {
		return nil, fmt.Errorf("the certificate is not from this authority: %w", err)
	}
	return &credentials{
		certificate: &tls.Certificate{Certificate: [][]byte{cert.Raw, authority.Raw}, PrivateKey: i.key, Leaf: cert},
		authority:   authority, pool: poolOf(authority),
	}, nil
}

// Fits says what is wrong with a certificate for this node, and with the
// authority that is said to have signed it, both as PEM.
func (i *Identity) Fits(leaf, authority []byte) error {
	_, err := i.fit(leaf, authority)
	return err
}

// provisional is a certificate that the node signs for itself, so that it can
// say over TLS that it is no member yet.
func (i *Identity) provisional() (*credentials, error) {
	now := i.cfg.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "picloud node that is no member yet"},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(caLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, i.key.Public(), i.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &credentials{
		certificate: &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: i.key, Leaf: cert},
		provisional: true, pool: x509.NewCertPool(),
	}, nil
}

// Adopt takes over a certificate that an authority issued for this node, both
// as PEM, and keeps them. Handshakes from here on use it.
func (i *Identity) Adopt(leaf, authority []byte) error {
	held, err := i.fit(leaf, authority)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := WriteSecret(i.path("roots.pem"), encodeCert(held.authority.Raw)); err != nil {
		return err
	}
	if err := WriteSecret(i.path("node.pem"), encodeCert(held.certificate.Leaf.Raw)); err != nil {
		return err
	}
	i.current.Store(held)
	i.renewed.Store(true)
	return nil
}

// ID is the fingerprint of the node's key: who the node is.
func (i *Identity) ID() string { return i.id }

// keyID is the SHA-256 of a public key (its SubjectPublicKeyInfo, RFC 5280,
// section 4.1.2.7), in hexadecimal.
func keyID(public any) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// WrapKey is the public key to which secrets are wrapped for this node, in
// base64url.
func (i *Identity) WrapKey() string {
	return base64.RawURLEncoding.EncodeToString(i.wrap.PublicKey().Bytes())
}

// Sign signs a SHA-256 digest with the node's key.
func (i *Identity) Sign(digest []byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, i.key, digest)
}

// Certificate gives the current certificate with that of the authority; it is
// what tls.Config calls GetCertificate.
func (i *Identity) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return i.current.Load().certificate, nil
}

// Member reports whether the node has a certificate of a cluster.
func (i *Identity) Member() bool { return !i.current.Load().provisional }

// Roots holds the cluster's authority alone; nothing before the node has one.
func (i *Identity) Roots() *x509.CertPool { return i.current.Load().pool }

// Authority is the certificate of the cluster's authority as PEM, or nil.
func (i *Identity) Authority() []byte {
	if held := i.current.Load(); held.authority != nil {
		return encodeCert(held.authority.Raw)
	}
	return nil
}

// AuthorityFingerprint is the SHA-256 of the authority's certificate in
// hexadecimal, or "".
func (i *Identity) AuthorityFingerprint() string {
	if held := i.current.Load(); held.authority != nil {
		return Fingerprint(held.authority)
	}
	return ""
}

// Fingerprint is the SHA-256 of the current certificate in hexadecimal, and
// when it expires.
func (i *Identity) Fingerprint() (string, time.Time) {
	leaf := i.current.Load().certificate.Leaf
	return Fingerprint(leaf), leaf.NotAfter
}

// PEM is the current certificate.
func (i *Identity) PEM() []byte { return encodeCert(i.current.Load().certificate.Leaf.Raw) }

// RenewAt is when the certificate is to be renewed: at two thirds of its life,
// and at once where there is none yet, one of an earlier start that lacks a name of
// this node, or one whose life has not begun: the clock was ahead when it was issued,
// and clients would refuse it until then.
func (i *Identity) RenewAt() time.Time {
	held := i.current.Load()
	if held.provisional || !i.renewed.Load() && !names(held.certificate.Leaf, i.cfg.Names, held.authority) {
		return time.Time{}
	}
	if i.cfg.Now().Before(held.certificate.Leaf.NotBefore) {
		return time.Time{}
	}
	return renewal(held.certificate.Leaf)
}

// names reports whether a certificate has all names of a node that its
// authority may give.
func names(leaf *x509.Certificate, wanted []string, authority *x509.Certificate) bool {
	for _, name := range wanted {
		if permits(authority, name) && leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}

// ServerConfig is TLS 1.3 with the current certificate.
func (i *Identity) ServerConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: i.Certificate}
}

func poolOf(cert *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}
