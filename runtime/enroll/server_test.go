package enroll_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/enroll/ticket"
)

func discardLog() *log.Logger { return slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) }

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// say signs a first message of a machine to this cluster.
func (c *cluster) say(m *machine, fill, after func(*enroll.Message)) string {
	c.Helper()
	said, err := enroll.Signed(m.JoinConfig, c.identity.AuthorityFingerprint(), func(said *enroll.Message) {
		said.Commitment = enroll.Commitment(zeros)
		if fill != nil {
			fill(said)
		}
	}, after)
	if err != nil {
		c.Fatal(err)
	}
	return encode(c.T, said)
}

// zeros is a nonce that nobody should use.
const zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// finish says both messages of a machine and gives the answer to the second.
func (c *cluster) finish(m *machine, remote string, fill func(*enroll.Message)) (int, string) {
	c.Helper()
	status, text := c.post(remote, c.say(m, fill, nil))
	if status != http.StatusAccepted {
		return status, text
	}
	var got struct{ Challenge string }
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		c.Fatal(err)
	}
	return c.post(remote, c.say(m, func(said *enroll.Message) {
		if fill != nil {
			fill(said)
		}
		said.Commitment, said.Nonce, said.Challenge = "", zeros, got.Challenge
	}, nil))
}

// csr is a request for a certificate of one's own making, for the machine's key.
func csrOf(t *testing.T, template *x509.CertificateRequest, key any) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func TestBadInputIsRefusedRecordedAndHarmless(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{All: 1000, Records: 1000})
	m := newMachine(t, "pi-2")
	foreign := newMachine(t, "pi-3")
	forged, _, err := ticket.New(ticket.Ticket{Cluster: clusterID, Authority: c.identity.AuthorityFingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, _, err := ticket.New(ticket.Ticket{Cluster: "00000000-0000-4000-8000-000000000000", Authority: c.identity.AuthorityFingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	expired := c.ticket("late")
	token := c.state().Get("/enrollment-tokens/late").(*domain.EnrollmentToken)
	spec := token.Spec
	spec.ExpiresAt = base.TimeOf(time.Now().Add(-time.Second))
	c.do(&domain.DeclareEnrollmentToken{Ref: token.Ref, Spec: spec})
	other, err := enroll.Signed(foreign.JoinConfig, c.identity.AuthorityFingerprint(), func(*enroll.Message) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, bad := range []struct {
		name, want string
		status     int
		body       func() string
	}{
		{"no JSON", "JSON that can be read", 400, func() string { return "GET / HTTP/1.1" }},
		{"nothing", "", 400, func() string { return "" }},
		{"two values", "", 400, func() string { return "{}{}" }},
		{"a list", "breaks a rule", 422, func() string { return "[]" }},
		{"deep", "", 400, func() string { return strings.Repeat("[", 100) }},
		{"too large", "16 KiB", 413, func() string { return `{"name":"` + strings.Repeat("x", 17<<10) + `"}` }},
		{"unknown field", "breaks a rule", 422, func() string { return `{"nam":"pi-2"}` }},
		{"no name", "names no node", 422, func() string { return c.say(m, nil, func(s *enroll.Message) { s.Name = "" }) }},
		{"a path", "names no node", 422, func() string { return c.say(m, nil, func(s *enroll.Message) { s.Name = "../nodes/pi-1" }) }},
		{"another name than the request's", "but its request for a certificate is for", 422, func() string { return c.say(m, nil, func(s *enroll.Message) { s.Name = "pi-5" }) }},
		{"no request", "is not one PEM block", 422, func() string { return c.say(m, nil, func(s *enroll.Message) { s.CSR = "x" }) }},
		{"the request of another machine", "not by the key of the request", 403, func() string {
			return c.say(m, nil, func(s *enroll.Message) { s.CSR, s.Name = other.CSR, other.Name })
		}},
		{"no wrapping key", "wrapKey", 422, func() string { return c.say(m, func(s *enroll.Message) { s.WrapKey = "AAAA" }, nil) }},
		{"another wrapping key", "not by the key of the request", 403, func() string {
			return c.say(m, nil, func(s *enroll.Message) { s.WrapKey = foreign.Identity.WrapKey() })
		}},
		{"no proof", "not by the key of the request", 403, func() string { return c.say(m, nil, func(s *enroll.Message) { s.Proof = "" }) }},
		{"no port", "port 0 is none", 422, func() string { return c.say(m, func(s *enroll.Message) { s.Port = 0 }, nil) }},
		{"loopback as address", "is no address at which others", 422, func() string {
			return c.say(m, func(s *enroll.Message) { s.Addresses = []string{"127.0.0.1"} }, nil)
		}},
		{"both numbers", "this one has both", 422, func() string { return c.say(m, func(s *enroll.Message) { s.Nonce = zeros }, nil) }},
		{"short numbers", "32 bytes each", 422, func() string { return c.say(m, func(s *enroll.Message) { s.Commitment = "AAAA" }, nil) }},
		{"another cluster", "this is the cluster", 409, func() string {
			return c.say(m, func(s *enroll.Message) { s.Cluster = "00000000-0000-4000-8000-000000000000" }, nil)
		}},
		{"a token of another cluster", "this is the cluster", 409, func() string { return c.say(m, func(s *enroll.Message) { s.Token = elsewhere }, nil) }},
		{"a forged token", "is not known to this cluster", 403, nil},
		{"an expired token", "expired at", 403, nil},
		{"what is no token", "is no enrolment token", 403, nil},
		{"wildcard", "asks for the wildcard", 422, nil},
		{"foreign name", "example.org", 422, nil},
		{"an authority", "asks to become an authority", 422, nil},
	} {
		remote := fmt.Sprintf("198.51.100.%d", i+1)
		at := c.views.View().Position
		var status int
		var text string
		switch bad.name {
		case "a forged token":
			status, text = c.finish(m, remote, func(s *enroll.Message) { s.Token = forged })
		case "an expired token":
			status, text = c.finish(m, remote, func(s *enroll.Message) { s.Token = expired })
		case "what is no token":
			status, text = c.finish(m, remote, func(s *enroll.Message) { s.Token = "pct_" + forged[4:] })
		case "wildcard":
			status, text = c.post(remote, c.asking(t, &x509.CertificateRequest{DNSNames: []string{"*.picloud.local"}}))
		case "foreign name":
			status, text = c.post(remote, c.asking(t, &x509.CertificateRequest{DNSNames: []string{"example.org"}}))
		case "an authority":
			status, text = c.post(remote, c.asking(t, &x509.CertificateRequest{ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 19}, Value: []byte{0x30, 3, 1, 1, 0xff}}}}))
		default:
			status, text = c.post(remote, bad.body())
		}
		if status != bad.status || !strings.Contains(text, bad.want) || !strings.Contains(text, `"type":"https://picloud.local/ontology#Error`) {
			t.Errorf("%s: want %d with %q, got %d %s", bad.name, bad.status, bad.want, status, text)
		}
		if known := c.refusal(strings.ReplaceAll(remote, ".", "-")); bad.name != "too large" && (known == nil || known.Status.Cause == "" || *known.Status.Attempts != 1) {
			t.Errorf("%s is recorded as %+v", bad.name, known)
		}
		if moved := c.views.View().Position - at; moved > 1 {
			t.Errorf("%s led to %d events", bad.name, moved)
		}
	}
	for entry := range c.state().List("/nodes", "") {
		if entry.Resource.Common().Ref != "/nodes/pi-1" {
			t.Errorf("%s was let in", entry.Resource.Common().Ref)
		}
	}
	for _, secret := range []string{forged[30:], expired[30:]} {
		if strings.Contains(c.log.String(), secret) {
			t.Error("the log shows a token")
		}
	}
	if status, text := c.finish(m, "198.51.100.200", nil); status != http.StatusAccepted || !strings.Contains(text, `"code":"`) {
		t.Errorf("afterwards a good request gets %d %s", status, text)
	}
}

// asking is a first message whose request for a certificate asks for more.
func (c *cluster) asking(t *testing.T, template *x509.CertificateRequest) string {
	t.Helper()
	m, key := newMachineWithKey(t, "pi-2")
	template.Subject = pkix.Name{CommonName: "pi-2"}
	return c.say(m, func(s *enroll.Message) { s.CSR = csrOf(t, template, key) }, nil)
}

func TestChallengeThatWasNeverGivenLeadsBackToTheBeginning(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	m := newMachine(t, "pi-2")
	at := c.views.View().Position
	status, text := c.post("198.51.100.1", c.say(m, func(s *enroll.Message) { s.Commitment, s.Nonce, s.Challenge = "", zeros, zeros }, nil))
	if status != http.StatusPreconditionFailed || !strings.Contains(text, "ask for another one") || c.views.View().Position != at {
		t.Errorf("%d %s", status, text)
	}
}

func TestEventsOfRefusalsAreBounded(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{All: 1000, Records: 4})
	at := c.views.View().Position
	for i := range 20 {
		if status, _ := c.post(fmt.Sprintf("198.51.100.%d", i), "{}"); status != http.StatusUnprocessableEntity {
			t.Errorf("attempt %d got %d", i, status)
		}
	}
	if events := c.views.View().Position - at; events != 4 {
		t.Errorf("20 attempts led to %d events", events)
	}
}

