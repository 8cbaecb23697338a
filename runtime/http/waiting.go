package http

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// Waiting answers in the place of a Server while the node has nothing to serve
// yet: it is alive, and everything else is unavailable for a reason.
type Waiting struct {
	Reason func() string // what the node waits for now, as a sentence
	Logger *slog.Logger
}

// Serve answers on a listener of TLS connections until ctx ends.
func (w Waiting) Serve(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(out http.ResponseWriter, _ *http.Request) {
		say(out, http.StatusOK, JSON.Media, map[string]any{"alive": true})
	})
	mux.HandleFunc("GET /readyz", func(out http.ResponseWriter, _ *http.Request) {
		say(out, http.StatusServiceUnavailable, JSON.Media, readiness{Reason: w.Reason()})
	})
	mux.HandleFunc("/", func(out http.ResponseWriter, r *http.Request) {
		code := base.Unavailable
		out.Header().Set("Retry-After", strconv.Itoa(1))
		say(out, code.Status(), "application/problem+json", problem{
			Type: code.IRI(), Title: titles[code], Status: code.Status(), Detail: w.Reason(), Request: requestID(r),
		})
	})
	return serve(ctx, newServer(identify(mux), waitingTime, w.Logger), listener, func() {})
}

// waitingTime is until a request is read whole that is turned away.
const waitingTime = 10 * time.Second

// say answers with something that only holds now.
func say(w http.ResponseWriter, status int, media string, body any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(legible(body))
}
