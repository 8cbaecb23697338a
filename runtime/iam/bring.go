package iam

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// leastLife is how long an authority that is brought along must still live:
// shorter, and it ends before the first certificate that it signs.
const leastLife = leafLife + 30*24*time.Hour

// OpenAuthority takes a certificate and a key that somebody brings along, both
// as PEM, and says what is wrong with them for a cluster of this domain.
func OpenAuthority(cfg AuthorityConfig, certificate, key []byte) (*Authority, error) {
	a, err := readAuthority(cfg, certificate, key)
	if err != nil {
		return nil, err
	}
	now := a.cfg.Now()
	switch left := a.cert.NotAfter.Sub(now); {
	case now.Before(a.cert.NotBefore):
		return nil, fmt.Errorf("the certificate of the authority is valid from %s on; check the clock of this machine (%s)", a.cert.NotBefore.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime))
	case left <= 0:
		return nil, fmt.Errorf("the certificate of the authority expired at %s; renew it first", a.cert.NotAfter.UTC().Format(time.DateTime))
	case left < leastLife:
		return nil, fmt.Errorf("the certificate of the authority expires at %s; certificates of nodes live %d days, so it must live %d more: renew it first",
			a.cert.NotAfter.UTC().Format(time.DateOnly), int(leafLife.Hours()/24), int(leastLife.Hours()/24))
	}
	return a, nil
}

// readAuthority puts the certificate and the key of an authority together,
// whatever the time is.
func readAuthority(cfg AuthorityConfig, certificate, key []byte) (*Authority, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cert, err := ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("the certificate of the authority: %w", err)
	}
	switch {
	case !cert.BasicConstraintsValid || !cert.IsCA:
		return nil, errors.New("it is the certificate of a server, not of an authority (basic constraint CA:TRUE is missing)")
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return nil, errors.New("the certificate of the authority does not let it sign certificates (key usage keyCertSign is missing)")
	case !permits(cert, cfg.Domain):
		return nil, fmt.Errorf("the name constraints of the authority do not permit the domain %q; permitted: %v, excluded: %v", cfg.Domain, cert.PermittedDNSDomains, cert.ExcludedDNSDomains)
	}
	signer, err := readSigner(key)
	if err != nil {
		return nil, fmt.Errorf("the key of the authority: %w", err)
	}
	if public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(cert.PublicKey) {
		return nil, errors.New("the key is not that of the certificate of the authority; give the two that belong together")
	}
	return &Authority{cfg, cert, signer}, nil
}

// rsaLeast is the least size of an RSA key, in bits.
const rsaLeast = 2048

// readSigner reads a private key from PEM: PKCS #8, SEC 1 or PKCS #1.
func readSigner(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	for block != nil && block.Type == "EC PARAMETERS" { // openssl writes them before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it is not one PEM block of a private key")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("it is encrypted; decrypt it first (openssl pkey -in KEY -out CLEAR)")
	default:
		return nil, fmt.Errorf("a PEM block %q is no private key", block.Type)
	}
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	case *rsa.PrivateKey:
		if k.N.BitLen() < rsaLeast {
			return nil, fmt.Errorf("an RSA key of %d bits is too short; use %d or more, or ECDSA P-256", k.N.BitLen(), rsaLeast)
		}
		return k, nil
	}
	return nil, fmt.Errorf("a key of type %T cannot sign certificates", key)
}
