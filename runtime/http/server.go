package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/api"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

// Config is what the edge stands before.
type Config struct {
	Domain    string // of the cluster
	ClusterID string
	Door      *command.Door
	Views     *projection.Projection
	Events    *eventlog.Log
	// Writable says why writes are refused now; nil means that they are taken.
	Writable func() error
	TLS      *tls.Config
	Logger   *slog.Logger
	Registry *prometheus.Registry
	Limits   sparql.Limits // of one query
}

// Server serves one node. It is made by New and ends with Serve.
type Server struct {
	cfg     Config
	domain  string
	root    string
	source  string // of CloudEvents
	door    *command.Door
	views   *projection.Projection
	events  *eventlog.Log
	log     *slog.Logger
	metrics *metrics
	context *rdf.Context
	fields  map[string]*base.Field // by property
	limits  sparql.Limits
	handler http.Handler

	streams    context.Context // of event streams, which never finish by themselves
	endStreams context.CancelFunc
}

// New makes a server; it listens nowhere yet.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	s := &Server{
		cfg: cfg, domain: cfg.Domain, root: "https://" + cfg.Domain, source: "urn:uuid:" + cfg.ClusterID,
		door: cfg.Door, views: cfg.Views, events: cfg.Events, log: cfg.Logger, metrics: newMetrics(cfg.Registry),
		context: jsonldContext(schema.Model), fields: map[string]*base.Field{}, limits: cfg.Limits,
	}
	s.streams, s.endStreams = context.WithCancel(context.Background())
	for _, class := range schema.Model.Classes {
		for _, f := range class.Fields {
			s.fields[f.IRI] = f
		}
	}
	mux := http.NewServeMux()
	api.Mount(mux, s)
	if err := s.mountStatic(mux); err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /events", s.streamEvents)
	mux.HandleFunc("GET /events/{position}", s.event)
	mux.HandleFunc("POST /apply", s.apply)
	for _, endpoint := range []string{"/sparql", "/products/{product}/sparql"} {
		mux.HandleFunc("GET "+endpoint, s.sparql)
		mux.HandleFunc("POST "+endpoint, s.sparql)
	}
	for _, graph := range []string{"/graph", "/products/{product}/graph"} {
		mux.HandleFunc("GET "+graph, s.graph)
	}
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /metrics", s.scrape)
	mux.HandleFunc("GET /-/verify", s.verify)
	s.handler = identify(s.observe(harden(canonical(s.route(mux)))))
	return s, nil
}

// ServeHTTP makes the server a handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// route answers what no route matches with a problem, and OPTIONS with what
// there is.
func (s *Server) route(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		allowed := allowed(mux, r)
		switch {
		case len(allowed) == 0:
			s.unknown(w, r)
		case r.Method == http.MethodOptions:
			s.options(w, allowed)
		default:
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			s.fail(w, r, &base.Error{Code: base.Method, Detail: fmt.Sprintf("%s is not possible here; possible are %s", r.Method, strings.Join(allowed, ", "))})
		}
	})
}

// unknown answers for an address that nothing can have. Who does not say who
// he is learns nothing about which addresses there are.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	if _, err := s.principal(r); err != nil {
		s.fail(w, r, err)
		return
	}
	s.fail(w, r, &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("there is nothing at %s", r.URL.Path)})
}

func (s *Server) options(w http.ResponseWriter, allowed []string) {
	header := w.Header()
	header.Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	for _, method := range allowed {
		switch method {
		case http.MethodPatch:
			header.Set("Accept-Patch", mediaMergePatch)
		case http.MethodPost:
			header.Set("Accept-Post", JSON.Media)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// allowed lists the methods that a path has.
func allowed(mux *http.ServeMux, r *http.Request) (methods []string) {
	probe := r.Clone(r.Context())
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodPost} {
		probe.Method = method
		if _, pattern := mux.Handler(probe); pattern != "" {
			methods = append(methods, method)
		}
	}
	return methods
}

// principal is who sends a request. A token in the query string would end up in
// logs, so only the header counts.
func (s *Server) principal(r *http.Request) (command.Principal, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	return s.door.Authenticate(strings.TrimSpace(token))
}

// waitFor waits for a position, as long as a read may.
func (s *Server) waitFor(r *http.Request, position base.Position) (projection.View, error) {
	ctx, cancel := context.WithTimeout(r.Context(), positionWait)
	defer cancel()
	view, err := s.views.WaitFor(ctx, position)
	if err != nil {
		return view, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: fmt.Sprintf("position %d is not here yet; this node stands at %d", position, view.Position)}
	}
	return view, nil
}

// Bounds of a connection.
const (
	headerTime  = 10 * time.Second
	bodyTime    = 60 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 64 << 10
	lastWord    = 5 * time.Second
)

// Serve answers on a listener until ctx ends, then lets requests finish for a
// moment and ends those that do not.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes,
		// The messages of net/http are about clients' mistakes.
		ErrorLog:  slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
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
	err := server.ServeTLS(listener, "", "")
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
