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

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/iam"
)

func TestCertificateIsTrustedForItsNamesOnly(t *testing.T) {
	node := identity(t, t.TempDir(), "pi-1.lan", "192.168.1.20", "8.8.8.8")
	if err := iam.Certify(node, authority(t, "pi-1.lan", "192.168.1.20", "8.8.8.8"), "pi-1"); err != nil {
		t.Fatal(err)
	}
	cert, err := iam.ParseCertificate(node.PEM())
	if err != nil {
		t.Fatal(err)
	}
	for name, trusted := range map[string]bool{
		"picloud.local": true, "photo.picloud.local": true, "localhost": true, "127.0.0.1": true, "::1": true,
		"pi-1.lan": true, "192.168.1.20": true, "8.8.8.8": false, "example.org": false, "picloud.local.example.org": false,
	} {
		_, err := cert.Verify(x509.VerifyOptions{DNSName: name, Roots: node.Roots()})
		if (err == nil) != trusted {
			t.Errorf("%s: trusted is %v, want %v (%v)", name, err == nil, trusted, err)
		}
	}
}

func TestHandshakeSucceedsWithTheAuthorityAlone(t *testing.T) {
	node := identity(t, t.TempDir())
	if err := iam.Certify(node, authority(t), "pi-1"); err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(server, node.ServerConfig())
		_, err := conn.Write([]byte("hello"))
		done <- err
	}()
	conn := tls.Client(client, &tls.Config{RootCAs: node.Roots(), ServerName: "picloud.local"})
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

func TestKeyThatOthersMayReadIsRefused(t *testing.T) {
	for _, name := range []string{"node.key", "wrap.key"} {
		dir := t.TempDir()
		identity(t, dir)
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := iam.OpenIdentity(iam.IdentityConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%s that others may read gives %v", name, err)
		}
	}
}

func TestSealedValueOpensOnlyWhereItWasSealed(t *testing.T) {
	sealer, err := iam.NewSealer(bytes.Repeat([]byte{7}, iam.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	clear := []byte("hunter2")
	sealed := base.Sensitive{Clear: bytes.Clone(clear)}
	given := sealed.Clear
	seal := func(ref base.Ref, v *base.Sensitive) {
		t.Helper()
		if err := sealer.Seal(ref, "value", v); err != nil {
			t.Fatal(err)
		}
	}
	seal("/secrets/db", &sealed)
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
	seal("/secrets/db", &again)
	if again.Fingerprint != sealed.Fingerprint || bytes.Equal(again.Sealed, sealed.Sealed) {
		t.Error("equal values must have equal fingerprints and different seals")
	}
	elsewhere := base.Sensitive{Clear: bytes.Clone(clear)}
	seal("/secrets/other", &elsewhere)
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
