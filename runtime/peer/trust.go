package peer

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// chainMax is how many certificates a member may show; its own and those of
// authorities.
const chainMax = 4

// serverConfig is what a hello meets: a member asks for a protocol of members,
// and has to show its key; everybody else is a client.
func (p *Port) serverConfig() *tls.Config {
	clients := &tls.Config{
		MinVersion: tls.VersionTLS13, GetCertificate: p.cfg.Server, NextProtos: []string{"h2", "http/1.1"},
	}
	members := map[string]*tls.Config{}
	for _, protocol := range []string{protocolRaft, protocolPeer} {
		members[protocol] = &tls.Config{
			MinVersion: tls.VersionTLS13, GetCertificate: p.cfg.Server, NextProtos: []string{protocol},
			ClientAuth:       tls.RequireAnyClientCert, // VerifyConnection judges it
			VerifyConnection: func(state tls.ConnectionState) error { return p.judge(state, x509.ExtKeyUsageClientAuth, "") },
			// who resumes a session is not asked for a key again
			SessionTicketsDisabled: true,
		}
	}
	clients.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		for protocol, config := range members {
			if slices.Contains(hello.SupportedProtos, protocol) {
				return config, nil
			}
		}
		return nil, nil // the one for clients
	}
	return clients
}

// clientConfig is how this node goes to the member with an ID. Names in the
// certificate do not count: the key is the member.
func (p *Port) clientConfig(id, protocol string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}, SessionTicketsDisabled: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return p.cfg.Server(nil) },
		InsecureSkipVerify:   true, // of names and dates; VerifyConnection judges the rest
		VerifyConnection:     func(state tls.ConnectionState) error { return p.judge(state, x509.ExtKeyUsageServerAuth, id) },
	}
}

// judge lets in the other side of a connection: a member, and if one was
// dialled, that one.
func (p *Port) judge(state tls.ConnectionState, usage x509.ExtKeyUsage, want string) error {
	id, err := authentic(state.PeerCertificates, p.cfg.Roots(), usage)
	switch {
	case err != nil:
		return err
	case want != "" && id != want:
		return fmt.Errorf("node %s is here, not %s", id, want)
	}
	if err := p.cfg.Admits(id); err != nil {
		return &refusal{id: id, cause: err}
	}
	return nil
}

// refusal is of a node whose key is not admitted.
type refusal struct {
	id    string
	cause error
}

func (r *refusal) Error() string { return fmt.Sprintf("node %s is no member: %v", r.id, r.cause) }
func (r *refusal) Unwrap() error { return r.cause }

// authentic is the ID of who shows a chain of certificates that ends at the
// roots.
func authentic(chain []*x509.Certificate, roots *x509.CertPool, usage x509.ExtKeyUsage) (string, error) {
	switch {
	case len(chain) == 0 || len(chain) > chainMax:
		return "", fmt.Errorf("a member shows 1 to %d certificates, not %d", chainMax, len(chain))
	case roots == nil:
		return "", errors.New("this node belongs to no cluster yet")
	}
	options := x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{usage},
		CurrentTime: chain[0].NotAfter,
	}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
		// Dates do not count, so the moment is one at which all of them hold.
		if c.NotAfter.Before(options.CurrentTime) {
			options.CurrentTime = c.NotAfter
		}
	}
	if _, err := chain[0].Verify(options); err != nil {
		return "", err
	}
	return identityOf(chain[0]), nil
}

// identityOf is the ID of the holder of a certificate's key.
func identityOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
