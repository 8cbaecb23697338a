package enroll

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/state"
)

// Door is what changes go through.
type Door interface {
	Do(ctx context.Context, r *command.Request) (command.Answer, error)
}

// Config is what a cluster lets machines in with. It serves where the leader
// is; other nodes forward to it.
type Config struct {
	Door    Door
	State   func() *state.State // the folded one
	Vault   *iam.Vault
	Actor   base.Ref         // this node, in whose name it lets in
	Now     func() time.Time // of the log
	Leading func() bool      // whether this node decides now
	Logger  *slog.Logger
	Limits  Limits
}

// Limits bounds what strangers can cause. Zero values mean the usual ones.
type Limits struct {
	Attempts int // to be let in, a minute and address; 5
	Requests int // of any sort, a minute and address; 120
	All      int // attempts a minute, of all addresses together; 60
	Records  int // refusals a minute that become events; 20
	Waiting  int // machines that wait to be approved; 32
	Refusals int // addresses of which refusals are kept; 64
	// Hold is how long a question of a machine that waits may be held until something
	// becomes of it; 3 s. A node that ends waits as long.
	Hold time.Duration
}

func (l Limits) withDefaults() Limits {
	for limit, usual := range map[*int]int{&l.Attempts: 5, &l.Requests: 120, &l.All: 60, &l.Records: 20, &l.Waiting: 32, &l.Refusals: 64} {
		if *limit == 0 {
			*limit = usual
		}
	}
	if l.Hold == 0 {
		l.Hold = 3 * time.Second
	}
	return l
}

// How long things wait. A machine that was approved has a day to come back.
const (
	pendingLife  = time.Hour
	approvedLife = 24 * time.Hour
	refusalLife  = 24 * time.Hour
	retry        = 2 // seconds until a waiting machine asks again, if its question is not held
	decisionTime = 10 * time.Second
)

// A question of a machine that waits is held until something has become of it.
const (
	holdLook  = 50 * time.Millisecond
	heldAtMax = 32 // questions, half of what a member carries to the leader; one of a machine
)

// Server is the endpoint at Path. It is safe for concurrent use.
type Server struct {
	cfg      Config
	requests *limiter
	attempts *limiter
	all      *limiter
	records  *limiter

	mu sync.Mutex // one enrolment at a time: what one decides the next one sees

	holding sync.Mutex
	held    map[string]bool // keys of machines
}

// New makes the endpoint. Run keeps it tidy.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Limits = cfg.Limits.withDefaults()
	return &Server{
		cfg: cfg, requests: newLimiter(cfg.Limits.Requests), attempts: newLimiter(cfg.Limits.Attempts),
		all: newLimiter(cfg.Limits.All), records: newLimiter(cfg.Limits.Records), held: map[string]bool{},
	}
}

// ServeHTTP answers POST with a challenge, a code, a membership, or a problem
// document (RFC 9457). The address of who asks is r.RemoteAddr.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answered, err := s.serve(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	status := http.StatusAccepted
	if answered.Certificate != "" {
		status = http.StatusOK
	}
	send(w, status, "application/json", answered)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) (*reply, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &base.Error{Code: base.Method, Detail: "machines ask to be enrolled with POST"}
	}
	address, err := addressOf(r.RemoteAddr)
	if err != nil {
		return nil, err
	}
	if wait := s.requests.take(address, time.Now()); wait > 0 {
		return nil, tooOften(wait)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		return nil, tooLarge(err)
	}
	asked, err := read(body, address)
	if err == nil {
		var answered *reply
		if answered, err = s.answer(r.Context(), asked); err == nil {
			return answered, nil
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), decisionTime)
	defer cancel()
	return nil, s.refuse(ctx, asked, err)
}

// answer answers at once, or a machine that waits when something has become of it.
func (s *Server) answer(ctx context.Context, w *wish) (*reply, error) {
	answered, err := s.enroll(ctx, w)
	if err != nil || answered.waits == nil || !s.hold(ctx, w, answered.waits) {
		return answered, err
	}
	if answered, err = s.enroll(ctx, w); err == nil {
		answered.Retry = 0 // the next question is held as well
	}
	return answered, err
}

func tooLarge(err error) error {
	if errors.As(err, new(*http.MaxBytesError)) {
		return &base.Error{Code: base.TooLarge, Detail: "a request to be enrolled has at most 16 KiB"}
	}
	return &base.Error{Code: base.Unparsable, Detail: "the request to be enrolled did not arrive whole"}
}

