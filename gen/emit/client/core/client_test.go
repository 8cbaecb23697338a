package client

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// cluster is a server for tests under a name that its certificate has.
func cluster(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *Client) {
	t.Helper()
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	c, err := New(Config{Endpoints: []string{s.URL}, Domain: "example.com", CA: ca, Token: "pct_secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return s, c
}

func refuse(w http.ResponseWriter, code base.Code) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code.Status())
	fmt.Fprintf(w, `{"type": %q, "status": %d, "detail": "refused"}`, code.IRI(), code.Status())
}

func TestRepetitionsOfAWriteHaveOneKey(t *testing.T) {
	var keys []string
	_, c := cluster(t, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) < 3 {
			refuse(w, base.Unavailable)
		}
	})
	if _, err := c.Do(t.Context(), Request{Method: http.MethodPut, Path: "/products/shop", Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if len(keys) != 3 || keys[0] == "" || keys[1] != keys[0] || keys[2] != keys[0] {
		t.Errorf("got keys %q", keys)
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	calls := 0
	_, c := cluster(t, func(w http.ResponseWriter, _ *http.Request) { calls++; refuse(w, base.Conflict) })
	_, err := c.Do(t.Context(), Request{Method: http.MethodDelete, Path: "/products/shop"})
	var failed *base.Error
	if !errors.As(err, &failed) || failed.Code != base.Conflict || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func TestLostAnswerOfAWriteIsUncertain(t *testing.T) {
	s, c := cluster(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	s.Config.ErrorLog = nil
	c.attempts = 1
	var failed *base.Error
	if _, err := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "/apply"}); !errors.As(err, &failed) || failed.Code != base.Uncertain {
		t.Errorf("write: got %v", err)
	}
	if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"}); !errors.As(err, &failed) || failed.Code != base.Unavailable {
		t.Errorf("read: got %v", err)
	}
}

// A machine that hangs takes connections still: before the handshake nothing was sent.
func TestWriteWithoutHandshakeIsNotUncertain(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	go func() {
		for conn, err := mute.Accept(); err == nil; conn, err = mute.Accept() {
			_ = conn.Close()
		}
	}()
	c, err := New(Config{Endpoints: []string{"https://" + mute.Addr().String()}, Domain: "example.com", Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var failed *base.Error
	if _, err := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "/apply"}); !errors.As(err, &failed) || failed.Code != base.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestTokenStaysAtTheEndpoint(t *testing.T) {
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked with %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	asked := 0
	_, c := cluster(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/products" {
			fmt.Fprintf(w, `{"items": [], "next": %q}`, elsewhere.URL+"/products?after=x")
			return
		}
		if asked < 5 { // a client that follows would do so for ever
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}
	})
	if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/moved"}); err == nil {
		t.Error("a redirect was followed")
	}
	for _, err := range list[*domain.Product](t.Context(), c, "/products", ListOptions{}) {
		if err == nil {
			t.Error("an item came from nowhere")
		}
	}
	if asked != 3 {
		t.Errorf("the endpoint was asked %d times, want 3", asked)
	}
}

func TestEveryNameOfTheClusterIsTheEndpoint(t *testing.T) {
	_, c := cluster(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Host != "example.com" {
			t.Errorf("got host %q", r.Host)
		}
	})
	if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"}); err != nil {
		t.Error(err)
	}
}

