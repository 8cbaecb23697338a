package node

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/peer"
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
				n.book.Learn(node.Status.ID, peer.FromState, hostports(node))
			}
			for id := range known {
				if !now[id] {
					n.port.Drop(id)
					n.book.Forget(id)
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

// hostports are where a node says that it is reached.
func hostports(node *domain.Node) (list []string) {
	if node.Status.Port == nil {
		return nil
	}
	for _, ip := range node.Status.Addresses {
		list = append(list, net.JoinHostPort(ip, strconv.FormatInt(*node.Status.Port, 10)))
	}
	return list
}

// checkMembership notes that the node saw itself among the members, and says
// that it was removed when it does not any more.
func (n *Node) checkMembership(s *state.State, member bool) error {
	m := n.record.Load()
	switch {
	case m == nil || m.Known == member:
		return nil
	case !member:
		return n.removed(s)
	}
	known := *m
	known.Known = true
	n.record.Store(&known)
	return n.remember(membershipName, known)
}

// removed says that this node is no member any more.
func (n *Node) removed(s *state.State) error {
	cluster, domain := n.ClusterID(), n.domain
	return fmt.Errorf("this node, %s, was removed from the cluster %s (%s) by position %s; it serves nothing any more. To let it join again, start it with an empty directory in the place of %s",
		n.cfg.Name, cluster, domain, s.Position, n.cfg.Dir)
}
