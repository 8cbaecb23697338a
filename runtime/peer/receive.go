package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"
)

// welcome is what a node says first to a member that it lets in. In TLS 1.3 the
// side that dials is done before its certificate was judged: without a word it
// would take silence for consent, and a request for sent.
const welcome = 0x01

var errSentAway = errors.New("too many connections wait for their handshake")

// receive brings one connection through its handshake to where it belongs.
func (p *Port) receive(ctx context.Context, raw net.Conn) {
	below := p.conns.track(raw)
	conn, err := p.shake(ctx, below)
	if err == nil {
		err = p.route(ctx, conn, below)
	}
	if err != nil {
		if ctx.Err() == nil {
			p.refuse(below, err)
		}
		_ = below.Close()
	}
}

// shake waits for its turn and shakes hands.
func (p *Port) shake(ctx context.Context, below *tracked) (*tls.Conn, error) {
	g := p.room.enter(below)
	defer p.room.leave(g)
	select {
	case <-g.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if g.gone {
		return nil, errSentAway
	}
	conn := tls.Server(below, p.tls)
	return conn, conn.HandshakeContext(ctx)
}

// route hands a connection to who serves its protocol.
func (p *Port) route(ctx context.Context, conn *tls.Conn, below *tracked) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Limits.Handshake)
	defer cancel()
	state := conn.ConnectionState()
	switch state.NegotiatedProtocol {
	case protocolRaft, protocolPeer:
		w := &wire{Conn: conn, below: below, id: identityOf(state.PeerCertificates[0]), protocol: state.NegotiatedProtocol, incoming: true}
		if err := p.letIn(w); err != nil {
			return err
		}
		if w.protocol == protocolPeer {
			return p.give(ctx, &p.peers, w)
		}
		return p.give(ctx, &p.raft, p.framed(w))
	}
	gaveWay, err := p.conns.countClient(below)
	if gaveWay != nil {
		_ = gaveWay.Close()
		p.notice.warn("too many connections of clients are open: one of the address that has most gave way", "from", gaveWay.RemoteAddr())
	}
	if err = errors.Join(err, conn.SetDeadline(time.Time{})); err != nil {
		return err
	}
	return p.give(ctx, &p.api, conn)
}

var errUnserved = errors.New("nothing serves the protocol of the connection now")

func (p *Port) give(ctx context.Context, to *outlet, conn net.Conn) error {
	if to.give(ctx, conn) {
		return nil
	}
	_ = conn.Close()
	return errUnserved
}

// letIn tells a member that it is in. Its key was judged in the handshake, and
// is once more here, since Drop may have come between.
func (p *Port) letIn(w *wire) error {
	if err := p.conns.join(w); err != nil {
		return err
	}
	err := p.cfg.Admits(w.id)
	if err == nil {
		_ = w.SetDeadline(time.Now().Add(p.cfg.Limits.Handshake))
		_, err = w.Write([]byte{welcome})
	}
	if err == nil {
		err = w.SetDeadline(time.Time{})
	}
	if err != nil {
		w.cut()
	}
	return err
}

// refuse says, in the log and where it helps to the other side, why a
// connection comes to nothing.
func (p *Port) refuse(below *tracked, err error) {
	var plain tls.RecordHeaderError
	var stranger *refusal
	from := below.RemoteAddr()
	switch {
	case errors.As(err, &plain) && speaksHTTP(plain.RecordHeader):
		_ = below.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(below, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port speaks HTTPS only: begin the address with https://\n")
		p.notice.warn("a connection spoke plain HTTP", "from", from)
	case errors.As(err, &plain):
		p.notice.warn("a connection did not speak TLS", "from", from)
	case errors.As(err, &stranger):
		p.notice.say(p.notice.stranger(stranger.id), "a node that is no member was refused", "id", stranger.id, "from", from, "reason", stranger.cause)
	case errors.Is(err, errUnserved):
		p.notice.say(slog.LevelInfo, "a member came before this node was ready for it; it comes again", "from", from)
	case errors.Is(err, errSentAway), errors.Is(err, errManyClients):
		p.notice.warn("a connection was refused", "from", from, "error", err)
	case errors.Is(err, io.EOF):
		p.notice.say(slog.LevelDebug, "a connection ended before it said anything", "from", from)
	case isAlert(err):
		p.notice.say(slog.LevelInfo, "a client does not trust this node: it asks to join, or lacks the cluster's authority (picloud ca export)", "from", from, "error", err)
	default:
		p.notice.warn("a handshake failed", "from", from, "error", err)
	}
}

// speaksHTTP reports whether what should be a TLS record is a request.
func speaksHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO":
		return true
	}
	return false
}