func TestAttemptsAreLimitedForEachAddressAndInAll(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{Attempts: 3, All: 5})
	count := func(remote string, times int) (taken int) {
		for range times {
			status, text := c.post(remote, "{}")
			switch {
			case status == http.StatusTooManyRequests && strings.Contains(text, "too many requests"):
			case status == http.StatusUnprocessableEntity:
				taken++
			default:
				t.Fatalf("%d %s", status, text)
			}
		}
		return taken
	}
	if taken := count("198.51.100.1", 10); taken != 3 {
		t.Errorf("one address made %d attempts", taken)
	}
	if taken := count("198.51.100.2", 10); taken != 2 {
		t.Errorf("with another one %d were made in all", 3+taken)
	}
	if known := c.refusal("198-51-100-1"); *known.Status.Attempts != 3 {
		t.Errorf("%d are recorded", *known.Status.Attempts)
	}
	r := httptest.NewRequest(http.MethodPost, enroll.Path, strings.NewReader("{}"))
	r.RemoteAddr = "198.51.100.1:1"
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	if w.Header().Get("Retry-After") == "" {
		t.Error("nothing says when to try again")
	}
}

func TestRefusalsAndWaitingMachinesAreBounded(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{Refusals: 3, Waiting: 2, All: 1000})
	for i := range 8 {
		c.clock.forward(time.Second)
		c.post(fmt.Sprintf("198.51.100.%d", i), "{}")
	}
	if _, kept := c.listed("/enrollment-refusals"); kept != 3 {
		t.Errorf("%d refusals are kept", kept)
	}
	if c.refusal("198-51-100-7") == nil || c.refusal("198-51-100-0") != nil {
		t.Error("the oldest stay")
	}
	for i := range 4 {
		status, text := c.finish(newMachine(t, fmt.Sprintf("new-%d", i)), fmt.Sprintf("203.0.113.%d", i), nil)
		if i < 2 && status != http.StatusAccepted || i >= 2 && (status != http.StatusTooManyRequests || !strings.Contains(text, "2 machines wait")) {
			t.Errorf("machine %d: %d %s", i, status, text)
		}
	}
}

