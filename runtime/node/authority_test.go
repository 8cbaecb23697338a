package node_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/node"
)

// authority is one that somebody brings along, and its key, as PEM.
func authority(t *testing.T, permitted ...string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Home"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, PermittedDNSDomains: permitted,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// Who brings his own authority along hears what trusting it means.
func TestAuthorityThatMaySignForAnySiteIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, permitted := range [][]string{nil, {"home.example", "localhost"}} {
		cfg, said := fresh(t, "pi-1"), &loud{}
		cfg.Logger = slog.New(said)
		heard, end := wait(t, cfg)
		hears(t, heard, "picloud cluster init")
		what := node.Founding{Domain: "home.example"}
		what.Certificate, what.Key = authority(t, permitted...)
		if _, err := node.Init(t.Context(), cfg.Dir, what); err != nil {
			t.Fatal(err)
		}
		if ended := end(); ended.err != nil {
			t.Fatal(ended.err)
		}
		said.mu.Lock()
		if got := strings.Contains(strings.Join(said.lines, "\n"), "may sign for any site"); got != (permitted == nil) {
			t.Errorf("permitted are %q, and the log says %q", permitted, said.lines)
		}
		said.mu.Unlock()
	}
}
