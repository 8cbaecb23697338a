package peer_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/peer"
)

// get asks a member for a path.
func get(t *testing.T, from *node, id, path string) (int, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+id+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := from.Client().Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// hello answers with the caller's ID.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, peer.Caller(r.Context()))
})

func TestMembersKnowWhoAsks(t *testing.T) {
	c := newCluster(t)
	a, b := c.member(), c.member()
	if status, _, err := get(t, a, b.id, "/"); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("before there is a handler: %d %v, want 503", status, err)
	}
	b.Handle(hello)
	if status, body, err := get(t, a, b.id, "/"); err != nil || status != http.StatusOK || body != a.id {
		t.Errorf("%d %q %v, want 200 and %s", status, body, err, a.id)
	}
}

func TestStrangerIsLetInNowhere(t *testing.T) {
	c := newCluster(t)
	a, stranger := c.member(), c.stranger()
	a.Handle(hello)
	// the stranger believes that a is a member; a does not know the stranger
	_, _, err := get(t, stranger, a.id, "/")
	if !errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("a stranger was answered: %v", err)
	}
	if _, err := stranger.Raft().Dial(raft.ServerAddress(a.id), patience); !errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("a stranger has a stream of Raft: %v", err)
	}
	until(t, "the log names the stranger", func() bool { return a.log.count(stranger.id) == 1 })
	if _, _, err := get(t, a, stranger.id, "/"); err == nil || !strings.Contains(err.Error(), "not on the list") {
		t.Errorf("a member went to a stranger: %v", err)
	}
}

func TestMemberOfAnotherAuthorityIsRefused(t *testing.T) {
	c, foreign := newCluster(t), newAuthority(t)
	a, key := c.member(), newKey(t)
	forged := foreign.leaf(key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	cfg := c.config(key, forged)
	c.set(cfg.ID) // its key is even on the list
	b := &node{Port: peer.New(cfg), id: cfg.ID}
	if _, _, err := get(t, b, a.id, "/"); !errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("a certificate of another authority opens the door: %v", err)
	}
}

func TestDialledKeyIsTheMember(t *testing.T) {
	c := newCluster(t)
	a, b, wrong := c.member(), c.member(), c.member()
	b.Handle(hello)
	wrong.Handle(hello)
	c.set(b.id, wrong.address)
	if _, _, err := get(t, a, b.id, "/"); err == nil || !strings.Contains(err.Error(), wrong.id+" is here") {
		t.Errorf("another member answered in its place: %v", err)
	}
	c.set(b.id, "127.0.0.1:1", wrong.address, b.address)
	if _, body, err := get(t, a, b.id, "/"); err != nil || body != a.id {
		t.Errorf("the third address: %q %v", body, err)
	}
}

// An address at which nobody answers, not even with a refusal, costs a head
// start, not a time-out.
func TestSilentAddressDoesNotHoldUp(t *testing.T) {
	c := newCluster(t)
	var reached string
	b := c.member()
	a := c.member(func(cfg *peer.Config) { cfg.Reached = func(_, address string) { reached = address } })
	b.Handle(hello)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c.set(b.id, silent.Addr().String(), b.address)
	if _, body, err := get(t, a, b.id, "/"); err != nil || body != a.id {
		t.Errorf("%q %v", body, err)
	}
	if reached != b.address {
		t.Errorf("found at %q, want %q", reached, b.address)
	}
}

func TestDatesDoNotCountBetweenMembers(t *testing.T) {
	c := newCluster(t)
	year := 365 * 24 * time.Hour
	for name, at := range map[string]time.Time{"expired": time.Now().Add(-2 * year), "not yet valid": time.Now().Add(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			a, key := c.member(), newKey(t)
			a.Handle(hello)
			cfg := c.config(key, c.leaf(key, at, at.Add(time.Minute)))
			p := peer.New(cfg)
			p.Handle(hello)
			b := &node{Port: p, id: cfg.ID, address: serve(t, p)}
			c.set(b.id, b.address)
			if _, body, err := get(t, b, a.id, "/"); err != nil || body != b.id {
				t.Errorf("towards others: %q %v", body, err)
			}
			if _, body, err := get(t, a, b.id, "/"); err != nil || body != a.id {
				t.Errorf("from others: %q %v", body, err)
			}
		})
	}
}

func TestRemovedMemberIsCutOffAtOnce(t *testing.T) {
	c := newCluster(t)
	a, b := c.member(), c.member()
	held := make(chan struct{})
	wait := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		held <- struct{}{}
		<-r.Context().Done()
	})
	a.Handle(wait)
	b.Handle(wait)
	streams := a.Raft()
	failed := make(chan error, 2)
	for from, to := range map[*node]*node{a: b, b: a} {
		go func() {
			_, _, err := get(t, from, to.id, "/")
			failed <- err
		}()
		<-held
	}
	out, err := b.Raft().Dial(raft.ServerAddress(a.id), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := streams.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()

	c.remove(b.id)
	a.Drop(b.id)
	for range 2 {
		select {
		case err := <-failed:
			if err == nil {
				t.Error("a request went on as if nothing had happened")
			}
		case <-time.After(patience):
			t.Fatal("a request to or from the removed member goes on")
		}
	}
	if _, err := out.Read(make([]byte, 1)); err == nil {
		t.Error("its stream of Raft goes on")
	}
	if _, _, err := get(t, b, a.id, "/"); !errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("it comes back: %v", err)
	}
}

