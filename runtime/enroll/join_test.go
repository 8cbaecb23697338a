package enroll_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/enroll"
)

func TestMachineIsLetInByAnAdministratorWhoComparedTheCode(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	m := newMachine(t, "pi-2", c.address)
	m.Addresses = func() []string { return []string{"192.168.1.22"} }
	out := m.start(t)
	shown := <-m.codes
	wish, _ := c.state().Get("/enrollments/pi-2").(*domain.Enrollment)
	if wish == nil || wish.Status.Code != shown || wish.Status.Fingerprint != m.Identity.ID() || wish.Phase != domain.PhasePending {
		t.Fatalf("the machine shows %s, the enrolment is %+v", shown, wish)
	}
	if c.state().Get("/nodes/pi-2") != nil {
		t.Fatal("it is a node before anybody approved")
	}
	c.do(&domain.ApproveEnrollment{Ref: "/enrollments/pi-2"})
	got := <-out
	if got.err != nil {
		t.Fatal(got.err)
	}
	node, _ := c.state().Get("/nodes/pi-2").(*domain.Node)
	if node == nil || node.Status.ID != m.Identity.ID() || node.Status.WrapKey != m.Identity.WrapKey() ||
		node.Status.EnrolledBy != domain.EnrollmentModeApprove || *node.Status.Port != 7444 ||
		strings.Join(node.Status.Addresses, " ") != "127.0.0.1 192.168.1.22" {
		t.Errorf("the node is %+v", node)
	}
	if c.state().Get("/enrollments/pi-2") != nil {
		t.Error("the enrolment is still there")
	}
	if got.ClusterID != clusterID || got.Domain != "picloud.local" || got.Name != "pi-2" ||
		len(got.Members) != 1 || got.Members[0].ID != c.identity.ID() || got.Members[0].Port != 7443 {
		t.Errorf("the membership is %+v", got.Membership)
	}
	if err := m.Identity.Adopt(got.Certificate, got.Authority); err != nil || !m.Identity.Member() {
		t.Errorf("the machine cannot take its certificate: %v", err)
	}
	if fingerprint, expires := m.Identity.Fingerprint(); node.Status.CertFingerprint != fingerprint || node.Status.CertExpiresAt != base.TimeOf(expires) {
		t.Errorf("the node is known to have the certificate %s until %s", node.Status.CertFingerprint, node.Status.CertExpiresAt)
	}
	if text := c.log.String(); strings.Contains(text, shown) {
		t.Error("the log shows the code")
	}
}

// Its second question is answered when the administrator has decided.
func TestWaitingMachineHearsOfItsApprovalAtOnce(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{Hold: 20 * time.Second})
	m := newMachine(t, "pi-2", c.address)
	asked, there := make(chan int, 64), m.Candidates
	rounds := 0
	m.Candidates = func() []enroll.Candidate { rounds++; asked <- rounds; return there() }
	out := m.start(t)
	<-m.codes
	for <-asked < 2 { // the first showed the code
	}
	c.do(&domain.ApproveEnrollment{Ref: "/enrollments/pi-2"})
	if got := <-out; got.err != nil {
		t.Fatal(got.err)
	}
	if len(asked) > 0 {
		t.Errorf("it asked %d times more", len(asked))
	}
}

func TestMachineIsLetInByTokenOnceAndOnlyByTheClusterOfTheToken(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeToken, enroll.Limits{})
	token := c.ticket("one")
	m := newMachine(t, "pi-2", c.address)
	m.Token = token
	if got := <-m.start(t); got.err != nil {
		t.Fatal(got.err)
	}
	used := c.state().Get("/enrollment-tokens/one").(*domain.EnrollmentToken)
	node := c.state().Get("/nodes/pi-2").(*domain.Node)
	if used.Status.UsedBy != "/nodes/pi-2" || used.Status.UsedAt == 0 || node.Status.EnrolledBy != domain.EnrollmentModeToken {
		t.Errorf("token %+v, node %+v", used.Status, node.Status)
	}
	again := newMachine(t, "pi-3", c.address)
	again.Token = token
	refusedWith(t, <-again.start(t), base.Forbidden, "was used")
	other := anotherCluster(t, domain.EnrollmentModeToken, enroll.Limits{})
	astray := newMachine(t, "pi-4", other.address)
	astray.Token = c.ticket("two")
	astray.start(t)
	if reason := <-astray.says; !strings.Contains(reason, "another certificate authority") {
		t.Errorf("it says %q", reason)
	}
	if other.state().Get("/nodes/pi-4") != nil || other.refusal("127-0-0-1") != nil {
		t.Error("the token was shown to another cluster")
	}
	if strings.Contains(c.log.String(), token) || strings.Contains(c.log.String(), token[20:60]) {
		t.Error("the log shows the token")
	}
}

