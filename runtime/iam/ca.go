package iam

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// CAConfig says for whom an authority signs.
type CAConfig struct {
	Dir    string   // of ca.key and ca.pem; made with mode 0700 if missing
	Domain string   // of the cluster: "picloud.local"
	Names  []string // of this node: DNS names and addresses beside domain, localhost and loopback
	Now    func() time.Time
	// Founded says that the directory was in use before: keys that are missing
	// are lost, and new ones would only hide it.
	Founded bool
}

// CA is a cluster's certificate authority: ECDSA P-256, held by name
// constraints (RFC 5280, section 4.2.1.10) to the domain and to what can only
// be this node.
type CA struct {
	cfg  CAConfig
	cert *x509.Certificate
	key  crypto.Signer
}

// OpenCA reads the authority of a directory, or makes it if there is none and
// the directory is new.
func OpenCA(cfg CAConfig) (*CA, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if !cfg.Founded {
		if err := errors.Join(os.MkdirAll(cfg.Dir, 0o700), syncDir(filepath.Dir(cfg.Dir))); err != nil {
			return nil, fmt.Errorf("certificate authority: %w", err)
		}
	}
	ca := &CA{cfg: cfg}
	err := ca.load()
	if errors.Is(err, fs.ErrNotExist) {
		if cfg.Founded {
			return nil, lost(filepath.Join(cfg.Dir, "ca.key"))
		}
		err = ca.make()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", cfg.Dir, err)
	}
	return ca, nil
}

func (ca *CA) load() error {
	keyPEM, err := readSecret(filepath.Join(ca.cfg.Dir, "ca.key"))
	if err != nil {
		return err
	}
	path := filepath.Join(ca.cfg.Dir, "ca.pem")
	certPEM, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) { // it was written before the key
		return lost(path)
	}
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return errors.New("ca.pem is not the certificate of an authority")
	}
	ca.cert, ca.key = pair.Leaf, key
	return nil
}

func (ca *CA) make() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := ca.cfg.Now()
	template := &x509.Certificate{
		SerialNumber:                serial(),
		Subject:                     pkix.Name{CommonName: "picloud " + ca.cfg.Domain},
		NotBefore:                   now.Add(-backdated),
		NotAfter:                    now.Add(caLife),
		IsCA:                        true,
		BasicConstraintsValid:       true,
		MaxPathLenZero:              true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         permittedNames(ca.cfg.Domain, ca.cfg.Names),
		PermittedIPRanges:           permittedNetworks(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return err
	}
	// The certificate first: with the key there, the authority is whole.
	if err := WriteSecret(filepath.Join(ca.cfg.Dir, "ca.pem"), encodeCert(der)); err != nil {
		return err
	}
	if err := WriteSecret(filepath.Join(ca.cfg.Dir, "ca.key"), keyPEM); err != nil {
		return err
	}
	return ca.load()
}

// PEM is the authority's certificate, for clients to trust.
func (ca *CA) PEM() []byte { return encodeCert(ca.cert.Raw) }

// Fingerprint is the SHA-256 of the authority's certificate, in hexadecimal.
func (ca *CA) Fingerprint() string { return Fingerprint(ca.cert) }

// Pool holds the authority alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// issue signs a leaf for this node.
func (ca *CA) issue(key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, ca.template(), ca.cert, key.Public(), ca.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// template is the leaf of this node: the domain, all names directly below it,
// localhost, loopback, and the names of the configuration that the constraints
// permit.
func (ca *CA) template() *x509.Certificate {
	now := ca.cfg.Now()
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: ca.cfg.Domain},
		NotBefore:    now.Add(-backdated),
		NotAfter:     earlier(now.Add(leafLife), ca.cert.NotAfter),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{ca.cfg.Domain, "*." + ca.cfg.Domain, "localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, name := range ca.cfg.Names {
		ip := net.ParseIP(name)
		switch {
		case ip != nil && !ip.IsLoopback() && ca.permitsIP(ip):
			template.IPAddresses = append(template.IPAddresses, ip)
		case ip == nil && inDomain(name, ca.cert.PermittedDNSDomains) && !inDomain(name, []string{"localhost"}):
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

func (ca *CA) permitsIP(ip net.IP) bool {
	for _, network := range ca.cert.PermittedIPRanges {
		if network.Contains(ip) {
			return true
		}
	}
	return false
}
