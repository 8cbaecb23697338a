package node

import (
	"fmt"
	"slices"
	"testing"

	"github.com/picloud/picloud/runtime/discovery"
	"github.com/picloud/picloud/runtime/enroll"
)

func TestStrangersWhoAnnounceManyNodesHideNone(t *testing.T) {
	n := &Node{sights: sights{came: make(chan struct{}, 1)}}
	announce := func(node string) {
		n.saw(discovery.Found{Node: node, Cluster: "of " + node, Role: discovery.Member})
	}
	for i := range 10 * sightsMax {
		announce(fmt.Sprint("invented-", i))
	}
	announce("genuine")
	found := n.candidates()
	if len(found) != sightsMax {
		t.Errorf("%d are remembered", len(found))
	}
	if !slices.ContainsFunc(found, func(c enroll.Candidate) bool { return c.Cluster == "of genuine" }) {
		t.Error("the genuine one is not heard")
	}
}
