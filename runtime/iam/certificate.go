package iam

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// Lives of certificates. Leaves are backdated: the clocks of a small cluster
// rarely agree after a power cut.
const (
	caLife    = 10 * 365 * 24 * time.Hour
	leafLife  = 90 * 24 * time.Hour
	backdated = 24 * time.Hour
)

// Fingerprint is the SHA-256 of a certificate, in hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// ParseCertificate reads one certificate from PEM.
func ParseCertificate(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil || block.Type != "CERTIFICATE":
		return nil, errors.New("it is not a PEM block \"CERTIFICATE\"")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("it holds more than one certificate; give that of the authority alone")
	}
	return x509.ParseCertificate(block.Bytes)
}

// renewal is when two thirds of a certificate's life are over.
func renewal(cert *x509.Certificate) time.Time {
	return cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) * 2 / 3)
}

// inDomain reports whether a name is one of the domains or below one. A domain
// that begins with a dot stands for what is below it only.
func inDomain(name string, domains []string) bool {
	name = strings.ToLower(name)
	for _, domain := range domains {
		domain = strings.ToLower(domain)
		if name == domain || strings.HasSuffix(name, "."+strings.TrimPrefix(domain, ".")) {
			return true
		}
	}
	return false
}

// permittedNetworks are loopback and what is never routed on the internet
// (RFC 1918, RFC 4193, and link-local addresses).
func permittedNetworks() []*net.IPNet {
	var networks []*net.IPNet
	for _, text := range []string{
		"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10",
	} {
		if _, network, err := net.ParseCIDR(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// serial is 127 random bits: unique without a register (RFC 5280, section
// 4.1.2.2).
func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// makeKey makes a node's key and keeps it.
func makeKey(path string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return text, WriteSecret(path, text)
}

func encodeKey(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func decodeKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it is not one PEM block of a private key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is not an ECDSA key")
	}
	if ec.Curve != elliptic.P256() {
		return nil, fmt.Errorf("it is a key of the curve %s, not P-256", ec.Curve.Params().Name)
	}
	return ec, nil
}
