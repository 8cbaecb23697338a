package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/peer"
	"github.com/picloud/picloud/runtime/state"
)

// watchMembers keeps in mind who the others are and where, cuts off who is no
// longer a member, and ends this node when it is the one.
func (n *Node) watchMembers(ctx context.Context) {
	known := map[string]bool{}
	for s := range n.states(ctx) {
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
			if err := n.note(s, now[n.identity.ID()]); err != nil {
				n.fail(err)
				return
			}
		}
	}
}

// note keeps who the other members are, for a start on which the log cannot say
// it, and that this node is one. It says so when it was one and is not any more.
func (n *Node) note(s *state.State, isMember bool) error {
	m := n.record.Load()
	switch {
	case m == nil || !m.Known && !isMember:
		return nil // the history has not come to where it was let in
	case !isMember:
		return n.removed(s)
	}
	now := *m
	now.Known, now.Members = true, membersOf(s, n.identity.ID())
	if m.Known && slices.EqualFunc(m.Members, now.Members, member.equal) {
		return nil
	}
	n.record.Store(&now)
	return n.remember(membershipName, now)
}

// membersOf are the nodes of a state but one, by id.
func membersOf(s *state.State, but string) (list []member) {
	for _, node := range nodes(s) {
		if node.Status.ID != "" && node.Status.ID != but {
			list = append(list, member{ID: node.Status.ID, Addresses: hostports(node)})
		}
	}
	slices.SortFunc(list, func(a, b member) int { return strings.Compare(a.ID, b.ID) })
	return list
}

func (m member) equal(other member) bool {
	return m.ID == other.ID && slices.Equal(m.Addresses, other.Addresses)
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

// ErrRemoved is why a node ends that is no member any more.
var ErrRemoved = errors.New("the node was removed from its cluster")

// removed says that this node is no member any more.
func (n *Node) removed(s *state.State) error {
	cluster, domain := n.ClusterID(), n.domain
	return fmt.Errorf("%w: this is %s, which was removed from the cluster %s (%s) by position %s and serves nothing any more; to let it join again, start it with an empty directory in the place of %s",
		ErrRemoved, n.cfg.Name, cluster, domain, s.Position, n.cfg.Dir)
}
