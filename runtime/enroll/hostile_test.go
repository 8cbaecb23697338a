package enroll_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/enroll"
)

// announced are candidates of a cluster as anybody can announce them.
func announced(addresses ...string) []enroll.Candidate {
	return []enroll.Candidate{{Cluster: clusterID, Addresses: addresses}}
}

// Who was merely announced may be anybody. His refusal ends nothing: the machine
// asks others, and him again later, also when nobody else is known yet.
func TestRefusalOfWhoWasOnlyAnnouncedEndsNothing(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	var asked atomic.Int64
	stranger := refuses(t, http.StatusForbidden, base.Forbidden, "never", "", func() { asked.Add(1) })
	m, found := newMachine(t, "pi-2"), make(chan struct{})
	var there atomic.Pointer[[]string]
	there.Store(&[]string{stranger})
	m.Candidates, m.Found = func() []enroll.Candidate { return announced(*there.Load()...) }, found
	out := m.start(t)
	if reason := <-m.says; !strings.HasSuffix(reason, ": never") {
		t.Errorf("it says %q", reason)
	}
	for range 3 { // rounds
		wake(t, found, out)
	}
	if asked.Load() != 1 {
		t.Errorf("it asked %d times within a second or two", asked.Load())
	}
	there.Store(&[]string{stranger, c.address})
	if got := <-out; got.err != nil {
		t.Error(got.err)
	}
}

// wake begins a round.
func wake(t *testing.T, found chan<- struct{}, out <-chan joined) {
	t.Helper()
	select {
	case found <- struct{}{}:
	case got := <-out:
		t.Fatalf("it has ended: %v", got.err)
	case <-time.After(30 * time.Second):
		t.Fatal("what is found does not wake it")
	}
}

// The cluster of the token cannot be imitated, so its word counts.
func TestRefusalOfTheClusterOfTheTokenEndsTheWish(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeToken, enroll.Limits{})
	m := newMachine(t, "pi-2")
	m.Token = c.ticket("one")
	c.clock.forward(2 * time.Hour)
	m.Candidates = func() []enroll.Candidate { return announced(c.address) }
	refusedWith(t, <-m.start(t), base.Forbidden, "expired")
}

// Announced addresses at which nobody says a word cost the others nothing.
func TestSilentAddressesDoNotKeepOthersFromBeingAsked(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	var addresses []string
	for range 20 {
		silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = silent.Close() })
		addresses = append(addresses, silent.Addr().String())
	}
	rounds := 0
	m := newMachine(t, "pi-2")
	m.Candidates = func() []enroll.Candidate { rounds++; return announced(append(addresses, c.address)...) }
	if got := <-m.start(t); got.err != nil || rounds != 1 { // in far less than a minute
		t.Errorf("after %d rounds: %v", rounds, got.err)
	}
}

// Who comes first in the list is asked first, though others are faster.
func TestAddressesAreAskedInTheirOrder(t *testing.T) {
	limits := enroll.Limits{Attempts: 100}
	c, other := newCluster(t, domain.EnrollmentModeAuto, limits), anotherCluster(t, domain.EnrollmentModeAuto, limits)
	for i := range 10 {
		m := newMachine(t, fmt.Sprintf("pi-%d", i+2), c.address, other.address)
		if got := <-m.start(t); got.err != nil || !bytes.Equal(got.Authority, c.identity.Authority()) {
			t.Fatalf("another one was asked first: %v", got.err)
		}
	}
}

