package node

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/iam"
)

// welcome is what a person who looks at everything sees first.
const welcome = "Start here: this is the cluster. What belongs to it: SELECT ?resource ?kind { ?resource <https://picloud.local/ontology#kind> ?kind }"

// AdminToken is the token of the administrator that was made with the cluster;
// "" when its file is gone. Nothing says that it is still valid.
func (n *Node) AdminToken() string { return n.token }

// awaitLeadership waits until this node leads. Nobody else can: it is the only
// voter, so what takes long never comes.
func (n *Node) awaitLeadership(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, n.cfg.Patience, fmt.Errorf(
		"no leader appeared in %s: the cluster in %s was made by a node with another key; restore %s from a backup of this directory",
		n.cfg.Patience, n.path("raft"), n.path("keys/node.key")))
	defer cancel()
	for {
		leadership, changed := n.consensus.Leadership()
		if leadership.Leading {
			return nil
		}
		select {
		case <-changed:
		case <-n.consensus.Failed():
			return n.consensus.Err()
		case <-ctx.Done():
			return fmt.Errorf("the node did not become ready: %w", context.Cause(ctx))
		}
	}
}

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
	if err := n.readmit(ctx); err != nil && ctx.Err() == nil {
		n.cfg.Logger.Warn("no token of an administrator is valid, and a new one could not be made; the next start tries again", "error", err)
	}
	return context.Cause(ctx)
}

// readmit makes a new administrator where none has a valid token: the last one
// may have expired. Whoever starts the node owns the directory, and with it the
// cluster.
func (n *Node) readmit(ctx context.Context) error {
	s := n.views.View().State
	if iam.HasAdministrator(s, base.TimeOf(n.consensus.Now())) {
		return nil
	}
	ref := base.Ref("/tokens/admin")
	for i := 2; s.Get(ref) != nil; i++ {
		ref = base.Ref(fmt.Sprintf("/tokens/admin-%d", i))
	}
	token, digest := iam.NewToken()
	// the file first: a token that is valid and that nobody has would shut the door for good
	if err := iam.WriteSecret(n.path("admin.token"), []byte(token+"\n")); err != nil {
		return err
	}
	n.token = token
	if err := n.report(ctx, &domain.DeclareToken{Ref: ref, Spec: domain.TokenSpec{
		Description: new("Made at a start that found no valid token of an administrator"), Role: domain.TokenRoleAdmin, Digest: digest,
	}}); err != nil {
		return err
	}
	n.cfg.Logger.Warn("no token of an administrator was valid; a new one is in admin.token", "resource", ref)
	return nil
}

// openToken reads the administrator's token. It is made with the cluster, and
// when no administrator is left: otherwise it would open nothing.
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
