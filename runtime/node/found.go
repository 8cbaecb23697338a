package node

import (
	"context"
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/membership"
)

// welcome is what a person who looks at everything sees first.
const welcome = "Start here: this is the cluster. What belongs to it: SELECT ?resource ?kind { ?resource <https://picloud.local/ontology#kind> ?kind }"

// AdminToken is the token of the administrator that was made with the cluster;
// "" when its file is gone, and on nodes that did not found it. Nothing says that
// it is still valid.
func (n *Node) AdminToken() string { return n.token }

// found writes the first events of a new cluster, or what an older release left
// out, and lets whoever owns the directory in again.
func (n *Node) found(ctx context.Context) error {
	err := n.openToken()
	switch {
	case err != nil:
	case n.founding != nil:
		if err = n.foundCluster(ctx); err != nil {
			err = fmt.Errorf("found the cluster: %w", err)
		}
	case n.former:
		err = n.takeOver(ctx)
	default:
		err = n.settleGeneration(ctx)
	}
	if err != nil {
		return err
	}
	if err := n.lead(ctx); err != nil && ctx.Err() == nil {
		// a full disk, say: what is there can be read all the same
		n.cfg.Logger.Warn("that this node leads could not be written; it is tried again", "error", err)
	}
	if err := n.readmit(ctx); err != nil && ctx.Err() == nil {
		n.cfg.Logger.Warn("no token of an administrator is valid, and a new one could not be made; the next start tries again", "error", err)
	}
	return context.Cause(ctx)
}

// foundCluster is safe to begin again: everything that makes the cluster is one
// batch of events.
func (n *Node) foundCluster(ctx context.Context) error {
	if n.cluster() == nil {
		if err := n.declare(ctx); err != nil {
			return err
		}
	}
	if err := n.enter(ctx); err != nil {
		return err
	}
	if schema.Level > membership.LevelOf(n.state()) { // nobody else is there yet
		if err := n.report(ctx, &domain.RaiseCluster{Ref: "/", Level: new(int64(schema.Level))}); err != nil {
			return err
		}
	}
	return n.begun(n.founding.Cluster)
}

// declare makes the cluster: its trust, its first node and first administrator.
func (n *Node) declare(ctx context.Context) error {
	authority, err := n.firstAuthority()
	if err != nil {
		return err
	}
	trust, err := iam.Found(iam.FoundConfig{Identity: n.identity, Node: n.self(), Authority: authority})
	if err != nil {
		return err
	}
	if err := trust.Certify(n.cfg.Name); err != nil {
		return err
	}
	mode := domain.EnrollmentMode(n.founding.Enrollment)
	if mode == "" {
		mode = domain.EnrollmentModeApprove
	}
	cluster := &domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{
		Description: new(welcome), Domain: n.domain, ClusterID: n.founding.Cluster, EnrollmentMode: mode,
	}}
	return n.report(ctx, append(append([]domain.Command{cluster}, trust.Commands...),
		&domain.DeclareToken{Ref: "/tokens/admin", Spec: domain.TokenSpec{
			Description: new("The first administrator, made with the cluster"), Role: domain.TokenRoleAdmin, Digest: iam.Digest(n.token),
		}},
		&domain.EnrollNode{Ref: n.self(), Status: n.status()},
	)...)
}

// firstAuthority is the one that was brought along, or a new one.
func (n *Node) firstAuthority() (*iam.Authority, error) {
	cfg := iam.AuthorityConfig{Domain: n.domain, Now: n.cfg.Now, Names: n.cfg.Names}
	if n.founding.Certificate == nil {
		return iam.NewAuthority(cfg)
	}
	authority, err := iam.OpenAuthority(cfg, n.founding.Certificate, n.founding.Key)
	if err == nil && !authority.Constrained() {
		n.cfg.Logger.Warn("the authority that was brought along may sign for any site: whoever trusts it trusts this cluster's nodes that vote for all of them; "+
			"found the cluster with an authority whose name constraints (RFC 5280, 4.2.1.10) permit its domain alone, or trust it where only the cluster is used", "domain", n.domain)
	}
	return authority, err
}

// enter says that the first node keeps the log and votes, which nobody else can
// say yet.
func (n *Node) enter(ctx context.Context) error {
	self, _ := n.views.State().Get(n.self()).(*domain.Node)
	if self != nil && self.Phase == domain.PhaseApproved {
		if err := n.report(ctx, &domain.JoinNode{Ref: n.self()}); err != nil {
			return err
		}
	}
	if self == nil || self.Status.RaftRole == domain.RaftRoleVoter {
		return nil
	}
	return n.report(ctx, &domain.PromoteNode{Ref: n.self()})
}

// takeOver puts into the log what a release whose nodes were alone kept in files.
func (n *Node) takeOver(ctx context.Context) error {
	cluster := n.cluster()
	if cluster == nil || cluster.Spec.Domain != n.domain {
		return fmt.Errorf("%s does not hold the cluster %s; give it the domain that it was made with, or another directory", n.cfg.Dir, n.domain)
	}
	if n.views.State().Get(iam.AuthorityRef) == nil {
		trust, err := iam.TakeOver(n.identity, n.self(), iam.AuthorityConfig{Domain: n.domain, Now: n.cfg.Now, Names: n.cfg.Names})
		if err != nil {
			return err
		}
		if trust == nil {
			return fmt.Errorf("%s is missing; restore it from a backup: what it protected cannot be read or trusted with a new one", n.path("keys/ca.key"))
		}
		if err := n.report(ctx, append(trust.Commands, &domain.ObserveNode{Ref: n.self(), Status: n.status()})...); err != nil {
			return fmt.Errorf("take over the keys of an older release: %w", err)
		}
	}
	if err := n.identity.Settle(n.vault); err != nil {
		return err
	}
	return n.begun(cluster.Spec.ClusterID)
}

// begun notes that the node is a member of the cluster that it made.
func (n *Node) begun(cluster string) error {
	m := record{Cluster: cluster, Domain: n.domain, Node: n.identity.ID(), Name: n.cfg.Name, Seeded: true, Known: true}
	if err := n.remember(membershipName, m); err != nil {
		return err
	}
	n.record.Store(&m)
	n.announceAnew()
	n.founding = nil
	return n.forget(foundingName)
}

// cluster is the resource of the cluster, or nil.
func (n *Node) cluster() *domain.Cluster {
	cluster, _ := n.views.State().Get("/").(*domain.Cluster)
	return cluster
}

// lead says that this node leads, if it does: whoever reads then finds it said.
func (n *Node) lead(ctx context.Context) error {
	leadership, _ := n.consensus.Leadership()
	if !leadership.Leading {
		return nil
	}
	return n.report(ctx, &domain.LeadCluster{Ref: "/", Leader: n.self(), Term: new(int64(leadership.Term))})
}

// readmit makes a new administrator where none has a valid token: the last one
// may have expired. Whoever starts the node that leads owns its directory, and
// with it the cluster.
func (n *Node) readmit(ctx context.Context) error {
	s := n.views.State()
	if leadership, _ := n.consensus.Leadership(); !leadership.Leading || iam.HasAdministrator(s, base.TimeOf(n.consensus.Now())) {
		return nil
	}
	ref := base.Ref("/tokens/" + unused(s, "/tokens/", "admin"))
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
func (n *Node) openToken() (err error) {
	read := iam.ReadToken
	if n.founding != nil {
		read = iam.LoadToken
	}
	if n.token, err = read(n.path("admin.token")); err != nil {
		return fmt.Errorf("the administrator's token: %w", err)
	}
	return nil
}
