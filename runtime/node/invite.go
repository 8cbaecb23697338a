package node

import (
	"context"
	"fmt"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/enroll/ticket"
)

// Invite makes an enrolment token, with which one machine joins until it expires,
// as "picloud node token" does for an administrator. Only the leader can.
func (n *Node) Invite(ctx context.Context, name string, life time.Duration) (string, error) {
	text, digest, err := ticket.New(ticket.Ticket{Cluster: n.ClusterID(), Authority: n.identity.AuthorityFingerprint()})
	if err != nil {
		return "", err
	}
	err = n.report(ctx, &domain.DeclareEnrollmentToken{Ref: base.Ref("/enrollment-tokens/" + name), Spec: domain.EnrollmentTokenSpec{
		Description: new("For the node " + name), Digest: digest, ExpiresAt: base.TimeOf(n.consensus.Now().Add(life)),
	}})
	if err != nil {
		return "", fmt.Errorf("invite %s: %w", name, err)
	}
	return text, nil
}