func refusedWith(t *testing.T, got joined, code base.Code, text string) {
	t.Helper()
	var refused *base.Error
	if !errors.As(got.err, &refused) || refused.Code != code || !strings.Contains(refused.Detail, text) {
		t.Errorf("want a refusal %s with %q, got %v", code, text, got.err)
	}
}

func TestAutoLetsInAndWarns(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	m := newMachine(t, "pi-2", c.address)
	if got := <-m.start(t); got.err != nil {
		t.Fatal(got.err)
	}
	if node := c.state().Get("/nodes/pi-2").(*domain.Node); node.Status.EnrolledBy != domain.EnrollmentModeAuto {
		t.Errorf("%+v", node.Status)
	}
	if !strings.Contains(c.log.String(), "lets any machine in") {
		t.Errorf("no warning: %s", c.log.String())
	}
	c.tidy()
	alert, _ := c.state().Get("/alerts/enrollment-open").(*domain.Alert)
	if alert == nil || alert.Status.Severity != domain.SeverityWarning {
		t.Fatal("no alert")
	}
	cluster := c.state().Get("/").(*domain.Cluster)
	spec := cluster.Spec
	spec.EnrollmentMode = domain.EnrollmentModeApprove
	c.do(&domain.DeclareCluster{Ref: "/", Spec: spec})
	c.tidy()
	if c.state().Get("/alerts/enrollment-open") != nil {
		t.Error("the alert stays")
	}
}

// tidy lets the endpoint tidy up once.
func (c *cluster) tidy() {
	c.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	before := c.views.View().Position
	done := make(chan struct{})
	go func() { defer close(done); c.server.Run(ctx) }()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.views.View().Position == before {
		select {
		case <-tick.C:
		case <-deadline:
			c.Error("nothing was tidied up")
			before = base.Position(1 << 50)
		}
	}
	cancel()
	<-done
}

func TestReplayedEnrolmentMakesNoSecondNode(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	m := newMachine(t, "pi-2", c.address)
	first := <-m.start(t)
	at := c.views.View().Position
	second := <-m.start(t)
	if first.err != nil || second.err != nil {
		t.Fatal(first.err, second.err)
	}
	if c.views.View().Position != at {
		t.Error("the same request again led to events")
	}
	if string(first.Certificate) == string(second.Certificate) {
		t.Error("it got no certificate of its own")
	}
	m.Name = "pi-3"
	refusedWith(t, <-m.start(t), base.Conflict, "is /nodes/pi-2 of the cluster already")
	if c.state().Get("/nodes/pi-3") != nil {
		t.Error("one key is two nodes")
	}
}

func TestNameOfANodeOrOfAWaitingMachineIsNotGivenTwice(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	refusedWith(t, <-newMachine(t, "pi-1", c.address).start(t), base.Conflict, `there is a node "pi-1" already`)
	waiting := newMachine(t, "pi-2", c.address)
	waiting.start(t)
	<-waiting.codes
	refusedWith(t, <-newMachine(t, "pi-2", c.address).start(t), base.Conflict, `another machine asks to join as "pi-2"`)
	if refusal := c.refusal("127-0-0-1"); refusal == nil || *refusal.Status.Attempts != 2 || refusal.Status.Hostname != "pi-2" {
		t.Errorf("the refusals are recorded as %+v", refusal)
	}
}

func TestRejectedMachineIsToldWhyAndStaysOut(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	m := newMachine(t, "pi-2", c.address)
	out := m.start(t)
	<-m.codes
	c.do(&domain.RejectEnrollment{Ref: "/enrollments/pi-2", Input: domain.Rejection{Reason: "not mine"}})
	refusedWith(t, <-out, base.Forbidden, "turned this machine away: not mine")
	m.Name = "pi-9"
	refusedWith(t, <-m.start(t), base.Forbidden, "not mine")
	m.Token = c.ticket("after-all")
	if got := <-m.start(t); got.err != nil {
		t.Errorf("an invitation does not end it: %v", got.err)
	}
	if first, count := c.listed("/enrollments"); count != 0 {
		t.Errorf("%s is left", first)
	}
}

