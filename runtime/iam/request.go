package iam

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"net"
	"slices"

	"github.com/picloud/picloud/gen/base"
)

// Bounds of a request for a certificate.
const (
	requestMax = 8 << 10 // bytes of PEM
	namesMax   = 16      // of each sort
)

var (
	oidSubjectAltName   = asn1.ObjectIdentifier{2, 5, 29, 17} // RFC 5280, section 4.2.1.6
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19} // section 4.2.1.9
)

// Request asks an authority for a certificate for this node's key (PKCS #10,
// RFC 2986), as PEM. It carries the node's name and those of its own names that
// may be asked for.
func (i *Identity) Request(name string, may func(name string) bool) ([]byte, error) {
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}
	for _, own := range i.cfg.Names {
		if !may(own) {
			continue
		}
		if ip := net.ParseIP(own); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, own)
		}
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, i.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// IsPrivate reports whether a name is an address that every authority of picloud
// permits: loopback, or one that is never routed on the internet. It is what a
// machine may ask for that knows nothing of its cluster yet.
func IsPrivate(name string) bool {
	ip := net.ParseIP(name)
	return ip != nil && slices.ContainsFunc(permittedNetworks(), func(n *net.IPNet) bool { return n.Contains(ip) })
}

// Asks reports whether a name may be asked for when the certificate is renewed:
// an address that the authority permits, or a name that is in it already.
func (i *Identity) Asks(name string) bool {
	held := i.current.Load()
	if held.authority == nil {
		return IsPrivate(name)
	}
	return permits(held.authority, name) && (net.ParseIP(name) != nil || held.certificate.Leaf.VerifyHostname(name) == nil)
}

// Request is a request for a certificate that is well formed and signed with
// the key that it is for.
type Request struct {
	Key  *ecdsa.PublicKey
	ID   string // of the node that has the key
	Name string // that the node calls itself
	csr  *x509.CertificateRequest
}

// refused is an error about what a request for a certificate asks.
func refused(format string, arguments ...any) error {
	return &base.Error{Code: base.Invalid, Detail: "the request for a certificate " + fmt.Sprintf(format, arguments...)}
}

// ParseRequest reads a request for a certificate and proves that whoever made
// it has the key.
func ParseRequest(text []byte) (*Request, error) {
	if len(text) > requestMax {
		return nil, &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the request for a certificate has %d bytes, at most %d are read", len(text), requestMax)}
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, refused("is not one PEM block \"CERTIFICATE REQUEST\"")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, refused("cannot be read: %v", err)
	}
	key, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, refused("is for a key that is not ECDSA P-256, as every node's is")
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, refused("is not signed with the key that it is for")
	}
	for _, extension := range csr.Extensions {
		switch {
		case extension.Id.Equal(oidBasicConstraints):
			return nil, refused("asks to become an authority; nodes get certificates for themselves only")
		case !extension.Id.Equal(oidSubjectAltName):
			return nil, refused("asks for the extension %s; only names can be asked for", extension.Id)
		}
	}
	id, err := keyID(key)
	if err != nil {
		return nil, refused("has a key without fingerprint: %v", err)
	}
	return &Request{Key: key, ID: id, Name: csr.Subject.CommonName, csr: csr}, nil
}

// Verify reports whether a signature of a SHA-256 digest is of the request's key.
func (r *Request) Verify(digest, signature []byte) bool {
	return ecdsa.VerifyASN1(r.Key, digest, signature)
}
