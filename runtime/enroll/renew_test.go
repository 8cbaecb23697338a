package enroll_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/iam"
)

// handed is a transport that hands requests to a handler.
type handed struct{ http.Handler }

func (h handed) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// member lets a machine in and gives it a renewer that asks the cluster.
func (c *cluster) member(name string, names ...string) (*iam.Identity, *enroll.Renewer) {
	c.Helper()
	i, err := iam.OpenIdentity(iam.IdentityConfig{Dir: filepath.Join(c.TempDir(), "keys"), Names: names, Now: c.clock.now})
	if err != nil {
		c.Fatal(err)
	}
	c.do(&domain.EnrollNode{Ref: base.Ref("/nodes/" + name), Status: domain.NodeStatus{ID: i.ID(), WrapKey: i.WrapKey()}})
	renewals := c.server.Renewals(func(context.Context) string { return i.ID() })
	return i, &enroll.Renewer{
		Identity: i, Name: name, Vault: c.vault, Leading: func() bool { return false },
		Leader: func() string { return c.identity.ID() }, Client: &http.Client{Transport: handed{renewals}},
		Now: c.clock.now, Logger: slog.New(slog.DiscardHandler),
	}
}

func TestMemberRenewsItsCertificateAtTheLeader(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	i, r := c.member("pi-2", "192.168.1.22", "pi-2.lan")
	if err := r.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, expires := i.Fingerprint()
	if !i.Member() || i.AuthorityFingerprint() != c.identity.AuthorityFingerprint() {
		t.Error("it is no member")
	}
	leaf, err := iam.ParseCertificate(i.PEM())
	if err != nil {
		t.Fatal(err)
	}
	if leaf.VerifyHostname("192.168.1.22") != nil || leaf.VerifyHostname("pi-2.lan") == nil {
		t.Errorf("its names are %v %v", leaf.DNSNames, leaf.IPAddresses)
	}
	if due := i.RenewAt(); !due.After(c.clock.now().Add(50*24*time.Hour)) || !due.Before(expires) {
		t.Errorf("due at %s", due)
	}
	c.clock.forward(61 * 24 * time.Hour)
	if i.RenewAt().After(c.clock.now()) {
		t.Error("at two thirds of its life it is not due")
	}
	if err := r.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if second, later := i.Fingerprint(); second == first || later.Sub(expires) < 60*24*time.Hour {
		t.Error("the certificate is the same")
	}
}

func TestLeaderRenewsItsOwnCertificate(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	before, _ := c.identity.Fingerprint()
	r := &enroll.Renewer{Identity: c.identity, Name: "pi-1", Vault: c.vault, Leading: func() bool { return true }, Now: c.clock.now, Logger: slog.New(slog.DiscardHandler)}
	if err := r.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, _ := c.identity.Fingerprint(); after == before {
		t.Error("the certificate is the same")
	}
}

func TestRenewalIsForMembersAndTheirOwnKeyOnly(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	_, member := c.member("pi-2")
	stranger := newIdentity(t)
	csr := func(i *iam.Identity, name string) string {
		text, err := i.Request(name, func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	ask := func(caller, body string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, enroll.RenewPath, strings.NewReader(body))
		c.server.Renewals(func(context.Context) string { return caller }).ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for want, got := range map[string]struct{ caller, body string }{
		"is of no member":       {stranger.ID(), encode(t, map[string]string{"csr": csr(stranger, "pi-9")})},
		"its own key only":      {member.Identity.ID(), encode(t, map[string]string{"csr": csr(stranger, "pi-2")})},
		"not for the node":      {member.Identity.ID(), encode(t, map[string]string{"csr": csr(member.Identity, "pi-1")})},
		"is not one PEM block":  {member.Identity.ID(), `{"csr":"x"}`},
		"breaks a rule":         {member.Identity.ID(), `{"csrs":"x"}`},
		"16 KiB":                {member.Identity.ID(), strings.Repeat(" ", 17<<10)},
		"JSON that can be read": {member.Identity.ID(), "garbage"},
	} {
		if status, text := ask(got.caller, got.body); status < 400 || !strings.Contains(text, want) {
			t.Errorf("want %q, got %d %s", want, status, text)
		}
	}
}

func TestCertificateIsRenewedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		authority, err := iam.NewAuthority(iam.AuthorityConfig{Domain: "picloud.local"})
		if err != nil {
			t.Fatal(err)
		}
		i, err := iam.OpenIdentity(iam.IdentityConfig{Dir: filepath.Join(dir, "keys")})
		if err != nil {
			t.Fatal(err)
		}
		var failing atomic.Bool
		failing.Store(true)
		issue := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if failing.Load() {
				http.Error(w, "no leader", http.StatusServiceUnavailable)
				return
			}
			if err := iam.Certify(i, authority, "pi-2"); err != nil {
				t.Error(err)
			}
			_, _ = w.Write([]byte(encode(t, map[string]string{"certificate": string(i.PEM()), "roots": string(authority.PEM())})))
		})
		r := &enroll.Renewer{
			Identity: i, Name: "pi-2", Leading: func() bool { return false }, Leader: func() string { return "leader" },
			Client: &http.Client{Transport: handed{issue}}, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); r.Run(ctx) }()
		advance := func(d time.Duration) {
			timer := time.NewTimer(d)
			<-timer.C
			synctest.Wait()
		}
		advance(time.Second)
		if i.Member() {
			t.Error("it is a member by itself")
		}
		failing.Store(false)
		advance(2 * time.Minute)
		if !i.Member() {
			t.Fatal("what failed is not tried again")
		}
		first := i.PEM()
		advance(58 * 24 * time.Hour)
		if !bytes.Equal(first, i.PEM()) {
			t.Error("the certificate is renewed too early")
		}
		advance(3 * 24 * time.Hour)
		if bytes.Equal(first, i.PEM()) {
			t.Error("the certificate is not renewed in time")
		}
		cancel()
		<-ended
	})
}

func TestNodeThatIsBeingRemovedGetsNoOtherCertificate(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	_, member := c.member("pi-2")
	csr, err := member.Identity.Request("pi-2", func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	ask := func() int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, enroll.RenewPath, strings.NewReader(encode(t, map[string]string{"csr": string(csr)})))
		c.server.Renewals(func(context.Context) string { return member.Identity.ID() }).ServeHTTP(w, r)
		return w.Code
	}
	if status := ask(); status != http.StatusOK {
		t.Fatalf("a member is answered %d", status)
	}
	c.do(&domain.RemoveNode{Ref: "/nodes/pi-2"})
	if status := ask(); status != http.StatusForbidden {
		t.Errorf("a node that is being removed is answered %d", status)
	}
}
