package iam

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"strings"
	"time"
)

// AuthorityConfig says for whom an authority signs.
type AuthorityConfig struct {
	Domain string           // of the cluster: "picloud.local"
	Now    func() time.Time // nil is the system's clock
	Names  []string         // of the first node: DNS names that a new authority may sign too
}

// Authority signs the certificates of a cluster's nodes. It is whoever holds
// the key at the moment: every node that votes can open it (Vault.Authority).
type Authority struct {
	cfg  AuthorityConfig
	cert *x509.Certificate
	key  crypto.Signer
}

// NewAuthority makes an authority: ECDSA P-256, held by critical name
// constraints (RFC 5280, section 4.2.1.10) to the domain, localhost, the names
// of the first node, and networks that are never routed on the internet.
func NewAuthority(cfg AuthorityConfig) (*Authority, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := cfg.Now()
	template := &x509.Certificate{
		SerialNumber:                serial(),
		Subject:                     pkix.Name{CommonName: "picloud " + cfg.Domain},
		NotBefore:                   now.Add(-backdated),
		NotAfter:                    now.Add(caLife),
		IsCA:                        true,
		BasicConstraintsValid:       true,
		MaxPathLenZero:              true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         permittedNames(cfg.Domain, cfg.Names),
		PermittedIPRanges:           permittedNetworks(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{cfg, cert, key}, nil
}

// permittedNames are the domain with all below it, localhost, and a node's own
// DNS names.
func permittedNames(domain string, own []string) []string {
	names := []string{domain, "localhost"}
	for _, name := range own {
		if net.ParseIP(name) == nil && !inDomain(name, names) {
			names = append(names, name)
		}
	}
	return names
}

// Certificate is the authority's own.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// PEM is the authority's certificate, for clients to trust.
func (a *Authority) PEM() []byte { return encodeCert(a.cert.Raw) }

// Constrained reports whether the authority's certificate holds it to names.
// One that was brought along may not: then whoever trusts it trusts it for all.
func (a *Authority) Constrained() bool { return len(a.cert.PermittedDNSDomains) > 0 }

// Subject is for whom a certificate is issued.
type Subject struct {
	Name string // of the node: a DNS label
	// Had are names that the node has in a certificate of this authority
	// already; it may have them again.
	Had []string
}

// Had are the names of a certificate (PEM) of this authority for the key of a
// request; none where it is not one.
func (a *Authority) Had(r *Request, certificate []byte) (names []string) {
	cert, err := ParseCertificate(certificate)
	if err != nil || cert.CheckSignatureFrom(a.cert) != nil || !r.Key.Equal(cert.PublicKey) {
		return nil
	}
	return slices.DeleteFunc(cert.DNSNames, func(name string) bool { return strings.Contains(name, "*") })
}

// Issue signs a certificate of 90 days for the key of a request, as PEM. The
// cluster gives the names: the domain, all directly below it, the node's own,
// localhost and loopback; the request may ask for these, for addresses that the
// constraints permit, and for names that the node had before. One that asks
// for anything else is refused whole, so that nobody believes to have what was
// left out.
func (a *Authority) Issue(r *Request, s Subject) ([]byte, error) {
	if err := a.May(r, s); err != nil {
		return nil, err
	}
	now := a.cfg.Now()
	if founded := a.cert.NotBefore.Add(backdated); now.Before(founded) { // a board without a clock begins in 1970
		now = founded
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: s.Name + "." + a.cfg.Domain},
		NotBefore:    now.Add(-backdated),
		NotAfter:     earlier(now.Add(leafLife), a.cert.NotAfter),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{a.cfg.Domain, "*." + a.cfg.Domain},
	}
	if permits(a.cert, "localhost") {
		template.DNSNames = append(template.DNSNames, "localhost")
	}
	for _, name := range r.csr.DNSNames {
		if name = strings.ToLower(name); !slices.Contains(template.DNSNames, name) {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	for _, ip := range append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, r.csr.IPAddresses...) {
		if permits(a.cert, ip.String()) && !slices.ContainsFunc(template.IPAddresses, ip.Equal) {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, r.Key, a.key)
	if err != nil {
		return nil, err
	}
	return encodeCert(der), nil
}

// May refuses a request for a name that the subject is not given.
func (a *Authority) May(r *Request, s Subject) error {
	if r.Name != s.Name {
		return refused("is for %q, not for the node %q; a node gets a certificate for its own name only", r.Name, s.Name)
	}
	if len(r.csr.EmailAddresses) > 0 || len(r.csr.URIs) > 0 {
		return refused("asks for addresses of e-mail or of things; nodes have DNS names and IP addresses")
	}
	if len(r.csr.DNSNames) > namesMax || len(r.csr.IPAddresses) > namesMax {
		return refused("asks for more than %d names of a sort", namesMax)
	}
	given := append([]string{a.cfg.Domain, s.Name + "." + a.cfg.Domain, "localhost"}, s.Had...)
	for _, name := range r.csr.DNSNames {
		switch name = strings.ToLower(name); {
		case strings.Contains(name, "*"):
			return refused("asks for the wildcard %q; which names a node answers to is the cluster's to say", name)
		case !slices.Contains(given, name):
			return refused("asks for the name %q; the cluster gives this node %s", name, strings.Join(given[:3], ", "))
		case !permits(a.cert, name):
			return refused("asks for the name %q, which the constraints of the authority do not permit", name)
		}
	}
	for _, ip := range r.csr.IPAddresses {
		if ip.IsUnspecified() || ip.IsMulticast() || !permits(a.cert, ip.String()) {
			return refused("asks for the address %s, which the constraints of the authority do not permit", ip)
		}
	}
	return nil
}

// permits reports whether the constraints of an authority let it sign for a DNS
// name or an IP address (RFC 5280, section 4.2.1.10).
func permits(authority *x509.Certificate, name string) bool {
	if authority == nil {
		return false
	}
	if ip := net.ParseIP(name); ip != nil {
		contains := func(n *net.IPNet) bool { return n.Contains(ip) }
		return !slices.ContainsFunc(authority.ExcludedIPRanges, contains) &&
			(len(authority.PermittedIPRanges) == 0 || slices.ContainsFunc(authority.PermittedIPRanges, contains))
	}
	return !inDomain(name, authority.ExcludedDNSDomains) &&
		(len(authority.PermittedDNSDomains) == 0 || inDomain(name, authority.PermittedDNSDomains))
}
