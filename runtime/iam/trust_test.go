package iam_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/iam"
)

func identity(t *testing.T, dir string, names ...string) *iam.Identity {
	t.Helper()
	i, err := iam.OpenIdentity(iam.IdentityConfig{Dir: dir, Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func authority(t *testing.T, names ...string) *iam.Authority {
	t.Helper()
	a, err := iam.NewAuthority(iam.AuthorityConfig{Domain: "picloud.local", Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func anything(string) bool { return true }

func TestNodeKeepsItsKeysAndIsNobodyUntilItIsLetIn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	first := identity(t, dir)
	if first.Member() || first.Authority() != nil || first.AuthorityFingerprint() != "" {
		t.Error("a fresh node is a member")
	}
	cert, err := first.Certificate(nil)
	if err != nil || len(cert.Certificate) != 1 {
		t.Errorf("a fresh node has nothing to speak TLS with: %v", err)
	}
	again := identity(t, dir)
	if again.ID() != first.ID() || again.WrapKey() != first.WrapKey() {
		t.Error("a restart made another node of it")
	}
	for _, name := range []string{"node.key", "wrap.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	a := authority(t)
	if err := iam.Certify(first, a, "pi-1"); err != nil {
		t.Fatal(err)
	}
	kept := identity(t, dir)
	mine, _ := first.Fingerprint()
	its, _ := kept.Fingerprint()
	if !kept.Member() || mine != its || !bytes.Equal(kept.Authority(), a.PEM()) {
		t.Error("a restart lost the certificate")
	}
	for _, name := range []string{"node.key", "wrap.key"} {
		aside := filepath.Join(dir, "aside")
		if err := os.Rename(filepath.Join(dir, name), aside); err != nil {
			t.Fatal(err)
		}
		if _, err := iam.OpenIdentity(iam.IdentityConfig{Dir: dir, Founded: true}); err == nil || !strings.Contains(err.Error(), name+" is missing; restore it") {
			t.Errorf("without %s: %v", name, err)
		}
		if err := os.Rename(aside, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificateOfAnotherKeyOrAuthorityIsNotAdopted(t *testing.T) {
	one, other := identity(t, t.TempDir()), identity(t, t.TempDir())
	a := authority(t)
	if err := iam.Certify(other, a, "pi-2"); err != nil {
		t.Fatal(err)
	}
	if err := one.Adopt(other.PEM(), a.PEM()); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("the certificate of another node: %v", err)
	}
	if err := other.Adopt(other.PEM(), authority(t).PEM()); err == nil || !strings.Contains(err.Error(), "not from this authority") {
		t.Errorf("the authority of another cluster: %v", err)
	}
	if one.Member() {
		t.Error("what was refused was kept")
	}
}

// issue asks an authority for a certificate for pi-2 with a request of one's own
// making.
func issue(t *testing.T, a *iam.Authority, template *x509.CertificateRequest, key any) ([]byte, error) {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	request, err := iam.ParseRequest(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	if err != nil {
		return nil, err
	}
	return a.Issue(request, iam.Subject{Name: "pi-2"})
}

func newKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAuthorityGivesNamesOfTheClusterAndRefusesAllOthers(t *testing.T) {
	a, key := authority(t, "pi-1.lan"), newKey(t, elliptic.P256())
	subject := pkix.Name{CommonName: "pi-2"}
	text, err := issue(t, a, &x509.CertificateRequest{
		Subject: subject, DNSNames: []string{"pi-2.picloud.local", "PICLOUD.local"}, IPAddresses: []net.IP{net.IPv4(192, 168, 1, 22)},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := iam.ParseCertificate(text)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	for _, name := range []string{"picloud.local", "photo.picloud.local", "pi-2.picloud.local", "localhost", "127.0.0.1", "::1", "192.168.1.22"} {
		if _, err := cert.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if life := time.Until(cert.NotAfter); cert.IsCA || life > 90*24*time.Hour || life < 89*24*time.Hour {
		t.Errorf("an authority %t, %s to live", cert.IsCA, life)
	}
	caTrue, err := asn1.Marshal(struct {
		CA bool
	}{true})
	if err != nil {
		t.Fatal(err)
	}
	tooMany := make([]net.IP, 17)
	for i := range tooMany {
		tooMany[i] = net.IPv4(10, 0, 0, byte(i))
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for why, c := range map[string]struct {
		template x509.CertificateRequest
		key      any
	}{
		"not for the node":       {x509.CertificateRequest{Subject: pkix.Name{CommonName: "pi-3"}}, key},
		"name \"pi-3.picloud":    {x509.CertificateRequest{Subject: subject, DNSNames: []string{"pi-3.picloud.local"}}, key},
		"the wildcard":           {x509.CertificateRequest{Subject: subject, DNSNames: []string{"*.picloud.local"}}, key},
		"the name \"example.org": {x509.CertificateRequest{Subject: subject, DNSNames: []string{"example.org"}}, key},
		"the name \"pi-1.lan\"":  {x509.CertificateRequest{Subject: subject, DNSNames: []string{"pi-1.lan"}}, key},
		"the address 8.8.8.8":    {x509.CertificateRequest{Subject: subject, IPAddresses: []net.IP{net.IPv4(8, 8, 8, 8)}}, key},
		"the address 0.0.0.0":    {x509.CertificateRequest{Subject: subject, IPAddresses: []net.IP{net.IPv4zero}}, key},
		"addresses of e-mail":    {x509.CertificateRequest{Subject: subject, EmailAddresses: []string{"root@picloud.local"}}, key},
		"more than 16":           {x509.CertificateRequest{Subject: subject, IPAddresses: tooMany}, key},
		"become an authority":    {x509.CertificateRequest{Subject: subject, ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 19}, Value: caTrue}}}, key},
		"the extension 2.5.29.37": {x509.CertificateRequest{Subject: subject, ExtraExtensions: []pkix.Extension{
			{Id: []int{2, 5, 29, 37}, Value: []byte{0x30, 0}}}}, key},
		"not ECDSA P-256": {x509.CertificateRequest{Subject: subject}, rsaKey},
		"ECDSA P-256,":    {x509.CertificateRequest{Subject: subject}, newKey(t, elliptic.P384())},
	} {
		if _, err := issue(t, a, &c.template, c.key); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("want a refusal with %q, got %v", why, err)
		}
	}
}

func TestRequestWithoutTheKeyIsRefused(t *testing.T) {
	text, err := identity(t, t.TempDir()).Request("pi-2", anything)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	block.Bytes[len(block.Bytes)-3] ^= 1 // in the signature
	for want, bad := range map[string][]byte{
		"not signed":  pem.EncodeToMemory(block),
		"not one PEM": append(bytes.Clone(text), text...),
		"at most":     append(bytes.Clone(text), make([]byte, 9<<10)...),
		"cannot be":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("no")}),
	} {
		if _, err := iam.ParseRequest(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// bring makes a certificate of an authority and its key.
func bring(t *testing.T, change func(*x509.Certificate)) (certificate, key []byte) {
	t.Helper()
	signer := newKey(t, elliptic.P384())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "my own"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(5, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})
}

func TestOwnAuthorityIsJudgedBeforeItIsTaken(t *testing.T) {
	cfg := iam.AuthorityConfig{Domain: "home.example.org"}
	certificate, key := bring(t, func(c *x509.Certificate) {})
	a, err := iam.OpenAuthority(cfg, certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.Constrained() {
		t.Error("it says that it is constrained")
	}
	node := identity(t, t.TempDir(), "8.8.8.8")
	if err := iam.Certify(node, a, "pi-1"); err != nil {
		t.Fatal(err)
	}
	leaf, err := iam.ParseCertificate(node.PEM())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "photo.home.example.org", Roots: node.Roots()}); err != nil {
		t.Error(err)
	}
	_, otherKey := bring(t, func(*x509.Certificate) {})
	for want, change := range map[string]func(*x509.Certificate){
		"not of an authority":   func(c *x509.Certificate) { c.IsCA = false },
		"keyCertSign":           func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign },
		"do not permit":         func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.com"} },
		"excluded: [example":    func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"example.org"} },
		"expired at":            func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) },
		"it must live 120 more": func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 2, 0) },
		"valid from":            func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) },
	} {
		certificate, key := bring(t, change)
		if _, err := iam.OpenAuthority(cfg, certificate, key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for want, bad := range map[string][2][]byte{
		"not that of the certificate": {certificate, otherKey},
		"not a PEM block":             {key, key},
		"is no private key":           {certificate, certificate},
		"more than one":               {append(bytes.Clone(certificate), certificate...), key},
		"encrypted":                   {certificate, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})},
	} {
		if _, err := iam.OpenAuthority(cfg, bad[0], bad[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestConstrainedAuthorityThatLeavesOutLocalhostStillSigns(t *testing.T) {
	certificate, key := bring(t, func(c *x509.Certificate) {
		c.PermittedDNSDomains = []string{"home.example.org"}
		c.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4(10, 0, 0, 0), Mask: net.CIDRMask(8, 32)}}
	})
	a, err := iam.OpenAuthority(iam.AuthorityConfig{Domain: "home.example.org"}, certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	node := identity(t, t.TempDir(), "10.0.0.5", "192.168.1.5")
	if err := iam.Certify(node, a, "pi-1"); err != nil {
		t.Fatal(err)
	}
	leaf, err := iam.ParseCertificate(node.PEM())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "10.0.0.5", Roots: node.Roots()}); err != nil {
		t.Errorf("%v; names %v %v", err, leaf.DNSNames, leaf.IPAddresses)
	}
}

