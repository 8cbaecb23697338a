package command

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/runtime/state"
)

// Role is what a principal may do at large. The zero role may do nothing.
type Role string

const (
	Reader   Role = "read"     // reads everything but what only administrators see
	Admin    Role = "admin"    // everything that clients can do
	Platform Role = "platform" // the cluster itself: reports what it found
)

// Principal is who asks.
type Principal struct {
	Actor base.Ref // what the log names as the cause
	Role  Role
}

// Authenticator proves who a bearer token belongs to.
type Authenticator interface {
	Authenticate(s *state.State, token string) (Principal, error)
}

// Authenticate finds the principal of a bearer token.
func (d *Door) Authenticate(token string) (Principal, error) {
	return d.cfg.Authenticator.Authenticate(d.cfg.Views.State(), token)
}

// May asks whether a principal has a right, such as "volume:write", on a
// resource of a kind.
func (d *Door) May(p Principal, permission string, kind domain.Kind, ref base.Ref) error {
	_, action, _ := strings.Cut(permission, ":")
	allowed := false
	switch p.Role {
	case Platform:
		allowed = true
	case Admin:
		allowed = action != "observe"
	case Reader:
		allowed = action == "read" && !private(quads.Graph(kind, ref))
	}
	if !allowed {
		return &base.Error{Code: base.Forbidden, Ref: ref, Detail: fmt.Sprintf("%s needs the right %s, which the role %q does not give", p.Actor, permission, p.Role)}
	}
	return nil
}

// MayRead asks whether a principal may read a resource, or the collection at
// ref.
func (d *Door) MayRead(p Principal, kind domain.Kind, ref base.Ref) error {
	return d.May(p, string(kind)+":read", kind, ref)
}

// MaySee asks whether a principal may see an event.
func (d *Door) MaySee(p Principal, e *domain.Event) bool {
	return d.MayRead(p, e.Payload.Kind(), e.Subject) == nil
}

// MayReadGraph asks whether a principal may read a platform graph, given by its
// path: the graph itself, or what lies below it.
func (d *Door) MayReadGraph(p Principal, graph string) bool {
	switch p.Role {
	case Platform, Admin:
		return true
	case Reader:
		return !private(base.Ref(graph))
	}
	return false
}

// private reports the graphs that only administrators read.
func private(graph base.Ref) bool {
	return graph == "/graph/iam" || strings.HasPrefix(string(graph), "/graph/iam/")
}
