package http_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/iam"
)

// lossy carries requests to the leader and loses the next answers: what is asked
// has been done.
type lossy struct {
	http.RoundTripper
	next   atomic.Int64 // how many
	silent bool         // nothing comes, instead of the end of the connection
	lost   atomic.Int64
}

const all = 1 << 40

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.RoundTripper.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.Path, edge.ForwardPath) || l.next.Add(-1) < 0 {
		return answer, err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	l.lost.Add(1)
	if l.silent {
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	}
	return nil, errors.New("connection reset by peer")
}

// behind is a member once more, with an edge whose way to the leader loses
// answers.
func (c *trio) behind(m *member, way *lossy, times edge.Times) *member {
	c.t.Helper()
	way.RoundTripper = m.Surveyor().Peers.Transport
	server, err := edge.New(edge.Config{
		Domain: "picloud.local", ClusterID: m.ClusterID(), Door: m.Door(), Views: m.Views(), Datasets: m.Datasets(), Writer: m.Writer(),
		Reasoner: m.Reasoner, Events: m.Events(), Members: m.Surveyor(), Consensus: m.Consensus(), Peers: &http.Client{Transport: way}, TLS: m.TLS(), Times: times,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	address := listener.Addr().String()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(m.CA())
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "picloud.local"},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	c.t.Cleanup(func() {
		client.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			c.t.Error(err)
		}
	})
	return &member{Node: m.Node, address: address, client: client}
}

// Who loses the answer to a write is told that it may have been carried out, and
// learns by its key that it was.
func TestALostAnswerIsUncertainUntilItIsAskedForAgain(t *testing.T) {
	c := startTrio(t)
	leader, others := c.leader()
	for _, silent := range []bool{false, true} {
		way := &lossy{silent: silent}
		m := c.behind(others[0], way, edge.Times{Forward: time.Second})
		way.next.Store(all)
		path := fmt.Sprintf("/products/lost-%t", silent)
		lost := c.want(504, c.do(m, "PUT", path, fmt.Sprintf(product, "x"), "Idempotency-Key: "+path))
		if !strings.Contains(lost.body, "may have been applied") || way.lost.Load() == 0 {
			t.Errorf("%d answers lost:\n%s", way.lost.Load(), lost.body)
		}
		c.want(200, c.do(leader, "GET", path, "")) // it was
		way.next.Store(0)
		again := c.want(201, c.do(m, "PUT", path, fmt.Sprintf(product, "x"), "Idempotency-Key: "+path))
		if again.Header.Get("Picloud-Replayed") != "true" {
			t.Error("it was done twice")
		}
	}
}

// Without a key a write is sent once.
func TestAWriteWithoutAKeyIsNeverSentAgain(t *testing.T) {
	c := startTrio(t)
	_, others := c.leader()
	way := &lossy{}
	m := c.behind(others[0], way, edge.Times{})
	way.next.Store(all)
	c.want(504, c.do(m, "POST", "/apply?deployment=x", `{"resources":[]}`))
	if n := way.lost.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

// With its key a write whose answer was lost is sent again by the node itself.
func TestALostAnswerIsFetchedByTheKey(t *testing.T) {
	c := startTrio(t)
	_, others := c.leader()
	way := &lossy{}
	m := c.behind(others[0], way, edge.Times{})
	way.next.Store(1)
	made := c.want(201, c.do(m, "PUT", "/products/app", fmt.Sprintf(product, "x"), "Idempotency-Key: one"))
	if made.Header.Get("Picloud-Replayed") != "true" {
		t.Error("what came is not the first answer")
	}
}

// bottomless is a body that never ends.
type bottomless struct{}

func (bottomless) Read(p []byte) (int, error) { return len(p), nil }

// A body that is larger than any may be is refused, and not carried whole.
func TestABodyOverAllLimitsIsRefused(t *testing.T) {
	c := startTrio(t)
	_, others := c.leader()
	for _, declared := range []int64{-1, 1 << 40} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		r := c.request(ctx, "PUT", "/products/app", io.LimitReader(bottomless{}, 1<<30))
		r.ContentLength = declared
		response, err := others[0].client.Do(r)
		if err != nil {
			t.Fatalf("a body of %d bytes: %v", declared, err)
		}
		if response.StatusCode != 413 {
			t.Errorf("a body of %d bytes: %s", declared, response.Status)
		}
		response.Body.Close()
		cancel()
	}
}

// A request that a member does not say who sent is its own.
func TestAForwardedRequestWithoutAClientIsAnswered(t *testing.T) {
	c := startTrio(t)
	leader, others := c.leader()
	_, id := leader.Consensus().Leader()
	for _, client := range []string{"", "nowhere"} {
		r := c.request(t.Context(), "POST", edge.ForwardPath+"/-/enroll", strings.NewReader("{}"), "Picloud-Client: "+client)
		r.URL.Host = id
		response, err := others[0].Surveyor().Peers.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != 422 {
			body, _ := io.ReadAll(response.Body)
			t.Errorf("of %q: %s\n%s", client, response.Status, body)
		}
		response.Body.Close()
	}
}

// Of who shows an invented token nothing is read, so nobody keeps places with
// bodies that never end; a token that is true, but new, is good everywhere.
func TestStrangersAreRefusedBeforeTheirBodies(t *testing.T) {
	c := startTrio(t)
	leader, others := c.leader()
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(leader.CA())
	for range 100 {
		conn, err := tls.Dial("tcp", others[0].address, &tls.Config{RootCAs: authority, ServerName: "picloud.local", NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "PUT /products/app HTTP/1.1\r\nHost: picloud.local\r\nAuthorization: Bearer pct_invented\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "401") {
			t.Fatalf("%q %v", line, err)
		}
	}
	token, digest := iam.NewToken()
	c.want(201, c.do(leader, "PUT", "/tokens/new", fmt.Sprintf(`{"role":"admin","digest":%q}`, digest)))
	c.want(201, c.do(others[0], "PUT", "/products/app", fmt.Sprintf(product, "x"), "Authorization: Bearer "+token))
}