func TestMachineThatStartsAgainShowsAnotherCodeAndSoDoesItsEnrolment(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	m := newMachine(t, "pi-2", c.address)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = enroll.Join(ctx, m.JoinConfig) }()
	first := <-m.codes
	cancel()
	<-ended
	out := m.start(t)
	second := <-m.codes
	if first == second {
		t.Error("the code is the same: its numbers were known before")
	}
	if wish := c.state().Get("/enrollments/pi-2").(*domain.Enrollment); wish.Status.Code != second {
		t.Errorf("the enrolment shows %s, the machine %s", wish.Status.Code, second)
	}
	c.do(&domain.ApproveEnrollment{Ref: "/enrollments/pi-2"})
	if got := <-out; got.err != nil {
		t.Error(got.err)
	}
}

func TestWaitingMachineGoesOnAtAnotherNodeOfTheCluster(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := silent.Addr().String()
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, "pi-2", address, c.address)
	out := m.start(t)
	<-m.codes
	c.do(&domain.ApproveEnrollment{Ref: "/enrollments/pi-2"})
	if got := <-out; got.err != nil {
		t.Error(got.err)
	}
}

// refuses is a node of a cluster of its own that always answers with a problem.
func refuses(t *testing.T, status int, code base.Code, detail, retryAfter string, asked func()) (address string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"type": code.IRI(), "status": status, "detail": detail})
	if err != nil {
		t.Fatal(err)
	}
	return anotherCluster(t, domain.EnrollmentModeAuto, enroll.Limits{}).serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked()
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
}

// Nobody on the network can keep a machine from joining for as long as he likes.
func TestStrangerWhoAsksToComeBackInYearsIsNotWaitedFor(t *testing.T) {
	for asked, waited := range map[int]time.Duration{-5: 250 * time.Millisecond, 0: 250 * time.Millisecond, 7: 7 * time.Second, 100_000_000: time.Minute, math.MaxInt: time.Minute} {
		if got := enroll.Postponed(&base.Error{Code: base.Unavailable, RetryAfter: asked}); got != waited {
			t.Errorf("asked to come back in %d s, a machine waits %s", asked, got)
		}
	}
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	stranger := refuses(t, http.StatusServiceUnavailable, base.Unavailable, "not\x1b\u009b\u202enow", "100000000", func() {})
	m, found := newMachine(t, "pi-2"), make(chan struct{})
	var there atomic.Pointer[[]string]
	there.Store(&[]string{stranger})
	m.Candidates, m.Found = func() []enroll.Candidate { return []enroll.Candidate{{Addresses: *there.Load()}} }, found
	out := m.start(t)
	if reason := <-m.says; !strings.HasSuffix(reason, ": not now") {
		t.Errorf("it says %q", reason)
	}
	there.Store(&[]string{stranger, c.address})
	select {
	case found <- struct{}{}: // another one is found meanwhile
	case <-time.After(30 * time.Second):
		t.Fatal("what is found does not wake it")
	}
	if got := <-out; got.err != nil {
		t.Error(got.err)
	}
}

func TestNodeThatRefusesForNowDoesNotKeepOthersFromBeingAsked(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	away := refuses(t, http.StatusServiceUnavailable, base.Unavailable, "no majority", "50", func() {})
	stale := refuses(t, http.StatusPreconditionFailed, base.Stale, "too old", "", func() {})
	rounds := 0
	m := newMachine(t, "pi-2")
	m.Candidates = func() []enroll.Candidate {
		rounds++
		return []enroll.Candidate{{Addresses: []string{away, stale, c.address}}}
	}
	if got := <-m.start(t); got.err != nil || rounds != 1 {
		t.Errorf("after %d rounds: %v", rounds, got.err)
	}
}

func TestClusterThatAlwaysFindsTheNumbersTooOldIsAskedWithPauses(t *testing.T) {
	t.Parallel()
	asked := make(chan time.Time, 1024)
	address := refuses(t, http.StatusPreconditionFailed, base.Stale, "too old", "", func() {
		select {
		case asked <- time.Now():
		default:
		}
	})
	newMachine(t, "pi-2", address).start(t)
	first := <-asked
	for range 4 {
		<-asked
	}
	if took := (<-asked).Sub(first); took < 450*time.Millisecond {
		t.Errorf("it asked five times more in %s", took)
	}
}

