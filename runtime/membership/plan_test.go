package membership

import (
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
)

// cluster reads a cluster from words, one for each node: its id, then letters.
//
//	V voter, L learner, none: not in Raft's configuration
//	* leads, - out of reach (for a minute), ! for an hour, ~ in reach but not steady
//	r removed, a may not vote, f its disk is full
//	+ began anew: in the configuration as before, it says it is id/1
//	? not enrolled
func cluster(words string) (f Facts) {
	for _, word := range strings.Fields(words) {
		m := Member{ID: word[:1], RaftID: word[:1], MayVote: true, InReach: true, Steady: time.Minute}
		enrolled := true
		for _, c := range word[1:] {
			switch c {
			case 'V', 'L':
				f.Servers = append(f.Servers, consensus.Server{ID: m.ID, Voter: c == 'V'})
			case '*':
				f.Self = m.ID
			case '-':
				m.InReach, m.Steady, m.Silent = false, 0, time.Minute
			case '!':
				m.InReach, m.Steady, m.Silent = false, 0, time.Hour
			case '~':
				m.Steady = time.Second
			case 'r':
				m.Removed = true
			case 'a':
				m.MayVote = false
			case 'f':
				m.Full, m.Steady = true, 0
			case '+':
				m.RaftID += "/1"
			case '?':
				enrolled = false
			}
		}
		if enrolled {
			f.Nodes = append(f.Nodes, m)
		}
	}
	return f
}

func TestNextChange(t *testing.T) {
	for _, c := range []struct{ name, cluster, want string }{
		{"one node is enough for itself", "AV*", ""},
		{"an enrolled node becomes a learner", "AV* B", "add as a learner B"},
		{"a node that does not answer is not added", "AV* B-", ""},
		{"a learner that kept up gets a vote", "AV* BL", "promote B"},
		{"a learner is watched first", "AV* BL~", ""},
		{"learners come before votes", "AV* BL C", "add as a learner C"},
		{"two of two vote", "AV* BV", ""},
		{"three of three vote", "AV* BV CL", "promote C"},
		{"three of four vote", "AV* BV CV DL", ""},
		{"five of five vote", "AV* BV CV DL EL", "promote D"},
		{"four are on the way to five", "AV* BV CV DV EL", "promote E"},
		{"five of six vote", "AV* BV CV DV EV FL", ""},
		{"a fifth vote goes with the fifth node", "AV* BV CV DV", "demote D"},
		{"the silent one loses its vote first", "AV* BV- CV DV", "demote B"},
		{"a silent voter keeps its vote for a while", "AV* BV CV- DL", ""},
		{"and longer if nobody can take it", "AV* BV CV!", ""},
		{"or only one that nobody vouched for", "AV* BV CV! DLa", ""},
		{"or only one that has not kept up", "AV* BV CV! DL~", ""},
		{"a dead voter is replaced", "AV* BV CV! DL", "demote C"},
		{"and its vote goes to the learner", "AV* BV CL! DL", "promote D"},
		{"no further vote while the majority is out of reach", "AV* BV- CV- DL EL FL", ""},
		{"no vote without a vouch", "AV* BLa CLa", ""},
		{"what may not vote does not count", "AV* BV CLa", ""},
		{"a vote that nobody vouches for is taken back", "AV* BV CVa", "demote C"},
		{"a removed learner leaves", "AV* BV CV DLr", "remove D"},
		{"a removed voter leaves", "AV* BV CVr", "remove C"},
		{"a removed voter leaves though it is dead", "AV* BV CV!r", "remove C"},
		{"also of two", "AV* BVr", "remove B"},
		{"what is out of reach loses its vote first then", "AV* BV- CVr", "demote B"},
		{"another one does not wait for it", "AV* BV- CVr D", "add as a learner D"},
		{"a removed leader hands over", "AV*r BV CV", "hand the leadership to B"},
		{"not to one that is out of reach", "AV*r BV- CV", "hand the leadership to C"},
		{"not to one that leaves too", "AV*r BVr CV", "hand the leadership to C"},
		{"nor to a learner", "AV*r BL", ""}, // nobody removes the last one that votes: see KeepQuorum
		{"a full leader hands over", "AV*f BV CV", "hand the leadership to B"},
		{"not to one that is full too", "AV*f BVf CV", "hand the leadership to C"},
		{"and leads on if all are full", "AV*f BVf CVf", ""},
		{"what nobody enrolled leaves", "AV* BV CV DL?", "remove D"},
		{"a node that began anew leaves", "AV* BV CV+", "remove C"},
		{"and comes back as a learner", "AV* BV C+", "add as a learner C/1"},
		{"it does not count while its former part votes", "AV* BV- CV+", ""},
		{"nothing happens before the leader is enrolled", "AV*? BV? C", ""},
		{"a removed node is not added", "AV* Br", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := Next(cluster(c.cluster), Rules{})
			got := strings.TrimSpace(string(a.Verb) + " " + a.RaftID)
			if got != c.want {
				t.Errorf("%s\n got %q (%s)\nwant %q", c.cluster, got, a.Why, c.want)
			}
			if a.Verb != Nothing && a.Why == "" {
				t.Error("without a reason")
			}
		})
	}
}

func TestVotesFollowTheNumberOfNodes(t *testing.T) {
	for nodes, want := range map[int]int{1: 1, 2: 2, 3: 3, 4: 3, 5: 5, 6: 5, 100: 5} {
		if got := Votes(nodes); got != want {
			t.Errorf("%d nodes have %d votes, want %d", nodes, got, want)
		}
	}
}
