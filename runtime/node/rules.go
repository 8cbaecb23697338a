package node

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/state"
)

// keepLeader refuses the removal of this node. It decides, so it leads, and it
// is the only voter: without it nothing would be decided again.
func (n *Node) keepLeader(before, after *state.State, _ base.Time) error {
	if before.Get(n.self()) == nil || after.Get(n.self()) != nil {
		return nil
	}
	return &base.Error{
		Code: base.Conflict, Ref: n.self(),
		Detail: fmt.Sprintf("%s leads the cluster and is its only voter; without it nothing could be decided again", n.self()),
	}
}