func TestMachineWaitsWhereThereAreSeveralClustersOrNone(t *testing.T) {
	m := newMachine(t, "pi-2")
	m.start(t)
	if reason := <-m.says; !strings.Contains(reason, "no cluster is found") {
		t.Errorf("it says %q", reason)
	}
	m = newMachine(t, "pi-2")
	m.Candidates = func() []enroll.Candidate {
		return []enroll.Candidate{{Cluster: "b", Addresses: []string{"192.0.2.1:443"}}, {Cluster: "a", Addresses: []string{"192.0.2.2:443"}}}
	}
	m.start(t)
	if reason := <-m.says; !strings.Contains(reason, "several clusters here (a, b)") || !strings.Contains(reason, "--cluster") {
		t.Errorf("it says %q", reason)
	}
}

func TestWrongClusterIDIsRefusedClearly(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	m := newMachine(t, "pi-2", c.address)
	m.Cluster = "00000000-0000-4000-8000-000000000000"
	refusedWith(t, <-m.start(t), base.Conflict, "this is the cluster "+clusterID)
	if c.refusal("127-0-0-1") == nil || c.state().Get("/nodes/pi-2") != nil {
		t.Error("it is not recorded, or was let in")
	}
}

func TestMachineWithoutAClockJoins(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	m := newMachine(t, "pi-2", c.address)
	m.Now = func() time.Time { return time.Unix(0, 0) }
	if got := <-m.start(t); got.err != nil {
		t.Error(got.err)
	}
}

func TestSomebodyInBetweenIsFoundOut(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	imitation := anotherCluster(t, domain.EnrollmentModeApprove, enroll.Limits{})
	m := newMachine(t, "pi-2", imitation.address)
	m.start(t)
	shown := <-m.codes
	// it asks the real cluster under the same name with its own key
	impostor := newMachine(t, "pi-2", c.address)
	impostor.start(t)
	<-impostor.codes
	if wish := c.state().Get("/enrollments/pi-2").(*domain.Enrollment); wish.Status.Code == shown {
		t.Error("the machine and the real cluster show one code")
	}
	// it hands on what the machine says
	said, err := enroll.Signed(m.JoinConfig, imitation.identity.AuthorityFingerprint(), func(m *enroll.Message) {
		m.Commitment = enroll.Commitment("x")
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, text := c.post("192.0.2.7", encode(t, said))
	if status != http.StatusForbidden || !strings.Contains(text, "somebody may stand in between") {
		t.Errorf("what was said to another cluster is heard: %d %s", status, text)
	}
}

func TestFreshNodeThatWaitsItselfIsNoCluster(t *testing.T) {
	other := newIdentity(t)
	server := &http.Server{TLSConfig: other.ServerConfig(), Handler: http.NotFoundHandler(), ErrorLog: discardLog()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	m := newMachine(t, "pi-2", listener.Addr().String())
	m.start(t)
	if reason := <-m.says; !strings.Contains(reason, "no member of a cluster itself") {
		t.Errorf("it says %q", reason)
	}
}

func TestCodeChangesWithEveryPartOfEitherSide(t *testing.T) {
	parts := []string{"authority", "id", "wrapKey", "nonce", "challenge"}
	of := func(p []string) string { return enroll.Code(p[0], p[1], p[2], p[3], p[4]) }
	own := of(parts)
	if len(own) != 9 || own[4] != '-' || strings.ContainsAny(own, "ILOU") {
		t.Errorf("the code is %q", own)
	}
	for i := range parts {
		other := append([]string(nil), parts...)
		other[i] += "x"
		if of(other) == own {
			t.Errorf("the code does not tell %s", parts[i])
		}
	}
	if of([]string{"authorityi", "d", "wrapKey", "nonce", "challenge"}) == own {
		t.Error("parts run into each other")
	}
}

func TestChallengeIsForOneCommitmentAndNotForLong(t *testing.T) {
	secret, at := []byte("secret"), time.Date(2026, 11, 23, 12, 5, 0, 0, time.UTC)
	given := enroll.Challenge(secret, at, "c", "id", "w")
	for later, good := range map[time.Duration]bool{0: true, 5 * time.Minute: true, 9 * time.Minute: true, 20 * time.Minute: false} {
		if enroll.Challenged(given, secret, at.Add(later), "c", "id", "w") != good {
			t.Errorf("after %s it is good: %t", later, !good)
		}
	}
	if enroll.Challenged(given, secret, at, "d", "id", "w") || enroll.Challenged(given, []byte("other"), at, "c", "id", "w") {
		t.Error("it is good for another commitment or cluster")
	}
}
