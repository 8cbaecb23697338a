package enroll

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/iam"
)

// RenewPath is where a member asks for another certificate.
const RenewPath = "/peer/certificate"

// renewal is what a member sends: a request, and the certificate that it has.
type renewal struct {
	CSR         string `json:"csr"`
	Certificate string `json:"certificate,omitempty"`
}

// Renewals answers members that want another certificate, on the leader. caller
// tells the id of the member that a connection belongs to.
func (s *Server) Renewals(caller func(context.Context) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answered, err := s.renew(w, r, caller(r.Context()))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		send(w, http.StatusOK, "application/json", answered)
	})
}

func (s *Server) renew(w http.ResponseWriter, r *http.Request, id string) (*reply, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &base.Error{Code: base.Method, Detail: "members ask for a certificate with POST"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		return nil, tooLarge(err)
	}
	asked, err := readRenewal(body)
	if err != nil {
		return nil, err
	}
	request, err := iam.ParseRequest([]byte(asked.CSR))
	if err != nil {
		return nil, err
	}
	if request.ID != id {
		return nil, &base.Error{Code: base.Forbidden, Detail: "a member gets certificates for its own key only"}
	}
	if !s.cfg.Leading() {
		return nil, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "another node leads and issues certificates; try again"}
	}
	node := s.nodeOf(id)
	if node == nil {
		return nil, &base.Error{Code: base.Forbidden, Detail: "the key is of no member"}
	}
	if node.Phase == domain.PhaseDeleting {
		return nil, &base.Error{Code: base.Forbidden, Ref: node.Ref, Detail: "the node is being removed from the cluster and gets no other certificate"}
	}
	authority, err := s.cfg.Vault.Authority()
	if err != nil {
		return nil, err
	}
	subject := iam.Subject{Name: string(node.Ref[len("/nodes/"):]), Had: authority.Had(request, []byte(asked.Certificate))}
	certificate, err := authority.Issue(request, subject)
	if err != nil {
		return nil, err
	}
	s.cfg.Logger.Info("a certificate was renewed", "node", subject.Name)
	return &reply{Certificate: string(certificate), Roots: string(authority.PEM())}, nil
}

func readRenewal(body []byte) (r renewal, err error) {
	v, failed := base.ReadJSON(body, base.Limits{Bytes: bodyMax, Depth: 1, Nodes: 8})
	if failed != nil {
		return r, failed
	}
	d := &base.Decoder{}
	for m := range d.Members(v) {
		switch m.Name {
		case "csr":
			r.CSR = d.Text(m.Value)
		case "certificate":
			r.Certificate = d.Text(m.Value)
		default:
			d.Unknown(m, "csr", "certificate")
		}
	}
	if len(d.Violations) > 0 {
		return r, &base.Error{Code: base.Invalid, Detail: "the request for a certificate breaks a rule", Violations: d.Violations}
	}
	return r, nil
}

// nodeOf is the member that has a key, or nil.
func (s *Server) nodeOf(id string) *domain.Node {
	for entry := range s.cfg.State().List("/nodes", "") {
		if node, ok := entry.Resource.(*domain.Node); ok && node.Status.ID == id && id != "" {
			return node
		}
	}
	return nil
}

// Renewer keeps the certificate of this node current: it is renewed at two
// thirds of its life, whoever leads, without a restart.
type Renewer struct {
	Identity *iam.Identity
	Name     string // of this node
	Vault    *iam.Vault
	Leading  func() bool
	Leader   func() string // id of the node that leads, or ""
	Client   *http.Client  // of members: the host of a URL is an id
	Now      func() time.Time
	Logger   *slog.Logger
}

// How often a Renewer looks: a clock may be set while it sleeps.
const (
	lookEvery  = time.Hour
	againAfter = time.Minute
)

// Run renews until ctx ends.
func (r *Renewer) Run(ctx context.Context) {
	for {
		pause := lookEvery
		if until := r.Identity.RenewAt().Sub(r.Now()); until > 0 {
			pause = min(until, lookEvery)
		} else if err := r.Renew(ctx); err != nil && ctx.Err() == nil {
			r.Logger.Warn("the node's certificate could not be renewed; it is tried again", "error", err, "again", againAfter)
			pause = againAfter
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Renew gets another certificate now: the leader issues its own.
func (r *Renewer) Renew(ctx context.Context) error {
	if r.Leading() {
		authority, err := r.Vault.Authority()
		if err != nil {
			return err
		}
		return iam.Certify(r.Identity, authority, r.Name)
	}
	leader := r.Leader()
	if leader == "" {
		return errors.New("no node leads at present")
	}
	csr, err := r.Identity.Request(r.Name, r.Identity.Asks)
	if err != nil {
		return err
	}
	answered, err := post(ctx, r.Client, "https://"+leader+RenewPath, renewal{CSR: string(csr), Certificate: string(r.Identity.PEM())})
	if err != nil {
		return err
	}
	return r.Identity.Adopt([]byte(answered.Certificate), []byte(answered.Roots))
}
