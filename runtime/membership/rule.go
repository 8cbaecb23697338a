package membership

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/state"
)

// KeepQuorum refuses to remove nodes without which nothing could be decided
// again: the one that leads, the last voter, and a voter that answers while the
// rest would be no majority without it. It is a command.Rule.
func KeepQuorum(before, after *state.State, _ base.Time) error {
	if before.LastIn("/nodes") == after.LastIn("/nodes") {
		return nil
	}
	cluster, _ := before.Get("/").(*domain.Cluster)
	var leaving base.Ref
	voters, heard := 0, 0
	for entry := range before.List("/nodes", "") {
		node, ok := entry.Resource.(*domain.Node)
		if !ok || node.Phase == domain.PhaseDeleting {
			continue
		}
		if now, _ := after.Get(node.Ref).(*domain.Node); now == nil || now.Phase == domain.PhaseDeleting {
			if cluster != nil && cluster.Status.Leader == node.Ref {
				return &base.Error{
					Code: base.Conflict, Ref: node.Ref,
					Detail: fmt.Sprintf("%s leads the cluster; hand the leadership over first (picloud cluster transfer-leader), which needs another voter", node.Ref),
				}
			}
			if node.Status.RaftRole == domain.RaftRoleVoter {
				leaving = node.Ref
			}
			continue
		}
		if node.Status.RaftRole == domain.RaftRoleVoter {
			voters++
			if node.Status.Condition != domain.ConditionUnreachable {
				heard++
			}
		}
	}
	if leaving == "" || heard >= Quorum(voters) && voters > 0 {
		return nil
	}
	return &base.Error{
		Code: base.Conflict, Ref: leaving,
		Detail: fmt.Sprintf("without %s only %d of %d voters would answer, which is no majority: nothing could be decided again; bring the others back first, or remove one of those that do not answer", leaving, heard, voters),
	}
}
