package enroll

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/enroll/ticket"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/state"
)

// admission is one machine that has proved its key, before one state.
type admission struct {
	*Server
	*wish
	ctx       context.Context
	state     *state.State
	cluster   *domain.Cluster
	authority *iam.Authority
	now       time.Time
	fresh     bool   // the challenge was given not long ago
	code      string // to compare
}

// decide says what becomes of the machine.
func (a *admission) decide() (*reply, error) {
	if node := a.nodeOfKey(); node != nil {
		return a.again(node)
	}
	known := a.enrollmentOfKey()
	if known != nil && known.Phase == domain.PhaseRejected && a.Token == "" { // a token invites it after all
		return nil, rejected(known)
	}
	if known == nil || known.Ref != a.ref() {
		if err := a.attempt(a.wish); err != nil {
			return nil, err
		}
	}
	if err := a.checkName(known); err != nil {
		return nil, err
	}
	switch mode := a.cluster.Spec.EnrollmentMode; {
	case a.Token != "":
		token, err := a.usable()
		if err != nil {
			return nil, err
		}
		return a.admit(domain.EnrollmentModeToken, known, &domain.ObserveEnrollmentToken{
			Ref: token.Ref, Status: domain.EnrollmentTokenStatus{UsedAt: base.TimeOf(a.now), UsedBy: a.node()},
		})
	case known != nil && known.Phase == domain.PhaseApproved && known.Ref == a.ref():
		return a.admit(domain.EnrollmentModeApprove, known)
	case mode == domain.EnrollmentModeAuto:
		a.cfg.Logger.Warn("a machine was let in by itself, because the cluster lets any machine in; if the network is not yours alone, set enrollmentMode to \"approve\"",
			"node", a.Name, "address", a.address)
		return a.admit(domain.EnrollmentModeAuto, known)
	case mode == domain.EnrollmentModeToken:
		return nil, &base.Error{Code: base.Forbidden, Detail: "this cluster lets machines in by token only; make one with \"picloud node token\" and start this node with --token"}
	}
	return a.wait(known)
}

func (a *admission) node() base.Ref { return base.Ref("/nodes/" + a.Name) }
func (a *admission) ref() base.Ref  { return base.Ref("/enrollments/" + a.Name) }

// nodeOfKey is the node that has the machine's key already.
func (a *admission) nodeOfKey() *domain.Node {
	for entry := range a.state.List("/nodes", "") {
		if node, ok := entry.Resource.(*domain.Node); ok && node.Status.ID == a.request.ID {
			return node
		}
	}
	return nil
}

// enrollmentOfKey is the enrolment that the machine's key asked for before.
func (a *admission) enrollmentOfKey() *domain.Enrollment {
	for entry := range a.state.List("/enrollments", "") {
		if known, ok := entry.Resource.(*domain.Enrollment); ok && known.Status.Fingerprint == a.request.ID {
			return known
		}
	}
	return nil
}

// again answers a machine that was let in before: it gets a certificate anew.
func (a *admission) again(node *domain.Node) (*reply, error) {
	switch {
	case node.Phase == domain.PhaseDeleting:
		return nil, &base.Error{Code: base.Conflict, Ref: node.Ref, Detail: "this machine is being removed from the cluster; try again when it has left"}
	case node.Ref != a.node():
		return nil, &base.Error{Code: base.Conflict, Ref: node.Ref, Detail: fmt.Sprintf("this machine is %s of the cluster already; start it under that name", node.Ref)}
	case node.Status.WrapKey != a.WrapKey:
		return nil, &base.Error{Code: base.Conflict, Ref: node.Ref, Detail: "this machine is a node already, with another wrapping key; restore keys/wrap.key from a backup, or remove the node and let it join anew"}
	}
	certificate, err := a.authority.Issue(a.request, iam.Subject{Name: a.Name})
	if err != nil {
		return nil, err
	}
	return a.membership(certificate), nil
}

// checkName refuses a name that somebody else has or asks for.
func (a *admission) checkName(known *domain.Enrollment) error {
	if a.state.Get(a.node()) != nil {
		return &base.Error{Code: base.Conflict, Ref: a.node(), Detail: fmt.Sprintf("there is a node %q already, with another key; start this one under another name (--name), or remove that one first (picloud node remove %s)", a.Name, a.Name)}
	}
	other, _ := a.state.Get(a.ref()).(*domain.Enrollment)
	if other == nil || known != nil && other.Ref == known.Ref {
		return nil
	}
	return &base.Error{Code: base.Conflict, Ref: a.ref(), Detail: fmt.Sprintf("another machine asks to join as %q; start this one under another name (--name), or reject the other one (picloud node reject %s)", a.Name, a.Name)}
}

func rejected(known *domain.Enrollment) error {
	detail := "an administrator turned this machine away"
	if known.Reason != "" {
		detail += ": " + known.Reason
	}
	detail += "; an invitation lets it in all the same (picloud node token)"
	return &base.Error{Code: base.Forbidden, Ref: known.Ref, Detail: detail}
}

