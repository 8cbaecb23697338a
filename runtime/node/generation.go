package node

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/iam"
)

// generationName says that the cluster went on from this directory in a new
// generation, which the log does not say yet.
const generationName = "generation.json"

// newGeneration is what is to be done once this node leads.
type newGeneration struct {
	Number uint64 `json:"number"`
	// Keys are the master keys out of a backup; absent where a node went on that
	// has them in the log.
	Keys json.RawMessage `json:"keys,omitempty"`
}

// Restored reports whether this start was the first after a restore.
func (n *Node) Restored() bool { return n.restored }

// settleGeneration says in the log that a new generation began, and makes this
// node its first member where it came from a backup. Each step can be repeated.
func (n *Node) settleGeneration(ctx context.Context) error {
	var g newGeneration
	if found, err := n.recall(generationName, &g); !found || err != nil {
		return err
	}
	if g.Keys != nil {
		if err := n.succeed(ctx, g.Keys); err != nil {
			return fmt.Errorf("go on from the backup: %w", err)
		}
		n.restored = true
	}
	if err := n.report(ctx, &domain.RecoverCluster{Ref: "/", Generation: new(int64(g.Number))}); err != nil {
		return fmt.Errorf("say that generation %d began: %w", g.Number, err)
	}
	n.cfg.Logger.Error("the cluster went on from this node alone: what only other nodes held is lost", "generation", g.Number)
	return n.forget(generationName)
}

// succeed makes this node the one member of a cluster that came out of a backup:
// it gets the keys, a certificate, a vote and an administrator; the nodes of
// before are removed.
func (n *Node) succeed(ctx context.Context, keys []byte) error {
	if n.views.State().Get(n.self()) == nil {
		keyring, err := iam.Restore(n.identity, n.self(), keys)
		if err != nil {
			return err
		}
		token := base.Ref("/tokens/" + unused(n.views.State(), "/tokens/", "admin"))
		if err := n.report(ctx, &domain.EnrollNode{Ref: n.self(), Status: n.status()}, keyring, &domain.DeclareToken{Ref: token, Spec: domain.TokenSpec{
			Description: new("Made when the cluster was restored from a backup"), Role: domain.TokenRoleAdmin, Digest: iam.Digest(n.token),
		}}); err != nil {
			return err
		}
	}
	authority, err := n.vault.Authority()
	if err != nil {
		return err
	}
	if err := iam.Certify(n.identity, authority, n.cfg.Name); err != nil {
		return err
	}
	if err := n.enter(ctx); err != nil {
		return err
	}
	if err := n.lead(ctx); err != nil {
		return err
	}
	for _, former := range nodes(n.views.State()) {
		if former.Ref == n.self() || former.Phase == domain.PhaseDeleting {
			continue
		}
		if err := n.report(ctx, &domain.RemoveNode{Ref: former.Ref}); err != nil {
			return err
		}
	}
	return nil
}
