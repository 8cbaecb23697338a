package node_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/node"
)

// A cluster that was recovered without a node has another history than that node,
// which takes it over and keeps its own beside it.
func TestNodeThatWasAwayDuringARecoveryBeginsAnew(t *testing.T) {
	t.Parallel()
	c := form(t)
	c.written(0, "kept")
	c.same()
	c.stop(2)
	c.written(0, "without-pi-3")
	c.stop(0)
	c.stop(1)
	// pi-3 goes on alone, and what the others wrote since is lost
	if _, err := node.Recover(t.Context(), node.RecoverConfig{Dir: c.dirs[2]}); err != nil {
		t.Fatal(err)
	}
	c.restart(2)
	c.written(2, "alone")
	for i := range 2 {
		c.start(i) // with its former history: it looks for a leader
		select {
		case <-c.nodes[i].Failed():
		case <-time.After(2 * patience):
			t.Fatalf("pi-%d does not notice that the cluster was recovered", i+1)
		}
		if why := c.nodes[i].Err().Error(); !strings.Contains(why, "was recovered while this node") || !strings.Contains(why, "former") {
			t.Errorf("pi-%d ends because %s", i+1, why)
		}
		c.stop(i)
	}
	// the first is interrupted when its history has just been put aside
	former := filepath.Join(c.dirs[0], "former")
	if err := os.Mkdir(former, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(c.dirs[0], "log"), filepath.Join(former, "log")); err != nil {
		t.Fatal(err)
	}
	c.restart(0, 1)
	for i := range c.nodes {
		c.want(200, i, "GET", "/products/alone", "", "Picloud-Consistency: linearizable")
		c.want(200, i, "GET", "/products/kept", "")
		c.want(404, i, "GET", "/products/without-pi-3", "")
	}
	for i := range 2 {
		kept, err := filepath.Glob(filepath.Join(c.dirs[i], "former", "log", "events-*.seg"))
		if err != nil || len(kept) == 0 {
			t.Errorf("pi-%d does not keep its former history: %v", i+1, err)
		}
		if id := c.nodes[i].Consensus().RaftID(); !strings.HasSuffix(id, "/1") {
			t.Errorf("pi-%d takes part as %s, in its former place", i+1, id)
		}
	}
	c.await("all three vote", func() bool {
		leader := c.leader()
		if leader < 0 {
			return false
		}
		servers, _, err := c.nodes[leader].Consensus().Servers()
		voters := 0
		for _, s := range servers {
			if s.Voter {
				voters++
			}
		}
		return err == nil && voters == 3
	})
	c.written(1, "together")
	c.same()
}

// A node that ended while it was renewed knows its incarnation all the same, so
// that the next loss does not give it the same again.
func TestIncarnationIsNotForgotten(t *testing.T) {
	t.Parallel()
	c := form(t)
	one := c.follower()
	incarnation := func() (n uint64) {
		t.Helper()
		var m map[string]any
		text, err := os.ReadFile(filepath.Join(c.dirs[one], "membership.json"))
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		f, _ := m["incarnation"].(float64)
		return uint64(f)
	}
	c.stop(one)
	if err := os.WriteFile(filepath.Join(c.dirs[one], "raft", "incarnation"), []byte("4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(c.dirs[one], "raft", "store")); err != nil {
		t.Fatal(err)
	}
	// as Renew leaves it when the node ends right after
	path := filepath.Join(c.dirs[one], "membership.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), `"seeded": true`, `"seeded": false`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c.restart(one)
	if got := incarnation(); got != 4 {
		t.Errorf("incarnation %d is remembered, the node is %s", got, c.nodes[one].Consensus().RaftID())
	}
	c.stopWithout(one, "raft")
	c.restart(one)
	if id := c.nodes[one].Consensus().RaftID(); !strings.HasSuffix(id, "/5") {
		t.Errorf("after another loss it is %s", id)
	}
}

// A place that is lost again before the node has it does not come back under the
// number of the first, under which the node voted.
func TestPlaceThatIsLostTwiceIsNotTheFormerOne(t *testing.T) {
	t.Parallel()
	c := form(t)
	one := c.follower()
	c.stopWithout(one, "raft")
	path := filepath.Join(c.dirs[one], "membership.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), `"seeded": true`, `"incarnation": 1, "seeded": false`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c.restart(one)
	if id := c.nodes[one].Consensus().RaftID(); !strings.HasSuffix(id, "/2") {
		t.Errorf("it takes part as %s", id)
	}
}

// A node whose number alone is lost does not come back under a former one: it would
// be refused as that, or vote a second time in its name.
func TestNodeThatLostItsNumberAloneGetsAnotherPlace(t *testing.T) {
	t.Parallel()
	c := form(t)
	one := c.follower()
	c.stopWithout(one, "raft")
	c.restart(one)
	c.votes(one, "/1")
	c.stop(one)
	if err := os.Remove(filepath.Join(c.dirs[one], "raft", "incarnation")); err != nil {
		t.Fatal(err)
	}
	c.restart(one)
	c.votes(one, "/2")
	c.written(one, "after")
	c.same()
}

// votes waits until a node votes under a Raft id with an ending, among three members.
func (c *trio) votes(i int, ending string) {
	c.t.Helper()
	id := c.nodes[i].Consensus().RaftID()
	if !strings.HasSuffix(id, ending) {
		c.t.Errorf("pi-%d takes part as %s, not %s", i+1, id, ending)
	}
	c.await("it votes again as "+id, func() bool {
		leader := c.leading()
		if leader < 0 {
			return false
		}
		servers, _, err := c.nodes[leader].Consensus().Servers()
		return err == nil && slices.Contains(servers, consensus.Server{ID: id, Voter: true}) && len(servers) == 3
	})
}

// A node that has nobody to give it another place says which number to put back.
func TestNodeAloneThatLostItsNumberSaysWhichItWas(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.do(product("photo"))
	w.close()
	if _, err := node.Recover(t.Context(), node.RecoverConfig{Dir: w.dir, Anyway: true}); err != nil {
		t.Fatal(err)
	}
	open := func() { // it logs an error: it went on alone
		n, err := node.Open(t.Context(), config(w.dir))
		if err == nil {
			err = n.Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
	open()
	number := filepath.Join(w.dir, "raft", "incarnation")
	if err := os.Remove(number); err != nil {
		t.Fatal(err)
	}
	if err := unopened(t, config(w.dir)).Error(); !strings.Contains(err, "the number 1 into "+number) {
		t.Errorf("it says %s", err)
	}
	if err := os.WriteFile(number, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open()
}