// usable is the enrolment token that the machine presents, if it is good.
func (a *admission) usable() (*domain.EnrollmentToken, error) {
	if _, err := ticket.Parse(a.Token); err != nil {
		return nil, &base.Error{Code: base.Forbidden, Detail: err.Error()}
	}
	digest := ticket.Digest(a.Token)
	for entry := range a.state.List("/enrollment-tokens", "") {
		token, ok := entry.Resource.(*domain.EnrollmentToken)
		if !ok || subtle.ConstantTimeCompare([]byte(token.Spec.Digest), []byte(digest)) != 1 {
			continue
		}
		switch at := base.TimeOf(a.now); {
		case token.Status.UsedAt != 0:
			return nil, &base.Error{Code: base.Forbidden, Ref: token.Ref, Detail: fmt.Sprintf("the enrolment token was used at %s; each lets one machine in: make another one (picloud node token)", token.Status.UsedAt)}
		case at >= token.Spec.ExpiresAt:
			return nil, &base.Error{Code: base.Forbidden, Ref: token.Ref, Detail: fmt.Sprintf("the enrolment token expired at %s; make another one (picloud node token)", token.Spec.ExpiresAt)}
		}
		return token, nil
	}
	return nil, &base.Error{Code: base.Forbidden, Detail: "the enrolment token is not known to this cluster; make one with \"picloud node token\""}
}

// wait puts the machine before an administrator, with the code to compare.
func (a *admission) wait(known *domain.Enrollment) (*reply, error) {
	status := domain.EnrollmentStatus{
		Fingerprint: a.request.ID, Address: a.address.String(), Hostname: a.Name, WrapKey: a.WrapKey, Code: a.code,
	}
	if known != nil && known.Ref == a.ref() && known.Status.Code == a.code {
		return &reply{Code: a.code, Retry: retry, waits: known}, nil
	}
	if !a.fresh {
		return nil, errStale
	}
	commands := []domain.Command{&domain.ObserveEnrollment{Ref: a.ref(), Status: status}}
	if known == nil {
		if err := a.checkRoom(); err != nil {
			return nil, err
		}
	} else if known.Ref != a.ref() { // it asks under another name now
		commands = append(commands, &domain.EndEnrollment{Ref: known.Ref})
	}
	if err := a.do(commands...); err != nil {
		return nil, err
	}
	a.cfg.Logger.Info("a machine asks to join; compare the code that it shows, then: picloud node approve "+a.Name, "node", a.Name, "address", a.address)
	return &reply{Code: a.code}, nil // the next question is held
}

// errStale sends a machine back to the beginning.
var errStale = &base.Error{Code: base.Stale, Detail: "the challenge is not one that was given not long ago; ask for another one"}

func (a *admission) checkRoom() error {
	waiting := 0
	for entry := range a.state.List("/enrollments", "") {
		if known, ok := entry.Resource.(*domain.Enrollment); ok && known.Phase == domain.PhasePending {
			waiting++
		}
	}
	if waiting < a.cfg.Limits.Waiting {
		return nil
	}
	return &base.Error{Code: base.Exhausted, RetryAfter: 60, Detail: fmt.Sprintf("%d machines wait to be approved, and no more may; approve or reject some (picloud resource list enrollment)", waiting)}
}

// admit makes the machine a node, in one batch with all that this uses up.
func (a *admission) admit(how domain.EnrollmentMode, known *domain.Enrollment, using ...domain.Command) (*reply, error) {
	if !a.fresh && (known == nil || known.Phase != domain.PhaseApproved) {
		return nil, errStale
	}
	certificate, err := a.authority.Issue(a.request, iam.Subject{Name: a.Name})
	if err != nil {
		return nil, err
	}
	issued, err := iam.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	commands := append(using, &domain.EnrollNode{Ref: a.node(), Status: domain.NodeStatus{
		ID: a.request.ID, WrapKey: a.WrapKey, Hostname: a.Name, Addresses: a.reachable(), Port: new(a.Port), EnrolledBy: how,
		CertFingerprint: iam.Fingerprint(issued), CertExpiresAt: base.TimeOf(issued.NotAfter),
	}})
	if known != nil {
		commands = append(commands, &domain.EndEnrollment{Ref: known.Ref})
	}
	if err := a.do(commands...); err != nil {
		return nil, err
	}
	a.state = a.cfg.State()
	a.cfg.Logger.Info("a machine was let in", "node", a.Name, "address", a.address, "by", how)
	return a.membership(certificate), nil
}

// reachable are the addresses at which others may try: first the one that was
// seen.
func (a *admission) reachable() []string {
	var list []string
	for _, text := range append([]string{a.address.String()}, a.Addresses...) {
		address, err := netip.ParseAddr(text)
		if err == nil && (address.IsGlobalUnicast() || address.IsLoopback()) && !slices.Contains(list, address.String()) {
			list = append(list, address.String())
		}
	}
	return list[:min(len(list), addressesMax)]
}

// membership is what the machine needs to be a node.
func (a *admission) membership(certificate []byte) *reply {
	answered := &reply{
		Certificate: string(certificate), Roots: string(a.authority.PEM()),
		ClusterID: a.cluster.Spec.ClusterID, Domain: a.cluster.Spec.Domain, Name: a.Name,
	}
	for entry := range a.state.List("/nodes", "") {
		node, ok := entry.Resource.(*domain.Node)
		if !ok || node.Status.ID == "" || node.Status.ID == a.request.ID {
			continue
		}
		answered.Members = append(answered.Members, Member{
			ID: node.Status.ID, Name: string(node.Ref[len("/nodes/"):]), Addresses: node.Status.Addresses, Port: base.OrZero(node.Status.Port),
		})
	}
	return answered
}

// do carries commands out in the name of this node.
func (s *Server) do(ctx context.Context, commands ...domain.Command) error {
	_, err := s.cfg.Door.Do(ctx, &command.Request{
		Principal:   command.Principal{Actor: s.cfg.Actor, Role: command.Platform},
		Correlation: uuid.Must(uuid.NewV7()).String(),
		Commands:    commands,
	})
	return err
}

func (a *admission) do(commands ...domain.Command) error { return a.Server.do(a.ctx, commands...) }