func TestCertificateIsDueAtTwoThirdsOfItsLifeAndForNewNames(t *testing.T) {
	dir := t.TempDir()
	node := identity(t, dir)
	if !node.RenewAt().IsZero() {
		t.Error("a node without certificate does not want one")
	}
	a := authority(t)
	if err := iam.Certify(node, a, "pi-1"); err != nil {
		t.Fatal(err)
	}
	_, expires := node.Fingerprint()
	if due := node.RenewAt(); expires.Sub(due) < 30*24*time.Hour || expires.Sub(due) > 31*24*time.Hour {
		t.Errorf("due %s, expires %s", due, expires)
	}
	moved := identity(t, dir, "192.168.7.7", "elsewhere.example.org")
	if !moved.RenewAt().IsZero() {
		t.Error("a new address is not asked for")
	}
	if err := iam.Certify(moved, a, "pi-1"); err != nil {
		t.Fatal(err)
	}
	if moved.RenewAt().IsZero() {
		t.Error("a name that the authority may not give is asked for again and again")
	}
}

func TestCertificateOfAClockThatWasAheadIsRenewedAtOnce(t *testing.T) {
	now := time.Now().AddDate(5, 0, 0)
	clock := func() time.Time { return now }
	a, err := iam.NewAuthority(iam.AuthorityConfig{Domain: "picloud.local", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	node, err := iam.OpenIdentity(iam.IdentityConfig{Dir: t.TempDir(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := iam.Certify(node, a, "pi-1"); err != nil {
		t.Fatal(err)
	}
	if node.RenewAt().IsZero() {
		t.Error("it is renewed again and again")
	}
	now = time.Now() // somebody set it
	if !node.RenewAt().IsZero() {
		t.Errorf("clients refuse the certificate for five years, and it is renewed only %s", node.RenewAt())
	}
}

func TestFileThatIsNoSecretIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := iam.ReadToken(path); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("got %v", err)
	}
}

func TestAuthorityOnABoardWithoutAClockSignsNothingOlderThanItself(t *testing.T) {
	now := time.Now()
	a, err := iam.NewAuthority(iam.AuthorityConfig{Domain: "picloud.local", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	now = time.Unix(0, 0)
	node := identity(t, t.TempDir())
	if err := iam.Certify(node, a, "pi-1"); err != nil {
		t.Fatal(err)
	}
	if _, expires := node.Fingerprint(); time.Until(expires) < 89*24*time.Hour {
		t.Errorf("the certificate expires %s", expires)
	}
}

// A point of low order gives no secret to wrap with. Taken in, it would fail each
// time that keys are handed out, also to others.
func TestWrappingKeyOfLowOrderIsRefused(t *testing.T) {
	low := [][]byte{make([]byte, 32), append([]byte{1}, make([]byte, 31)...)}
	for _, point := range low {
		if _, err := iam.ParseWrapKey(base64.RawURLEncoding.EncodeToString(point)); err == nil {
			t.Errorf("%x is taken", point)
		}
	}
}
