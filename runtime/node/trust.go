package node

import (
	"context"
	"net/http"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/peer"
)

// leading reports whether this node decides now.
func (n *Node) leading() bool {
	leadership, _ := n.consensus.Leadership()
	return leadership.Leading
}

// leader is the id of the node that leads, "" if none is known.
func (n *Node) leader() string {
	_, id := n.consensus.Leader()
	return id
}

// openTrust lets machines in, and lets those hold the cluster's keys that vote.
func (n *Node) openTrust(context.Context) error {
	n.enroller = enroll.New(enroll.Config{
		Door: n.door, State: n.state, Vault: n.vault, Actor: n.self(), Now: n.consensus.Now, Leading: n.leading, Logger: n.cfg.Logger,
	})
	n.run(n.enroller.Run)
	n.run(n.keepKeyrings)
	return nil
}

// renewals answers members that want another certificate.
func (n *Node) renewals() http.Handler { return n.enroller.Renewals(peer.Caller) }

// keepKeyrings lets exactly the nodes that vote hold the cluster's keys, while
// this node leads.
func (n *Node) keepKeyrings(ctx context.Context) {
	for range n.states(ctx) {
		if n.leading() {
			if err := n.entrust(ctx, ""); err != nil && ctx.Err() == nil {
				n.cfg.Logger.Warn("who holds the cluster's keys could not be set; the next change tries again", "error", err)
			}
		}
	}
}

// entrust gives the cluster's keys to all that vote, and to one that is to: who
// leads needs them. "" is nobody.
func (n *Node) entrust(ctx context.Context, id string) error {
	n.entrusting.Lock()
	defer n.entrusting.Unlock()
	if n.cluster() == nil || n.members.Ref(n.identity.ID()) == "" {
		return nil // it is not founded yet
	}
	servers, _, err := n.consensus.Servers()
	if err != nil {
		return err
	}
	var holders []base.Ref
	hold := func(id string) {
		if ref := n.members.Ref(id); ref != "" && !slices.Contains(holders, ref) {
			holders = append(holders, ref)
		}
	}
	for _, s := range servers {
		if s.Voter {
			hold(consensus.NodeOf(s.ID))
		}
	}
	if id != "" {
		n.promoting = id
	}
	hold(n.promoting)
	commands, err := n.vault.Keyrings(holders)
	if err != nil || len(commands) == 0 {
		return err
	}
	return n.report(ctx, commands...)
}
