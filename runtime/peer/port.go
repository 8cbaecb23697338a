package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// Protocols between members, as ALPN names them (RFC 7301).
const (
	protocolRaft = "picloud-raft/1"
	protocolPeer = "picloud-peer/1"
)

// Config says who the node is and whom it knows. All functions are called
// from many goroutines.
type Config struct {
	// ID of this node: the SHA-256 of its public key (SPKI), in hexadecimal.
	ID string
	// Server gives the node's current certificate, for both directions; the
	// hello is nil where the node itself dials.
	Server func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Roots are the authorities of the cluster; nil as long as there is none.
	Roots func() *x509.CertPool
	// Admits says why a node is no member; nil means that it is one.
	Admits func(id string) error
	// Addresses lists where a member may be, "host:port", best first.
	Addresses func(id string) []string
	// Reached, if set, is told where a member was found.
	Reached func(id, address string)
	Logger  *slog.Logger
	Limits  Limits
}

// Limits bounds what others can take. Zero means the default.
type Limits struct {
	HalfOpen        int           // connections in their handshake; 256
	HalfOpenAddress int           // of them, of one address (IPv6: of one /64); 16
	Waiting         int           // connections that wait for their handshake; 4,096
	Handshake       time.Duration // for a handshake; 10 s
	HandshakeBusy   time.Duration // while others wait for its place; 2 s
	Clients         int           // connections of clients; 8,192
	Member          int           // connections of one member, of each protocol; 512
	// Frame is how many bytes of Raft are read from a member without an answer in
	// between; 64 MiB. What a member sends at once must stay below.
	Frame int64
}

func (l Limits) withDefaults() Limits {
	def := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	def(&l.HalfOpen, 256)
	def(&l.HalfOpenAddress, 16)
	def(&l.Waiting, 4096)
	def(&l.Clients, 8192)
	def(&l.Member, 512)
	if l.Handshake == 0 {
		l.Handshake = 10 * time.Second
	}
	if l.HandshakeBusy == 0 {
		l.HandshakeBusy = 2 * time.Second
	}
	if l.Frame == 0 {
		l.Frame = 64 << 20
	}
	return l
}

// Port is a node's end of the wire. Serve gives it its listener and ends it;
// it dials without one.
type Port struct {
	cfg     Config
	room    *room
	conns   *connections
	notice  *notices
	api     outlet
	raft    outlet
	peers   outlet
	tls     *tls.Config
	handler atomic.Pointer[http.Handler]
	client  *http.Client
	address atomic.Pointer[net.Addr]
}

// New makes a port.
func New(cfg Config) *Port {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Reached == nil {
		cfg.Reached = func(string, string) {}
	}
	cfg.Limits = cfg.Limits.withDefaults()
	p := &Port{cfg: cfg, room: newRoom(cfg.Limits), conns: newConnections(cfg.Limits), notice: newNotices(cfg.Logger)}
	p.tls, p.client = p.serverConfig(), p.newClient()
	return p
}

// Serve accepts connections until ctx ends, then closes the listener and every
// connection, also those that were handed out. What wants to end its requests
// well ends before. It is called once.
func (p *Port) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	address := l.Addr()
	p.address.Store(&address)
	unlisten := context.AfterFunc(ctx, func() { _ = l.Close() })
	var handshakes, serving sync.WaitGroup
	server, members := p.peerServer(), p.peers.open(address)
	serving.Go(func() { _ = server.Serve(members) })
	serving.Go(func() { p.watch(ctx) })
	err := p.accept(ctx, l, &handshakes)
	if unlisten() {
		_ = l.Close()
	}
	cancel()
	p.conns.close()
	handshakes.Wait()
	for _, o := range []*outlet{&p.api, &p.raft, &p.peers} {
		o.close()
	}
	_ = server.Close()
	serving.Wait()
	p.client.CloseIdleConnections()
	p.notice.flush()
	return err
}

// accept takes connections in until the listener is closed.
func (p *Port) accept(ctx context.Context, l net.Listener, handshakes *sync.WaitGroup) error {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		raw, err := l.Accept()
		switch {
		case err == nil:
			pause = shortest
			handshakes.Go(func() { p.receive(ctx, raw) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default: // no file descriptors left, say: the next may fare better
			p.notice.warn("connections cannot be accepted", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			pause = min(2*pause, longest)
		}
	}
}

// API listens for clients: what it accepts are *tls.Conn after their handshake,
// for HTTP/2, HTTP/1.1, or without a protocol, which means the latter. A listener
// takes over from the one of an earlier call, which is closed.
func (p *Port) API() net.Listener { return p.api.open(p.here()) }

// Raft carries Raft's messages between members; an address of Raft is an ID. A
// stream layer takes over from the one of an earlier call, which is closed.
func (p *Port) Raft() raft.StreamLayer {
	return &streams{listener: p.raft.open(identity(p.cfg.ID)), port: p}
}

// Handle answers members' requests; Caller tells whose they are. Until it is
// called they are told that the node is starting.
func (p *Port) Handle(h http.Handler) { p.handler.Store(&h) }

// Client sends requests to members: the host of a URL is an ID
// ("https://{id}/peer/status"). Errors before a request was sent are
// ErrUnreachable. It follows no redirection and keeps connections.
func (p *Port) Client() *http.Client { return p.client }

// Drop closes every connection from and to a node that is no longer admitted.
func (p *Port) Drop(id string) { p.conns.drop(id) }

func (p *Port) here() net.Addr {
	if address := p.address.Load(); address != nil {
		return *address
	}
	return identity("")
}

// identity is a node's ID as an address.
type identity string

func (identity) Network() string  { return "picloud" }
func (i identity) String() string { return string(i) }
