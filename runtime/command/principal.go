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
	if !allowed(p, action, kind, ref) {
		return &base.Error{Code: base.Forbidden, Ref: ref, Detail: fmt.Sprintf("%s needs the right %s, which the role %q does not give", p.Actor, permission, p.Role)}
	}
	return nil
}

func allowed(p Principal, action string, kind domain.Kind, ref base.Ref) bool {
	switch p.Role {
	case Platform:
		return true
	case Admin:
		return action != "observe"
	case Reader:
		return action == "read" && !private(quads.Graph(kind, ref))
	}
	return false
}

// MayRead asks whether a principal may read a resource, or the collection at
// ref.
func (d *Door) MayRead(p Principal, kind domain.Kind, ref base.Ref) error {
	return d.May(p, string(kind)+":read", kind, ref)
}

// MaySee asks whether a principal may see the events of a resource. It is asked
// for every listener and event, so an answer costs no more than looking.
func (d *Door) MaySee(p Principal, kind domain.Kind, subject base.Ref) bool {
	return allowed(p, "read", kind, subject)
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
