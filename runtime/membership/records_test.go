package membership

import (
	"testing"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
)

// A cluster that was recovered without a voter does not count it any more: else none of
// those that are lost for good could be removed, since the rest would be no majority.
func TestLogSaysWhoLostItsVote(t *testing.T) {
	servers := []consensus.Server{{ID: "a/1", Voter: true}}
	for _, c := range []struct {
		id    string
		phase domain.Phase
		role  domain.RaftRole
		says  bool
	}{
		{"a", domain.PhaseReady, domain.RaftRoleVoter, false},
		{"b", domain.PhaseReady, domain.RaftRoleVoter, true},
		{"b", domain.PhaseReady, domain.RaftRoleLearner, false},
		{"b", domain.PhaseApproved, "", false},
	} {
		node := &domain.Node{Status: domain.NodeStatus{ID: c.id, RaftRole: c.role}}
		node.Phase = c.phase
		if _, says := part(node, servers).(*domain.DemoteNode); says != c.says {
			t.Errorf("of %+v it says that the vote is lost: %v", c, says)
		}
	}
}
