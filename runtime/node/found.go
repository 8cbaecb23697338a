package node

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/iam"
)

// welcome is what a person who looks at everything sees first.
const welcome = "Start here: this is the cluster. What belongs to it: SELECT ?resource ?kind { ?resource <https://picloud.local/ontology#kind> ?kind }"

// found writes the first events of a new cluster, and at each start what this
// node knows of itself.
func (n *Node) found(ctx context.Context) error {
	founded := n.views.View().State.Get("/") != nil
	if err := n.openToken(founded); err != nil {
		return err
	}
	if !founded {
		if err := n.report(ctx, &domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{
			Description: new(welcome), Domain: n.cfg.Domain, ClusterID: uuid.NewString(), EnrollmentMode: domain.EnrollmentModeApprove,
		}}, &domain.DeclareToken{Ref: "/tokens/admin", Spec: domain.TokenSpec{
			Description: new("The first administrator, made with the cluster"), Role: domain.TokenRoleAdmin, Digest: iam.Digest(n.token),
		}}); err != nil {
			return fmt.Errorf("found the cluster: %w", err)
		}
	}
	cluster, _ := n.views.View().State.Get("/").(*domain.Cluster)
	if cluster == nil || cluster.Spec.Domain != n.cfg.Domain {
		return fmt.Errorf("%s does not hold the cluster %s; give it the domain that it was made with, or another directory", n.cfg.Dir, n.cfg.Domain)
	}
	if err := n.observe(ctx, n.self()); err != nil && ctx.Err() == nil {
		// a full disk, say: what is there can be read all the same
		n.cfg.Logger.Warn("the node could not report itself; the reporter tries again", "error", err)
	}
	return context.Cause(ctx)
}

// openToken reads the administrator's token. It is made with the cluster only:
// one that was made later would open nothing.
func (n *Node) openToken(founded bool) (err error) {
	read := iam.LoadToken
	if founded {
		read = iam.ReadToken
	}
	if n.token, err = read(n.path("admin.token")); err != nil {
		return fmt.Errorf("the administrator's token: %w", err)
	}
	return nil
}
