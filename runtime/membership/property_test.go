package membership

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/runtime/consensus"
)

// anyFacts are facts of any sort, likely or not.
func anyFacts(t *rapid.T) (f Facts) {
	n := rapid.IntRange(1, 8).Draw(t, "nodes")
	for i := range n {
		id := string(rune('A' + i))
		m := Member{ID: id, RaftID: id, MayVote: rapid.Bool().Draw(t, "vote"), Removed: rapid.IntRange(0, 4).Draw(t, "removed") == 0}
		if rapid.IntRange(0, 5).Draw(t, "anew") == 0 {
			m.RaftID = id + "/1"
		}
		if rapid.IntRange(0, 5).Draw(t, "asked") == 0 {
			m.RaftID = ""
		}
		if m.InReach = rapid.IntRange(0, 2).Draw(t, "in reach") > 0; m.InReach {
			m.Steady = time.Duration(rapid.IntRange(0, 30).Draw(t, "steady")) * time.Second
		} else {
			m.Silent = time.Duration(rapid.IntRange(0, 30).Draw(t, "silent")) * time.Minute
		}
		if m.Full = rapid.IntRange(0, 5).Draw(t, "full") == 0; m.Full {
			m.Steady = 0
		}
		if rapid.IntRange(0, 9).Draw(t, "enrolled") > 0 {
			f.Nodes = append(f.Nodes, m)
		}
		if part := rapid.IntRange(0, 3).Draw(t, "part"); part > 0 {
			f.Servers = append(f.Servers, consensus.Server{ID: id, Voter: part > 1})
		}
	}
	// who leads votes, and knows itself
	self := string(rune('A' + rapid.IntRange(0, n-1).Draw(t, "leader")))
	f.Self = self
	f.Servers = slices.DeleteFunc(f.Servers, func(s consensus.Server) bool { return s.ID == self })
	f.Servers = append(f.Servers, consensus.Server{ID: self, Voter: true})
	for i := range f.Nodes {
		if f.Nodes[i].ID == self {
			f.Nodes[i].RaftID, f.Nodes[i].InReach = self, true
		}
	}
	return f
}

// after is the configuration that a change leads to. It fails where Raft would
// refuse the change, or one would be more than one.
func after(f Facts, a Action) ([]consensus.Server, error) {
	servers := slices.Clone(f.Servers)
	at := slices.IndexFunc(servers, func(s consensus.Server) bool { return s.ID == a.RaftID })
	switch {
	case a.Verb == Add && at < 0:
		return append(servers, consensus.Server{ID: a.RaftID}), nil
	case a.Verb == Promote && at >= 0 && !servers[at].Voter:
		servers[at].Voter = true
	case a.Verb == Demote && at >= 0 && servers[at].Voter:
		servers[at].Voter = false
	case a.Verb == Remove && at >= 0:
		return slices.Delete(servers, at, at+1), nil
	case a.Verb == Transfer && at >= 0 && servers[at].Voter && a.RaftID != f.Self:
	default:
		return nil, fmt.Errorf("%s %s does not fit %v", a.Verb, a.RaftID, f.Servers)
	}
	return servers, nil
}

func inReach(f Facts, servers []consensus.Server) (voters, heard int) {
	for _, s := range servers {
		if !s.Voter {
			continue
		}
		voters++
		for _, m := range f.Nodes {
			if s.ID == f.Self || m.InReach && (m.RaftID == s.ID || m.RaftID == "" && m.ID == s.ID) {
				heard++
				break
			}
		}
	}
	return voters, heard
}

func TestNoChangeEndangersTheMajority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		a := Next(f, Rules{})
		if a.Verb == Nothing {
			return
		}
		servers, err := after(f, a)
		if err != nil {
			t.Fatal(err)
		}
		member := func(raftID string) (found Member, ok bool) {
			for _, m := range f.Nodes {
				if m.ID == consensus.NodeOf(raftID) {
					return m, true
				}
			}
			return Member{}, false
		}
		if a.Verb != Add && a.Verb != Transfer {
			before, _ := inReach(f, f.Servers)
			if voters, heard := inReach(f, servers); voters != before && heard < Quorum(voters) {
				t.Fatalf("%s %s leaves %d of %d voters in reach", a.Verb, a.RaftID, heard, voters)
			}
		}
		m, enrolled := member(a.RaftID)
		switch a.Verb {
		case Promote:
			voters, _ := inReach(f, servers)
			if !enrolled || !m.InReach || !m.MayVote || m.Removed || m.Full || m.Steady < 10*time.Second || m.RaftID != "" && m.RaftID != a.RaftID {
				t.Fatalf("a vote for %+v", m)
			}
			if voters > 5 {
				t.Fatalf("%d voters", voters)
			}
		case Add:
			if !enrolled || m.Removed || !m.InReach {
				t.Fatalf("added %+v", m)
			}
		case Transfer:
			if !enrolled || !m.InReach || !m.MayVote || m.Removed || m.Full {
				t.Fatalf("the leadership for %+v", m)
			}
		case Remove:
			if enrolled && !m.Removed && m.RaftID == a.RaftID {
				t.Fatalf("removed %+v", m)
			}
		}
		if a.RaftID == f.Self {
			t.Fatalf("the leader would %s itself", a.Verb)
		}
	})
}

func TestTheOrderOfWhatIsKnownDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		g := f
		g.Nodes = rapid.Permutation(f.Nodes).Draw(t, "nodes again")
		g.Servers = rapid.Permutation(f.Servers).Draw(t, "servers again")
		if a, b := Next(f, Rules{}), Next(g, Rules{}); a != b {
			t.Fatalf("%+v, then %+v", a, b)
		}
	})
}

// A cluster in which everybody is well comes to rest with as many votes as it
// should have, each with a node that may have it.
func TestAHealthyClusterComesToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		for i := range f.Nodes {
			m := &f.Nodes[i]
			m.InReach, m.Full, m.Silent, m.Steady = true, false, 0, time.Minute
			if m.RaftID == "" {
				m.RaftID = m.ID
			}
			if m.ID == f.Self {
				m.Removed, m.MayVote = false, true
			}
		}
		p := planner{Facts: f}
		if p.member(f.Self) == nil {
			return
		}
		// those that nobody stands behind may be too many to be taken out one by one
		if voters, heard := inReach(f, f.Servers); heard < Quorum(voters) {
			return
		}
		var seen []string
		for range 64 {
			a := Next(f, Rules{})
			if a.Verb == Nothing {
				want := p.votes()
				if voters, _ := inReach(f, f.Servers); voters != want {
					t.Fatalf("%d voters at rest (%s), want %d: %v", voters, a.Why, want, f.Servers)
				}
				for _, s := range f.Servers {
					if m := p.member(s.ID); m == nil || m.Removed || s.Voter && !m.MayVote || m.RaftID != s.ID {
						t.Fatalf("%+v at rest: %+v", s, m)
					}
				}
				return
			}
			seen = append(seen, fmt.Sprint(a))
			servers, err := after(f, a)
			if err != nil {
				t.Fatal(err)
			}
			f.Servers = servers
		}
		t.Fatalf("it never rests: %v", seen)
	})
}