func tooOften(wait time.Duration) error {
	return &base.Error{
		Code: base.Exhausted, RetryAfter: int(wait/time.Second) + 1,
		Detail: "too many requests to be enrolled from this address; wait a little",
	}
}

// addressOf is the address of a peer, without zone and in its shortest form.
func addressOf(remote string) (netip.Addr, error) {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}, errors.New("the request to be enrolled came from no address")
	}
	return at.Addr().Unmap().WithZone(""), nil
}

// enroll answers a message that is well formed.
func (s *Server) enroll(ctx context.Context, w *wish) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, decisionTime)
	defer cancel()
	cluster, _ := s.cfg.State().Get("/").(*domain.Cluster)
	if cluster == nil || !s.cfg.Leading() {
		return nil, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "no node can let machines in now; try again"}
	}
	authority, err := s.cfg.Vault.Authority()
	if err != nil {
		return nil, err
	}
	if !w.wants(cluster.Spec.ClusterID) {
		return nil, &base.Error{Code: base.Conflict, Detail: "this is the cluster " + cluster.Spec.ClusterID + " (" + cluster.Spec.Domain + "), not the one that is wanted; to join it name that id (--cluster), else an address of the other (--join)"}
	}
	fingerprint := iam.Fingerprint(authority.Certificate())
	if !w.proves(fingerprint) {
		return nil, &base.Error{Code: base.Forbidden, Detail: "the proof is not by the key of the request, or for another certificate authority than that of this cluster: somebody may stand in between"}
	}
	if err := authority.May(w.request, iam.Subject{Name: w.Name}); err != nil {
		return nil, err
	}
	secret, err := s.cfg.Vault.Secret("picloud enrolment challenge v1")
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	if w.Commitment != "" {
		return &reply{Challenge: challenge(secret, now, w.Commitment, w.request.ID, w.WrapKey)}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &admission{
		Server: s, ctx: ctx, wish: w, state: s.cfg.State(), cluster: cluster, authority: authority, now: now,
		fresh: challenged(w.Challenge, secret, now, commitment(w.Nonce), w.request.ID, w.WrapKey),
		code:  code(fingerprint, w.request.ID, w.WrapKey, w.Nonce, w.Challenge),
	}
	return a.decide()
}

// hold waits until something becomes of a machine that waits to be approved, and
// no longer than Limits.Hold; false where too many are held already.
func (s *Server) hold(ctx context.Context, w *wish, waits *domain.Enrollment) bool {
	if !s.takeHold(w.request.ID) {
		return false
	}
	defer s.letGo(w.request.ID)
	over, look := time.NewTimer(s.cfg.Limits.Hold), time.NewTicker(holdLook)
	defer over.Stop()
	defer look.Stop()
	for {
		select {
		case <-over.C:
			return true
		case <-ctx.Done():
			return true
		case <-look.C:
		}
		if now, _ := s.cfg.State().Get(waits.Ref).(*domain.Enrollment); now != waits || !s.cfg.Leading() {
			return true
		}
	}
}

func (s *Server) takeHold(key string) bool {
	s.holding.Lock()
	defer s.holding.Unlock()
	if s.held[key] || len(s.held) >= heldAtMax {
		return false
	}
	s.held[key] = true
	return true
}

func (s *Server) letGo(key string) {
	s.holding.Lock()
	defer s.holding.Unlock()
	delete(s.held, key)
}

// everybody is the address of a limit for all together.
var everybody = netip.IPv6Unspecified()

// attempt counts one attempt to be let in, once.
func (s *Server) attempt(w *wish) error {
	if w.counted {
		return nil
	}
	now := time.Now()
	if wait := s.attempts.take(w.address, now); wait > 0 {
		return tooOften(wait)
	}
	if wait := s.all.take(everybody, now); wait > 0 {
		return tooOften(wait)
	}
	w.counted = true
	return nil
}

// problem is a problem document.
type problem struct {
	Type       string           `json:"type"`
	Title      string           `json:"title"`
	Status     int              `json:"status"`
	Detail     string           `json:"detail"`
	Violations []base.Violation `json:"violations,omitempty"`
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // who asked has left
	}
	var e *base.Error
	if !errors.As(err, &e) {
		s.cfg.Logger.Error("an enrolment failed", "error", err)
		e = &base.Error{Code: base.Internal, Detail: "the enrolment failed; the log of the node says why"}
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	send(w, e.Code.Status(), "application/problem+json", problem{
		Type: e.Code.IRI(), Title: "The machine was not let in", Status: e.Code.Status(), Detail: e.Detail, Violations: e.Violations,
	})
}
