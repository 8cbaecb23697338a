package iam_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/iam"
)

func openCA(t *testing.T, dir string, now time.Time, names ...string) *iam.Leaf {
	t.Helper()
	ca, err := iam.OpenCA(iam.CAConfig{Dir: dir, Domain: "picloud.local", Names: names, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.OpenLeaf()
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestLeafIsTrustedForItsNamesOnly(t *testing.T) {
	dir := t.TempDir()
	openCA(t, dir, time.Now(), "pi-1.lan", "192.168.1.20", "8.8.8.8")
	cert, roots := leafOf(t, dir), x509.NewCertPool()
	authority, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(authority)
	for name, trusted := range map[string]bool{
		"picloud.local": true, "photo.picloud.local": true, "localhost": true, "127.0.0.1": true, "::1": true,
		"pi-1.lan": true, "192.168.1.20": true, "8.8.8.8": false, "example.org": false, "picloud.local.example.org": false,
	} {
		_, err := cert.Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
		if (err == nil) != trusted {
			t.Errorf("%s: trusted is %v, want %v (%v)", name, err == nil, trusted, err)
		}
	}
}

// leafOf is the certificate that a directory's node serves.
func leafOf(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	cert, err := openCA(t, dir, time.Now(), "pi-1.lan", "192.168.1.20", "8.8.8.8").Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf
}

func TestCertificateIsKeptAndRenewedInTime(t *testing.T) {
	dir, start := t.TempDir(), time.Now()
	fingerprint := func(leaf *iam.Leaf) string {
		t.Helper()
		f, _, err := leaf.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := openCA(t, dir, start)
	id, err := first.ID()
	if err != nil {
		t.Fatal(err)
	}
	again := openCA(t, dir, start.Add(30*24*time.Hour))
	if fingerprint(first) != fingerprint(again) {
		t.Error("a restart made another certificate")
	}
	if fingerprint(openCA(t, dir, start, "pi-1.picloud.local")) == fingerprint(first) {
		t.Error("another name brought no other certificate")
	}
	late := openCA(t, dir, start.Add(70*24*time.Hour))
	if fingerprint(late) == fingerprint(first) {
		t.Error("the certificate was not renewed at two thirds of its life")
	}
	if now, err := late.ID(); err != nil || now != id {
		t.Errorf("the node is now %s, was %s (%v)", now, id, err)
	}
}

func TestHandshakeSucceedsWithTheAuthorityAlone(t *testing.T) {
	dir := t.TempDir()
	leaf := openCA(t, dir, time.Now())
	authority, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	client, server := net.Pipe()
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(server, leaf.ServerConfig())
		_, err := conn.Write([]byte("hello"))
		done <- err
	}()
	conn := tls.Client(client, &tls.Config{RootCAs: roots, ServerName: "picloud.local"})
	text := make([]byte, 5)
	if _, err := io.ReadFull(conn, text); err != nil {
		t.Fatal(err)
	}
	if conn.ConnectionState().Version != tls.VersionTLS13 {
		t.Error("the handshake is not TLS 1.3")
	}
	if err := errors.Join(<-done, client.Close(), server.Close()); err != nil {
		t.Error(err)
	}
}

func TestKeysAreReadableByTheirOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	openCA(t, dir, time.Now())
	if _, err := iam.LoadKey(filepath.Join(dir, "seal.key")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.key", "node.key", "seal.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "seal.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := iam.LoadKey(filepath.Join(dir, "seal.key")); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read gives %v", err)
	}
}

func TestSealedValueOpensOnlyWhereItWasSealed(t *testing.T) {
	key, err := iam.LoadKey(filepath.Join(t.TempDir(), "k"))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := iam.NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	clear := []byte("hunter2")
	sealed := base.Sensitive{Clear: bytes.Clone(clear)}
	given := sealed.Clear
	sealer.Seal("/secrets/db", "value", &sealed)
	if sealed.Clear != nil || bytes.Contains(given, []byte("hunter2")) || bytes.Contains(sealed.Sealed, clear) {
		t.Error("the clear value is still there")
	}
	opened, err := sealer.Open("/secrets/db", "value", sealed)
	if err != nil || !bytes.Equal(opened, clear) {
		t.Errorf("opened %q, %v", opened, err)
	}
	for _, place := range [][2]string{{"/secrets/db", "data"}, {"/secrets/other", "value"}, {"/secrets/dbv", "alue"}} {
		if _, err := sealer.Open(base.Ref(place[0]), place[1], sealed); !errors.Is(err, iam.ErrUnsealable) {
			t.Errorf("it opens at %v: %v", place, err)
		}
	}
	again := base.Sensitive{Clear: bytes.Clone(clear)}
	sealer.Seal("/secrets/db", "value", &again)
	if again.Fingerprint != sealed.Fingerprint || bytes.Equal(again.Sealed, sealed.Sealed) {
		t.Error("equal values must have equal fingerprints and different seals")
	}
	elsewhere := base.Sensitive{Clear: bytes.Clone(clear)}
	sealer.Seal("/secrets/other", "value", &elsewhere)
	if elsewhere.Fingerprint == sealed.Fingerprint {
		t.Error("the fingerprint tells that two secrets have one value")
	}
	sealed.Sealed[len(sealed.Sealed)-1] ^= 1
	if _, err := sealer.Open("/secrets/db", "value", sealed); !errors.Is(err, iam.ErrUnsealable) {
		t.Errorf("a changed seal opens: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", again, again, again); strings.Contains(text, "hunter2") {
		t.Errorf("it prints itself: %s", text)
	}
}