func TestNodeOfAnotherClusterGetsNoToken(t *testing.T) {
	s, _ := cluster(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked with %q", r.Header.Get("Authorization")) })
	s.Config.ErrorLog = nil
	c, err := New(Config{Endpoints: []string{s.URL}, Domain: "example.com", Token: "pct_secret", Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"}); err == nil {
		t.Error("an unknown authority was trusted")
	}
}

func TestResumedEventsHaveNoGapAndNoRepeat(t *testing.T) {
	const last = 20
	connections := 0
	_, c := cluster(t, func(w http.ResponseWriter, r *http.Request) {
		connections++
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		// an old event once more, then three new ones, then the line breaks off
		for i := max(after, 1); i <= min(after+3, last); i++ {
			fmt.Fprintf(w, "{\"id\": \"%d\", \"type\": \"VolumeReady\"}\n\n", i)
		}
		_, _ = io.WriteString(w, `{"id": "`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	var got []base.Position
	for e, err := range c.Events(t.Context(), 0, true, EventFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e.Position); e.Position == last {
			break
		}
	}
	var want []base.Position
	for i := range last {
		want = append(want, base.Position(i+1))
	}
	if !slices.Equal(got, want) || connections < 2 {
		t.Errorf("got %v over %d connections", got, connections)
	}
}

func TestListWalksAllPages(t *testing.T) {
	_, c := cluster(t, func(w http.ResponseWriter, r *http.Request) {
		e := base.Encoder{Root: "https://example.com"}
		e.Begin()
		e.Name("items")
		e.BeginArray()
		page, _ := strconv.Atoi(r.URL.Query().Get("after"))
		for i := range 2 {
			codec.AppendResource(&e, &domain.Product{Head: domain.Head{
				Ref: base.Ref(fmt.Sprintf("/products/p%d", 2*page+i)), Phase: domain.PhaseReady, Revision: 1, Last: 1,
			}, Spec: domain.ProductSpec{Version: "1.0.0"}})
		}
		e.EndArray()
		if page < 2 {
			e.Text("next", "/products?after="+strconv.Itoa(page+1))
		}
		e.End()
		_, _ = w.Write(e.Buffer)
	})
	var names []string
	for p, err := range list[*domain.Product](t.Context(), c, "/products", ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.Ref.Name())
	}
	if want := []string{"p0", "p1", "p2", "p3", "p4", "p5"}; !slices.Equal(names, want) {
		t.Errorf("got %v", names)
	}
}

func TestDeclarationArrivesWholeAndSecretsInTheClear(t *testing.T) {
	var body map[string]any
	var got *http.Request
	_, c := cluster(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_ = json.NewDecoder(r.Body).Decode(&body)
		w.WriteHeader(http.StatusNoContent)
	})
	secret := &domain.DeclareSecret{Ref: "/products/shop/secrets/db", Spec: domain.SecretSpec{Value: base.Sensitive{Clear: []byte("open sesame")}}}
	if _, _, err := put[*domain.Secret](t.Context(), c, secret, []Option{IfRevision(7)}); err != nil {
		t.Fatal(err)
	}
	if body["value"] != "open sesame" || got.URL.Path != "/products/shop/secrets/db" || got.Header.Get("If-Match") != `"7"` {
		t.Errorf("got %v at %s with If-Match %s", body, got.URL, got.Header.Get("If-Match"))
	}
}

func TestProblemBecomesTheErrorThatItWas(t *testing.T) {
	_, c := cluster(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, `{"type": %q, "detail": "no", "instance": "https://example.com/products/shop", "violations": [{"id": "minimum", "pointer": "/size"}]}`, base.Invalid.IRI())
	})
	_, err := c.Do(t.Context(), Request{Method: http.MethodPut, Path: "/products/shop"})
	var failed *base.Error
	if !errors.As(err, &failed) || failed.Code != base.Invalid || failed.Ref != "/products/shop" || len(failed.Violations) != 1 {
		t.Errorf("got %#v", err)
	}
}

func TestEventsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, c := cluster(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		refuse(w, base.Unavailable)
	})
	for e, err := range c.Events(ctx, 0, true, EventFilter{}) {
		t.Errorf("got %v, %v", e, err)
	}
}

// TestCallsAreOneRequestEach says what each typed method sends.
func TestCallsAreOneRequestEach(t *testing.T) {
	var got []string
	_, c := cluster(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.EscapedPath()+" "+r.Header.Get("Content-Type"))
		w.WriteHeader(http.StatusNoContent)
	})
	node := one(ofCluster("nodes"), "pi-2")
	volume := one(ofProduct("shop", "volumes"), "media")
	_, _, read := get[*domain.Volume](t.Context(), c, volume, nil)
	_, _, changed := change[*domain.Volume](t.Context(), c, volume, Patch{"size": 1 << 30, "description": nil}, nil)
	_, removed := c.remove(t.Context(), volume, []Option{DeletingData()})
	_, drained := c.operate(t.Context(), &domain.DrainNode{Ref: node}, "drain", nil)
	reject := &domain.RejectEnrollment{Ref: one(ofCluster("enrollments"), "../x"), Input: domain.Rejection{Reason: "unknown"}}
	_, rejected := c.operate(t.Context(), reject, "reject", nil)
	if err := errors.Join(read, changed, removed, drained, rejected); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /products/shop/volumes/media ",
		"PATCH /products/shop/volumes/media application/merge-patch+json",
		"DELETE /products/shop/volumes/media ",
		"POST /nodes/pi-2/drain ",
		"POST /enrollments/..%2Fx/reject application/json",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// clusterOf is several nodes under one name and one certificate.
