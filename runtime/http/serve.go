package http

import (
	"context"
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
// moment and ends those that do not. Live queries end with it.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTime, ReadTimeout: s.cfg.Times.Body, WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes,
		ErrorLog:  slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // about clients' mistakes
		TLSConfig: s.cfg.TLS,
		Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.endStreams()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
		defer cancel()
		if err := server.Shutdown(late); err != nil {
			err = errors.Join(err, server.Close())
			stopped <- err
			return
		}
		stopped <- nil
	})
	defer s.live.Close()
	err := server.ServeTLS(listener, "", "")
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
