package peer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of HTTP between members. Bodies and answers have none here: logs are
// long. Who handles a request bounds it.
const (
	headerTime  = 10 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 96 << 10 // those of a client's request, and what is added; and of its answer
	idleMax     = 64       // connections to one member
)

type callerKey struct{}

// Caller is the ID of the member that sends a request; "" outside of Handle.
func Caller(ctx context.Context) string {
	id, _ := ctx.Value(callerKey{}).(string)
	return id
}

// peerServer answers members.
func (p *Port) peerServer() *http.Server {
	server := &http.Server{
		Handler:           http.HandlerFunc(p.answer),
		ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes,
		ErrorLog:  slog.NewLogLogger(p.cfg.Logger.Handler(), slog.LevelDebug),
		Protocols: new(http.Protocols),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			if w, ok := conn.(*wire); ok {
				return context.WithValue(ctx, callerKey{}, w.id)
			}
			return ctx
		},
	}
	server.Protocols.SetHTTP1(true)
	return server
}

// answer asks once more whether the caller is a member: a list may have changed
// before Drop was called.
func (p *Port) answer(w http.ResponseWriter, r *http.Request) {
	if err := p.cfg.Admits(Caller(r.Context())); err != nil {
		http.Error(w, "this node is no member", http.StatusForbidden)
		return
	}
	handler := p.handler.Load()
	if handler == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the node is starting", http.StatusServiceUnavailable)
		return
	}
	(*handler).ServeHTTP(w, r)
}

// newClient makes the client of members.
func (p *Port) newClient() *http.Client {
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			id, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return p.dial(ctx, id, protocolPeer)
		},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idleMax,
		MaxConnsPerHost:        p.cfg.Limits.Member,
		MaxResponseHeaderBytes: headerBytes,
		IdleConnTimeout:        time.Minute,
		Protocols:              new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
