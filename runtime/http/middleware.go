package http

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
)

type requestKey struct{}

// requestID is the id under which the node's log speaks of a request. It is
// the correlation id of everything that the request leads to.
func requestID(r *http.Request) string {
	id, _ := r.Context().Value(requestKey{}).(string)
	return id
}

// identify gives every request its id, which also leaves with the answer.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r)
		if uuid.Validate(id) != nil { // else a member has given it one
			id = uuid.Must(uuid.NewV7()).String()
		}
		w.Header().Set("Picloud-Request", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, id)))
	})
}

// observe writes one line of log for each request and counts it. Neither
// holds anything that a client sent but method and path.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &statusWriter{ResponseWriter: w}
		defer func() {
			took := time.Since(began)
			status := seen.status
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				s.log.Error("panic", "request", requestID(r), "value", fmt.Sprint(v), "stack", string(debug.Stack()))
				if status == 0 {
					s.fail(seen, r, fmt.Errorf("panic: %v", v))
				}
				status = http.StatusInternalServerError
			} else if v != nil {
				panic(v)
			}
			s.metrics.requests.WithLabelValues(methodLabel(r.Method), statusClass(status)).Observe(took.Seconds())
			level := slog.LevelDebug
			if writes(r.Method) && !strings.HasSuffix(r.URL.Path, "/sparql") { // a query may be POSTed
				level = slog.LevelInfo
			}
			s.log.Log(r.Context(), level, "request", "request", requestID(r), "method", r.Method, "path", r.URL.Path, "status", status, "took", took)
		}()
		next.ServeHTTP(seen, r)
	})
}

func writes(method string) bool {
	switch method {
	case http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}

// methodLabel keeps the methods that a client can invent out of the metrics.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return method
	}
	if writes(method) {
		return method
	}
	return "other"
}

func statusClass(status int) string {
	if status == 0 {
		status = http.StatusOK
	}
	return string(rune('0'+status/100)) + "xx"
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// harden sets the headers that every answer carries.
func (s *Server) harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Picloud-Position", s.views.State().Position.String())
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}