func clusterOf(t *testing.T, handlers ...http.HandlerFunc) *Client {
	t.Helper()
	var cfg Config
	for _, handler := range handlers {
		s := httptest.NewTLSServer(handler)
		t.Cleanup(s.Close)
		cfg.Endpoints = append(cfg.Endpoints, s.URL)
		cfg.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	}
	cfg.Domain = "example.com"
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAnotherNodeStandsIn(t *testing.T) {
	var keys []string
	c := clusterOf(t,
		func(_ http.ResponseWriter, r *http.Request) {
			keys = append(keys, r.Header.Get("Idempotency-Key"))
			panic(http.ErrAbortHandler) // after it may have been applied
		},
		func(w http.ResponseWriter, _ *http.Request) { refuse(w, base.Unavailable) },
		func(_ http.ResponseWriter, r *http.Request) {
			keys = append(keys, r.Header.Get("Idempotency-Key"))
		},
	)
	for range 2 { // the second goes where the first was answered
		if _, err := c.Do(t.Context(), Request{Method: http.MethodPut, Path: "/products/shop", Body: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != 3 || keys[0] == "" || keys[1] != keys[0] || keys[2] == keys[0] {
		t.Errorf("got keys %q", keys)
	}
}

func TestRefusedConnectionIsAnsweredElsewhere(t *testing.T) {
	c := clusterOf(t, func(http.ResponseWriter, *http.Request) {}, func(http.ResponseWriter, *http.Request) {})
	first := c.nodes.list[0]
	first.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"}); err != nil {
		t.Error(err)
	}
	if got := c.Endpoints(); len(got) != 2 || got[0] == "https://"+first.address {
		t.Errorf("the failed node is still asked first: %s", got)
	}
}

func TestWhatWasSeenIsSeenOnEveryNode(t *testing.T) {
	var asked []string
	node := func(position string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Header.Get("Picloud-Min-Position"))
			w.Header().Set("Picloud-Position", position)
		}
	}
	c := clusterOf(t, node("7"), node("9"))
	for _, move := range []bool{true, false, false} {
		if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"}); err != nil {
			t.Fatal(err)
		}
		if move {
			c.nodes.leave(c.nodes.pick())
		}
	}
	if want := []string{"", "7", "9"}; !slices.Equal(asked, want) {
		t.Errorf("asked for the positions %q, want %q", asked, want)
	}
}

// Who waited in vain learns what a node said of the cluster, not only that others
// could not be reached.
func TestAClusterWithoutAMajorityIsTold(t *testing.T) {
	s, _ := cluster(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		refuse(w, base.Unavailable)
	})
	gone := httptest.NewTLSServer(http.NotFoundHandler())
	gone.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	c, err := New(Config{Endpoints: []string{s.URL, gone.URL}, Domain: "example.com", CA: ca, Patience: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var failed *base.Error
	if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"}); !errors.As(err, &failed) || failed.Detail != "refused" {
		t.Errorf("got %v", err)
	}
}

// A lost answer stays uncertain, whatever comes after it.
func TestARefusalAfterALostAnswerPromisesNothing(t *testing.T) {
	calls := 0
	s, c := cluster(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			panic(http.ErrAbortHandler)
		}
		refuse(w, base.Unavailable)
	})
	s.Config.ErrorLog = nil
	c.attempts = 2
	var failed *base.Error
	if _, err := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "/apply"}); !errors.As(err, &failed) || failed.Code != base.Uncertain || calls != 2 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}
