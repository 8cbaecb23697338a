package node_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/node"
)

// While a node is away another one joins, gets its vote, and leads. The node
// that comes back knows nothing of it, so it refuses the leader; it learns who
// the stranger is from those that it knows.
func TestNodeThatWasAwayFollowsALeaderThatItNeverHeardOf(t *testing.T) {
	c := form(t)
	hurry := func(cfg *node.Config) {
		cfg.Rules = membership.Rules{Steady: 200 * time.Millisecond, Replace: time.Second}
	}
	for i := range 2 { // the rules of the test replace a silent voter at once
		c.stop(i)
		c.start(i, hurry)
	}
	c.stop(2)
	invitation, err := c.nodes[c.leader()].Invite(t.Context(), "pi-4", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	fourth := &trio{t: t, trusted: c.trusted}
	fourth.dirs[0] = filepath.Join(t.TempDir(), "pi-4")
	t.Cleanup(func() { fourth.stop(0) })
	fourth.start(0, hurry, func(cfg *node.Config) {
		cfg.Name, cfg.Join, cfg.Token = "pi-4", []string{c.ports[0], c.ports[1]}, invitation
	})
	stranger := fourth.nodes[0]
	votes := func() bool {
		n, _ := stranger.Views().View().State.Get("/nodes/pi-4").(*domain.Node)
		return n != nil && n.Status.RaftRole == domain.RaftRoleVoter
	}
	c.await("pi-4 votes in the place of pi-3", votes)
	c.await("pi-4 leads", func() bool {
		if i := c.leading(); i >= 0 {
			_ = c.nodes[i].Consensus().TransferLeadership(t.Context(), stranger.Consensus().Stats().RaftID) // tried again
		}
		leadership, _ := stranger.Consensus().Leadership()
		return leadership.Leading
	})
	_, id := stranger.Consensus().Leader()
	c.await("all know that", func() bool {
		_, first := c.nodes[0].Consensus().Leader()
		_, second := c.nodes[1].Consensus().Leader()
		return first == id && second == id
	})
	c.nodes[2], err = c.open(2, hurry)
	if err != nil {
		t.Fatal(err)
	}
	c.await("pi-3 knows pi-4", func() bool { return c.nodes[2].Views().View().State.Get("/nodes/pi-4") != nil })
	position := c.written(0, "afterwards")
	c.want(200, 2, "GET", "/products/afterwards", "", "Picloud-Min-Position: "+position)
	if leadership, _ := stranger.Consensus().Leadership(); !leadership.Leading {
		t.Log("pi-4 does not lead any more: the test shows less than it should")
	}
}
