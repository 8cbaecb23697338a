package membership

import (
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/state"
)

// nodes are the enrolled nodes that have said who they are.
func nodes(s *state.State) (all []*domain.Node) {
	for entry := range s.List("/nodes", "") {
		if node, ok := entry.Resource.(*domain.Node); ok && node.Status.ID != "" {
			all = append(all, node)
		}
	}
	return all
}

// part is the command that says in the log what part a node has in Raft's
// configuration, nil if the log says so already.
func part(node *domain.Node, servers []consensus.Server) domain.Command {
	var server *consensus.Server
	for i := range servers {
		if consensus.NodeOf(servers[i].ID) == node.Status.ID {
			server = &servers[i]
		}
	}
	switch {
	case server == nil && node.Phase == domain.PhaseDeleting:
		return &domain.EndNode{Ref: node.Ref}
	case server == nil && node.Phase == domain.PhaseReady && node.Status.RaftRole == domain.RaftRoleVoter:
		return &domain.DemoteNode{Ref: node.Ref} // the cluster was recovered without it
	case server == nil:
		return nil
	case node.Phase == domain.PhaseApproved:
		return &domain.JoinNode{Ref: node.Ref}
	case server.Voter && node.Status.RaftRole != domain.RaftRoleVoter && node.Phase == domain.PhaseReady:
		return &domain.PromoteNode{Ref: node.Ref}
	case !server.Voter && node.Status.RaftRole != domain.RaftRoleLearner:
		return &domain.DemoteNode{Ref: node.Ref}
	}
	return nil
}

// release is the command that says which release every node can run, nil if that
// is known, or not known of some node.
func release(s *state.State) domain.Command {
	cluster, _ := s.Get("/").(*domain.Cluster)
	if cluster == nil {
		return nil
	}
	lowest := ""
	for _, node := range nodes(s) {
		version := strings.TrimPrefix(node.Status.Version, "v")
		if numbers(version) == nil {
			return nil
		}
		if lowest == "" || older(version, lowest) {
			lowest = version
		}
	}
	if lowest == "" || lowest == cluster.Status.Version {
		return nil
	}
	status := cluster.Status
	status.Version = lowest
	return &domain.ObserveCluster{Ref: "/", Status: status}
}

// numbers are the three of a semantic version, nil if it is none.
func numbers(version string) []int {
	core, _, _ := strings.Cut(version, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return nil
	}
	out := make([]int, 3)
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || strconv.Itoa(n) != p {
			return nil
		}
		out[i] = n
	}
	return out
}

// older compares releases by their three numbers. What follows them does not
// count: builds between two releases are not ordered.
func older(a, b string) bool {
	x, y := numbers(a), numbers(b)
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return false
}

// leads is the command that says who leads, nil if the log says so already.
func leads(s *state.State, self string, term uint64) domain.Command {
	cluster, _ := s.Get("/").(*domain.Cluster)
	if cluster == nil {
		return nil
	}
	for _, node := range nodes(s) {
		if node.Status.ID != self {
			continue
		}
		if cluster.Status.Leader == node.Ref && base.OrZero(cluster.Status.Term) == int64(term) {
			return nil
		}
		return &domain.LeadCluster{Ref: "/", Leader: node.Ref, Term: new(int64(term))}
	}
	return nil
}
