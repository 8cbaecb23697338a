package http

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/api"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/http/feed"
	"github.com/picloud/picloud/runtime/http/fetch"
	"github.com/picloud/picloud/runtime/live"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/reasoning"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// Config is what the edge stands before.
type Config struct {
	Domain    string // of the cluster
	ClusterID string
	Door      *command.Door
	Views     *projection.Projection
	Datasets  *dataset.Datasets
	Writer    *writer.Writer // of datasets
	// Reasoner makes one that is like that of a dataset and holds nothing, by the
	// token of its inference; nil where nothing is to be concluded.
	Reasoner func(ref base.Ref, inference string) (*reasoning.Reasoner, error)
	Events   *eventlog.Log
	// Consensus tells who leads, and Peers asks other members, by their ID
	// ("https://{id}/…"). Without them this node is alone.
	Consensus *consensus.Node
	Peers     *http.Client
	// Enroll answers machines that ask to be let into the cluster, who have no
	// token; nil means that nobody is.
	Enroll http.Handler
	Load   *fetch.Fetcher // of what LOAD names; nil means that it is switched off
	// Members looks at all nodes.
	Members *membership.Surveyor
	// Writable says why writes are refused now; nil means that they are taken.
	Writable func() error
	TLS      *tls.Config
	Logger   *slog.Logger
	Registry *prometheus.Registry // nil means one of its own
	Limits   sparql.Limits        // of one query
	Queries  desk.Config          // how many at the same time
	Live     live.Config          // of live queries; its desk is that of all queries
	Streams  int                  // of events at the same time; 0 means 4,096
	Times    Times
}

// Times bounds how long things take. Zero values mean the usual ones.
type Times struct {
	Body      time.Duration // until a request is read whole; 60 s
	Pause     time.Duration // between two pieces of a graph that is sent; 10 s
	Position  time.Duration // that a read waits for a position; 10 s
	Heartbeat time.Duration // between signs of life on a quiet stream; 15 s
	Forward   time.Duration // until a request that is carried to the leader is answered; 110 s
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.Streams == 0 {
		c.Streams = 4096
	}
	if c.Times.Body == 0 {
		c.Times.Body = 60 * time.Second
	}
	if c.Times.Pause == 0 {
		c.Times.Pause = 10 * time.Second
	}
	if c.Times.Position == 0 {
		c.Times.Position = 10 * time.Second
	}
	if c.Times.Forward == 0 {
		c.Times.Forward = answerTime - 10*time.Second
	}
	if c.Times.Heartbeat == 0 {
		c.Times.Heartbeat = 15 * time.Second
	}
	return c
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
	limits  sparql.Limits
	desk    *desk.Desk
	live    *live.Hub
	follows gate
	feed    *feed.Feed // of events
	uploads *fairGate  // of graphs
	asked   *rounds    // of the leader's position

	forwarding forwarding
	missing    missing
	began      time.Time
	handler    http.Handler

	streams    context.Context // of event streams, which never finish by themselves
	endStreams context.CancelFunc
}

// New makes a server; it listens nowhere yet.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, domain: cfg.Domain, root: "https://" + cfg.Domain, source: "urn:uuid:" + cfg.ClusterID,
		door: cfg.Door, views: cfg.Views, events: cfg.Events, log: cfg.Logger,
		context: jsonldContext(schema.Model), limits: cfg.Limits,
		began: time.Now(),
		desk:  newDesk(cfg.Queries, cfg.Registry), follows: make(gate, cfg.Streams), uploads: newFairGate(uploads),
	}
	s.live = live.New(s.liveConfig())
	s.metrics = s.newMetrics(cfg.Registry)
	s.streams, s.endStreams = context.WithCancel(context.Background())
	s.feed = feed.New(s.streams, feed.Config{Log: s.events, Seen: s.seen, Encode: s.appendEvent})
	s.asked = &rounds{ask: s.askLeader, ctx: s.streams}
	s.forwarding = forwarding{known: make(gate, forwards), strangers: make(gate, strangers), enrolling: make(gate, enrollings)}
	mux := http.NewServeMux()
	api.Mount(mux, s)
	api.MountDatasets(mux, s)
	s.mountStatic(mux)
	s.mount(mux)
	s.handler = identify(s.observe(s.harden(s.crossOrigin(s.canonical(s.forward(s.admit(s.route(mux))))))))
	return s, nil
}

// mount mounts what is about no kind.
func (s *Server) mount(mux *http.ServeMux) {
	if s.cfg.Enroll != nil {
		mux.Handle(enrollPath, s.cfg.Enroll)
	}
	for pattern, h := range map[string]handler{
		"GET /events":                           s.streamEvents,
		"GET /events/{position}":                s.event,
		"POST /apply":                           s.apply,
		"GET /sparql":                           s.sparql,
		"POST /sparql":                          s.sparql,
		"GET /products/{product}/sparql":        s.sparql,
		"POST /products/{product}/sparql":       s.sparql,
		"GET /graph":                            s.graph,
		"GET /graph/{below}":                    s.graph,
		"GET /graph/iam/{below}":                s.graph,
		"GET /products/{product}/graph":         s.graph,
		"GET /products/{product}/graph/{below}": s.graph,
		"GET /healthz":                          s.healthz,
		"GET /readyz":                           s.readyz,
		"GET /metrics":                          s.scrape,
		"GET /-/verify":                         s.verify,
		"GET /-/cluster":                        s.survey,
		"GET /-/cluster/verify":                 s.compare,
		"POST /-/cluster/transfer":              s.handOver,
		"GET /-/queries":                        s.listQueries,
		"DELETE /-/queries/{id}":                s.endQuery,
	} {
		mux.HandleFunc(pattern, s.handle(h))
	}
}

// handler answers a request, or says why it cannot.
type handler func(w http.ResponseWriter, r *http.Request) error

// handle turns what a handler cannot do into a problem document.
func (s *Server) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.answerFor(w, r, h(w, r)) }
}

// answerFor answers with a problem if there is one.
func (s *Server) answerFor(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.fail(w, r, err)
	}
}

// ServeHTTP makes the server a handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// gate lets a bounded number in.
type gate chan struct{}

func (g gate) enter() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g gate) leave() { <-g }
