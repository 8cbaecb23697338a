package consensus_test

import (
	"testing"
)

func TestThreeNodesHoldTheSame(t *testing.T) {
	g := form(t, 3, nil)
	g.write(200)
	g.converge()
	servers, index, err := g.leader().node.Servers()
	if err != nil || index == 0 || len(servers) != 3 {
		t.Fatal(servers, index, err)
	}
}