// What is no member any more is refused also before anybody calls Drop.
func TestEachRequestAsksForMembership(t *testing.T) {
	c := newCluster(t)
	a, b := c.member(), c.member(func(cfg *peer.Config) { cfg.Admits = func(string) error { return nil } })
	a.Handle(hello)
	if status, _, err := get(t, b, a.id, "/"); err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	c.remove(b.id)
	if status, _, err := get(t, b, a.id, "/"); err != nil || status != http.StatusForbidden {
		t.Errorf("over an open connection: %d %v, want 403", status, err)
	}
}

// What a member answers before a body is bounded as what it asks is.
func TestHeaderOfAnAnswerIsBounded(t *testing.T) {
	c := newCluster(t)
	a, b := c.member(), c.member()
	b.Handle(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Long", strings.Repeat("x", 1<<20))
	}))
	if _, _, err := get(t, a, b.id, "/"); err == nil || !strings.Contains(err.Error(), "header") {
		t.Errorf("1 MiB of headers: %v", err)
	}
}

func TestRaftRunsOverStreams(t *testing.T) {
	c := newCluster(t)
	a, b := c.member(), c.member()
	transports := map[*node]*raft.NetworkTransport{}
	for _, n := range []*node{a, b} {
		transport := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{Stream: n.Raft(), MaxPool: 2, Timeout: patience})
		defer transport.Close()
		if got := string(transport.LocalAddr()); got != n.id {
			t.Errorf("the address of Raft is %q, want the ID", got)
		}
		transports[n] = transport
	}
	go func() {
		for rpc := range transports[b].Consumer() {
			rpc.Respond(&raft.RequestVoteResponse{Term: rpc.Command.(*raft.RequestVoteRequest).Term, Granted: true}, nil)
			return
		}
	}()
	var answer raft.RequestVoteResponse
	if err := transports[a].RequestVote("x", raft.ServerAddress(b.id), &raft.RequestVoteRequest{Term: 7}, &answer); err != nil || answer.Term != 7 {
		t.Errorf("%+v %v", answer, err)
	}
}

// A member can send Raft more than memory holds; it is cut off at the bound.
func TestOversizeFrameOfRaftIsCutOff(t *testing.T) {
	const bound = 1 << 20
	c := newCluster(t)
	a := c.member(func(cfg *peer.Config) { cfg.Limits.Frame = bound })
	b := c.member()
	transport := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{Stream: a.Raft(), MaxPool: 1, Timeout: patience})
	defer transport.Close()
	conn, err := b.Raft().Dial(raft.ServerAddress(a.id), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent, err := conn.Write([]byte{0, 0x81, 0xa6, 'L', 'e', 'a', 'd', 'e', 'r', 0xc6, 0xff, 0xff, 0xff, 0xff}) // a leader's name of 4 GiB
	for err == nil {
		var n int
		n, err = conn.Write(make([]byte, 64<<10))
		if sent += n; sent > 64*bound {
			t.Fatalf("%d bytes of one message were taken, the bound is %d", sent, bound)
		}
	}
	if sent < bound {
		t.Errorf("%d bytes were taken, the bound is %d", sent, bound)
	}
}

func TestAnswerWithoutEndIsCutOff(t *testing.T) {
	c := newCluster(t)
	a, b := c.member(), c.member()
	streams := b.Raft()
	conn, err := a.Raft().Dial(raft.ServerAddress(b.id), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	other, err := streams.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go func() { _, _ = io.Copy(other, endless{}) }()
	read, err := io.Copy(io.Discard, conn)
	if err == nil || read > 2<<20 {
		t.Errorf("%d bytes were read: %v", read, err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestStreamLayerEndsWithItsConnections(t *testing.T) {
	c := newCluster(t)
	a, b := c.member(), c.member()
	streams, others := a.Raft(), b.Raft()
	conn, err := streams.Dial(raft.ServerAddress(b.id), patience)
	if err != nil {
		t.Fatal(err)
	}
	other, err := others.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := streams.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives its layer")
	}
	if _, err := streams.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
	again := a.Raft()
	go func() {
		conn, err := others.Accept()
		if err == nil {
			_ = conn.Close()
		}
	}()
	conn, err = again.Dial(raft.ServerAddress(b.id), patience)
	if err != nil {
		t.Fatalf("a second layer: %v", err)
	}
	_ = conn.Close()
}

// Members alike ask for a key at each handshake: nothing is resumed.
func TestSessionsOfMembersAreNotResumed(t *testing.T) {
	c := newCluster(t)
	a, b := c.member(), c.member()
	a.Handle(hello)
	cache := tls.NewLRUClientSessionCache(4)
	for range 2 {
		conn, err := tls.Dial("tcp", a.address, &tls.Config{
			RootCAs: c.pool(), ServerName: "localhost", NextProtos: []string{"picloud-peer/1"},
			Certificates: []tls.Certificate{*b.cert}, ClientSessionCache: cache,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		if conn.ConnectionState().DidResume {
			t.Error("a session was resumed")
		}
		_ = conn.Close()
	}
}
