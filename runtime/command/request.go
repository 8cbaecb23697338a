package command

import (
	"net/http"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// Request asks for changes that happen together or not at all.
type Request struct {
	Principal   Principal
	Commands    []domain.Command
	If          Precondition // on the subject of the only command
	Key         Key          // of idempotency; the zero key is none
	Correlation string
	Trace       string // W3C traceparent, or ""
	Causation   string
	Deployment  string
	DeleteData  bool // cascades may delete what holds data
	Apply       *Apply
}

// Precondition is what must hold of a resource before it changes (RFC 9110,
// section 13).
type Precondition struct {
	Revisions []base.Position // the present revision is one of them, if there are any
	Exists    bool
	Absent    bool
}

// check refuses a request whose precondition does not hold.
func (p Precondition) check(ref base.Ref, before domain.Resource) error {
	stale := &base.Error{Code: base.Stale, Ref: ref}
	switch {
	case p.Absent && before != nil:
		stale.Detail = string(ref) + " exists already"
	case (p.Exists || len(p.Revisions) > 0) && before == nil:
		stale.Detail = string(ref) + " does not exist"
	case len(p.Revisions) > 0 && !slices.Contains(p.Revisions, before.Common().Revision):
		stale.Detail = string(ref) + " has changed since you read it; read it again"
	default:
		return nil
	}
	if before != nil {
		stale.Revision = before.Common().Revision
	}
	return stale
}

// Key tells repetitions of a request from new requests.
type Key struct {
	Key     [32]byte // digest of actor and key
	Request [32]byte // digest of the request
}

// Answer is what became of a request.
type Answer struct {
	Position base.Position // at which the answer holds
	Events   int           // that it led to
	Created  bool          // the only command made its subject
	Status   int           // HTTP status, as kept by the receipt
	Replayed bool          // it is the answer of an earlier, equal request
	Plan     *Plan         // of Apply
}

// settle gives an answer its status.
func (a *Answer) settle(deletion bool) {
	switch {
	case a.Status != 0:
	case a.Created:
		a.Status = http.StatusCreated
	case deletion:
		a.Status = http.StatusNoContent
	default:
		a.Status = http.StatusOK
	}
}
