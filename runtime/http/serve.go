package http

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of a connection.
const (
	headerTime  = 10 * time.Second
	answerTime  = 2 * time.Minute // for a client to take an answer; streams renew it
	idleTime    = 2 * time.Minute
	headerBytes = 64 << 10
	lastWord    = 5 * time.Second
)

// Serve answers on a listener until ctx ends, then lets requests finish for a
// moment and ends those that do not. Live queries end with it. Where Config.TLS
// is nil the listener gives TLS connections (*tls.Conn) already.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	if s.cfg.TLS != nil {
		cfg := s.cfg.TLS.Clone()
		cfg.NextProtos = []string{"h2", "http/1.1"}
		listener = tls.NewListener(listener, cfg)
	}
	defer s.live.Close()
	return serve(ctx, newServer(s.handler, s.cfg.Times.Body, s.log), listener, s.endStreams)
}

// newServer gives requests the time body to come whole.
func newServer(handler http.Handler, body time.Duration, logger *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTime, ReadTimeout: body, WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes,
		ErrorLog:  slog.NewLogLogger(logger.Handler(), slog.LevelDebug), // about clients' mistakes
		Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	return server
}

// serve answers until ctx ends; then it calls ending, waits for requests for a
// moment, and gives up on those that do not finish.
func serve(ctx context.Context, server *http.Server, listener net.Listener, ending func()) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ending()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
		defer cancel()
		err := server.Shutdown(late)
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		stopped <- err
	})
	err := server.Serve(listener)
	if errors.Is(err, net.ErrClosed) { // another server accepts now; what was begun goes on until ctx ends
		<-ctx.Done()
		return <-stopped
	}
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
