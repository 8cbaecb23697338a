package node

import (
	"context"
	"fmt"

	"github.com/picloud/picloud/runtime/state"
)

// watchMembers cuts off who is no longer a member, and ends this node when it is
// the one.
func (n *Node) watchMembers(ctx context.Context) {
	known := map[string]bool{}
	tail := n.views.Tail()
	for {
		s := tail.View().State
		if s.Get("/") != nil {
			now := map[string]bool{}
			for _, node := range nodes(s) {
				now[node.Status.ID] = true
			}
			for id := range known {
				if !now[id] {
					n.port.Drop(id)
				}
			}
			known = now
			if err := n.checkMembership(s, now[n.identity.ID()]); err != nil {
				n.fail(err)
				return
			}
		}
		if _, err := tail.Next(ctx); err != nil {
			return
		}
	}
}

// checkMembership notes that the node saw itself among the members, and says
// that it was removed when it does not any more.
func (n *Node) checkMembership(s *state.State, member bool) error {
	m := n.membership.Load()
	switch {
	case m == nil || m.Known == member:
		return nil
	case !member:
		return fmt.Errorf("this node, %s, was removed from the cluster %s (%s) by position %s; it serves nothing any more. To let it join again, start it with an empty directory in the place of %s",
			m.Name, m.Cluster, m.Domain, s.Position, n.cfg.Dir)
	}
	known := *m
	known.Known = true
	n.membership.Store(&known)
	return n.remember(membershipName, known)
}