// A stranger can fill neither a screen nor a log.
func TestWordsOfStrangersAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ß", 200_000)
	for what, m := range map[string]*machine{
		"a refusal for now": newMachine(t, "pi-2", refuses(t, http.StatusServiceUnavailable, base.Unavailable, long, "", func() {})),
		"an announced one":  newMachine(t, "pi-2", refuses(t, http.StatusForbidden, base.Forbidden, long, "", func() {})),
		"a wrong answer": newMachine(t, "pi-2", anotherCluster(t, domain.EnrollmentModeAuto, enroll.Limits{}).serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(`{"detail":{"` + long + `":1}}`))
		}))),
	} {
		there := m.Candidates()
		there[0].Cluster = clusterID
		m.Candidates = func() []enroll.Candidate { return there }
		m.start(t)
		if reason := <-m.says; len(reason) > 2<<10 {
			t.Errorf("%s: it says %d bytes", what, len(reason))
		}
	}
	var violations []base.Violation
	for range 300 {
		violations = append(violations, base.Violation{ID: long[:100], Message: long[:1000]})
	}
	body, err := json.Marshal(map[string]any{"type": base.Invalid.IRI(), "detail": long, "violations": violations})
	if err != nil {
		t.Fatal(err)
	}
	named := anotherCluster(t, domain.EnrollmentModeAuto, enroll.Limits{}).serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(body)
	}))
	got := <-newMachine(t, "pi-2", named).start(t)
	refusedWith(t, got, base.Invalid, "ß")
	if size := len(fmt.Sprintf("%+v", got.err)); size > 32<<10 {
		t.Errorf("the refusal has %d bytes", size)
	}
}

// A stranger who moves on and on leaves nothing behind.
func TestAddressesThatAreNoMoreAreForgotten(t *testing.T) {
	t.Parallel()
	c := anotherCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	listener, err := tls.Listen("tcp", "127.0.0.1:0", c.identity.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open, most, asked := map[net.Conn]bool{}, 0, make(chan struct{}, 1024)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked <- struct{}{}
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"detail":"not now"}`))
		}),
		ErrorLog: discardLog(),
		ConnState: func(conn net.Conn, state http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			if open[conn] = true; state == http.StateClosed {
				delete(open, conn)
			}
			most = max(most, len(open))
		},
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	m, found, round := newMachine(t, "pi-2"), make(chan struct{}), 0
	m.Found = found
	m.Candidates = func() []enroll.Candidate {
		round++ // the same place under another name each time
		return announced("127.0.0.1:" + strings.Repeat("0", round) + port)
	}
	out := m.start(t)
	for range 20 {
		<-asked
		wake(t, found, out)
	}
	mu.Lock()
	defer mu.Unlock()
	if most > 8 {
		t.Errorf("%d connections were open at once", most)
	}
}

// What a cluster says of itself becomes file names, certificates and lines on a
// screen.
func TestClusterThatIsNoneIsNotJoined(t *testing.T) {
	c := newCluster(t, domain.EnrollmentModeAuto, enroll.Limits{})
	for field, value := range map[string]string{"domain": "evil\x1b[2J.local", "clusterId": "../../etc"} {
		m := newMachine(t, "pi-"+strings.ToLower(field), c.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			genuine := httptest.NewRecorder()
			c.server.ServeHTTP(genuine, r)
			var answer map[string]any
			if err := json.Unmarshal(genuine.Body.Bytes(), &answer); err != nil {
				t.Error(err)
			}
			if answer["certificate"] != nil {
				answer[field] = value
			}
			text, err := json.Marshal(answer)
			if err != nil {
				t.Error(err)
			}
			w.WriteHeader(genuine.Code)
			_, _ = w.Write(text)
		})))
		out := m.start(t)
		select {
		case reason := <-m.says:
			if !strings.Contains(reason, "no cluster of picloud") || strings.ContainsRune(reason, '\x1b') {
				t.Errorf("%s: it says %q", field, reason)
			}
		case got := <-out:
			t.Errorf("%s: it joined: %v", field, got.err)
		}
	}
}

// A wish that is given up ends at once, whatever it was about to do.
func TestWishThatIsGivenUpEnds(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		m := newMachine(t, "pi-2")
		m.Candidates = func() []enroll.Candidate { cancel(); return announced(silent.Addr().String(), "127.0.0.1:1") }
		if _, err := enroll.Join(ctx, m.JoinConfig); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}
