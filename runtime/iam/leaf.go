package iam

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Leaf is the node's own key with a certificate that is always current: it is
// renewed at two thirds of its life, at the handshake that finds it old, and
// kept beside the key until then. The node is its key; certificates come and go.
type Leaf struct {
	ca   *CA
	key  *ecdsa.PrivateKey
	path string // of the certificate

	mu      sync.Mutex
	current *tls.Certificate
}

// OpenLeaf reads the node's key from the directory of the authority, or makes
// it if there is none and the directory is new.
func (ca *CA) OpenLeaf() (*Leaf, error) {
	path := filepath.Join(ca.cfg.Dir, "node.key")
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if ca.cfg.Founded { // consensus knows the node by its key
			return nil, lost(path)
		}
		text, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("node key: %w", err)
	}
	key, err := decodeKey(text)
	if err != nil {
		return nil, fmt.Errorf("node key %s: %w; restore it from a backup", path, err)
	}
	leaf := &Leaf{ca: ca, key: key, path: filepath.Join(ca.cfg.Dir, "node.pem")}
	leaf.current = leaf.kept()
	if _, err := leaf.Certificate(nil); err != nil {
		return nil, fmt.Errorf("node certificate: %w", err)
	}
	return leaf, nil
}

// kept is the certificate of an earlier start, if it is one that the authority
// would issue now; else nil, and a new one is issued.
func (l *Leaf) kept() *tls.Certificate {
	text, err := os.ReadFile(l.path)
	if err != nil {
		return nil
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || cert.CheckSignatureFrom(l.ca.cert) != nil || !l.key.PublicKey.Equal(cert.PublicKey) {
		return nil
	}
	want := l.ca.template()
	sameIP := func(a, b net.IP) bool { return a.Equal(b) }
	if !slices.Equal(cert.DNSNames, want.DNSNames) || !slices.EqualFunc(cert.IPAddresses, want.IPAddresses, sameIP) {
		return nil
	}
	return l.chain(cert)
}

func (l *Leaf) chain(cert *x509.Certificate) *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{cert.Raw, l.ca.cert.Raw}, PrivateKey: l.key, Leaf: cert}
}

// ID is the fingerprint of the node's key, in hexadecimal: who the node is.
func (l *Leaf) ID() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(l.key.Public())
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// Certificate gives the current certificate; it is what tls.Config calls
// GetCertificate.
func (l *Leaf) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != nil && l.ca.cfg.Now().Before(renewal(l.current.Leaf)) {
		return l.current, nil
	}
	cert, err := l.ca.issue(l.key)
	if err != nil {
		return nil, err
	}
	if err := WriteSecret(l.path, encodeCert(cert.Raw)); err != nil {
		return nil, err
	}
	l.current = l.chain(cert)
	return l.current, nil
}

// Fingerprint is the SHA-256 of the current certificate, in hexadecimal, and
// when it expires.
func (l *Leaf) Fingerprint() (string, time.Time, error) {
	cert, err := l.Certificate(nil)
	if err != nil {
		return "", time.Time{}, err
	}
	return Fingerprint(cert.Leaf), cert.Leaf.NotAfter, nil
}

// ServerConfig is TLS 1.3 with the current certificate.
func (l *Leaf) ServerConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: l.Certificate,
	}
}