func (c *cluster) listed(collection string) (first base.Ref, count int) {
	for entry := range c.state().List(collection, "") {
		if first == "" {
			first = entry.Resource.Common().Ref
		}
		count++
	}
	return first, count
}

func TestWhatNobodyDecidedEnds(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{All: 1000})
	for i, name := range []string{"waits", "approved"} {
		if status, text := c.finish(newMachine(t, name), fmt.Sprintf("203.0.113.%d", i), nil); status != http.StatusAccepted {
			t.Fatal(status, text)
		}
	}
	c.post("198.51.100.1", "{}")
	c.do(&domain.ApproveEnrollment{Ref: "/enrollments/approved"})
	c.clock.forward(61 * time.Minute)
	c.tidy()
	if first, count := c.listed("/enrollments"); count != 1 || first != "/enrollments/approved" {
		t.Errorf("%d are left, first %s", count, first)
	}
	if c.refusal("198-51-100-1") == nil {
		t.Error("a refusal is forgotten too early")
	}
	c.clock.forward(24 * time.Hour)
	c.tidy()
	if _, count := c.listed("/enrollments"); count != 0 || c.refusal("198-51-100-1") != nil {
		t.Error("something stays for ever")
	}
}

func TestTwoMachinesWithOneTokenAtOnceBecomeOneNode(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	token := c.ticket("one")
	results := make(chan joined, 2)
	for _, name := range []string{"pi-2", "pi-3"} {
		m := newMachine(t, name, c.address)
		m.Token = token
		out := m.start(t)
		go func() { results <- <-out }()
	}
	one, other := <-results, <-results
	if (one.err == nil) == (other.err == nil) {
		t.Errorf("%v, %v", one.err, other.err)
	}
	if _, count := c.listed("/nodes"); count != 2 {
		t.Errorf("there are %d nodes", count)
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, enroll.Path, nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestLimiterForgetsNobodyTooEarlyAndRemembersABoundedNumber(t *testing.T) {
	l, now := enroll.NewLimiter(5), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for range 5 {
		if l.Take("192.0.2.1", now) > 0 {
			t.Fatal("five are too many")
		}
	}
	if wait := l.Take("192.0.2.1", now); wait < 11*time.Second || wait > 13*time.Second {
		t.Errorf("the sixth waits %s", wait)
	}
	if l.Take("2001:db8::1", now) > 0 || l.Take("2001:db8:0:1::1", now) > 0 {
		t.Error("another address waits")
	}
	for i := range 6 {
		if wait := l.Take(fmt.Sprintf("2001:db8:7:7::%d", i+1), now); (wait > 0) != (i == 5) {
			t.Errorf("address %d of one customer waits %s", i, wait)
		}
	}
	for i := range 10_000 {
		l.Take(fmt.Sprintf("10.%d.%d.1", i/256, i%256), now)
	}
	if l.Len() > 4097 {
		t.Errorf("%d addresses are kept", l.Len())
	}
	if l.Take("192.0.2.1", now.Add(5*time.Second)) == 0 {
		t.Error("a storm of others forgave it")
	}
	if l.Take("192.0.2.1", now.Add(13*time.Second)) > 0 {
		t.Error("it waits for longer than was said")
	}
}

func TestCauseIsOneLineOfBoundedLength(t *testing.T) {
	for _, text := range []string{"a\nb\tc\x00d", strings.Repeat("ü", 400), strings.Repeat("a ", 400), "\xff\xfe"} {
		got := enroll.Line(text)
		check := base.Check{}
		if len(got) > 256 || strings.ContainsAny(got, "\n\t\x00") || strings.TrimSpace(got) != got {
			t.Errorf("%q gives %q (%d bytes), %v", text, got, len(got), check.Violations)
		}
	}
}

// A text can neither steer a terminal nor look like another.
func TestCauseHasNoSignsThatAreNotSeen(t *testing.T) {
	for _, r := range "\x00\x1b\x7f\u0080\u009b\u009f\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069" {
		if got := enroll.Line("a" + string(r) + "b"); got != "a b" {
			t.Errorf("%U gives %q", r, got)
		}
	}
	if got := enroll.Line("größer, ぴ, 🥧"); got != "größer, ぴ, 🥧" {
		t.Errorf("it gives %q", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"csr":"x","wrapKey":"y","name":"pi-2","port":443,"addresses":["10.0.0.1"],"commitment":"z","proof":"p"}`))
	f.Add([]byte(`{"name":"pi-2","nonce":"` + zeros + `","challenge":"` + zeros + `"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := enroll.Read(body); err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
	})
}
