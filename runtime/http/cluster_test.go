package http_test

import (
	"slices"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

// The machines are asked by administrators, on any node; one node alone has
// nobody to hand over to.
func TestAdministratorsSeeHowEveryNodeIs(t *testing.T) {
	c := photoApp(t)
	reader := c.token("reader", "read")
	c.want(403, c.do("GET", "/-/cluster", "", reader))
	c.want(403, c.do("GET", "/-/cluster/verify", "", reader))
	c.want(403, c.do("POST", "/-/cluster/transfer", "", reader))

	seen := c.json(c.want(200, c.do("GET", "/-/cluster", "")))
	nodes := seen["nodes"].([]any)
	if seen["leader"] != "pi-1" || seen["asked"] != "pi-1" || seen["voters"] != 1.0 || seen["quorum"] != 1.0 || seen["writes"] != true || len(nodes) != 1 {
		t.Errorf("the cluster is %v", seen)
	}
	node := nodes[0].(map[string]any)
	if node["name"] != "pi-1" || node["role"] != "voter" || node["leader"] != true || node["answers"] != true || node["behind"] != 0.0 {
		t.Errorf("the node is %v", node)
	}
	if _, ok := base.ParseTime(node["enrolled"].(string)); !ok {
		t.Errorf("it was enrolled at %v", node["enrolled"])
	}

	quick := c.json(c.want(200, c.do("GET", "/-/cluster/verify", "")))
	whole := c.json(c.want(200, c.do("GET", "/-/cluster/verify?rebuild=true", "")))
	for _, found := range []map[string]any{quick, whole} {
		if found["equal"] != true || found["complete"] != true {
			t.Errorf("found %v", found)
		}
	}
	one := whole["nodes"].([]any)[0].(map[string]any)
	live, rebuilt := one["live"].(map[string]any), one["rebuilt"].(map[string]any)
	if len(live) != 4 || live["state"] != rebuilt["state"] || live["chain"] != one["chain"] {
		t.Errorf("the node found %v", one)
	}
	c.want(400, c.do("GET", "/-/cluster/verify?rebuild=maybe", ""))
	c.want(400, c.do("POST", "/-/cluster/transfer?to=../x", ""))
	c.want(404, c.do("POST", "/-/cluster/transfer?to=pi-9", ""))
	c.want(409, c.do("POST", "/-/cluster/transfer", ""))
	c.want(204, c.do("POST", "/-/cluster/transfer?to=pi-1", "")) // it leads
	if allowed := c.want(405, c.do("GET", "/-/cluster/transfer", "")).Header.Get("Allow"); !slices.Contains([]string{"POST, OPTIONS"}, allowed) {
		t.Errorf("allowed is %s", allowed)
	}
}
