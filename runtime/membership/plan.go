package membership

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
)

// Rules are the times that decide when something happens; 0 means the usual one.
type Rules struct {
	// Steady is how long a learner has kept up without a gap before it gets a
	// vote; usually 10 s.
	Steady time.Duration
	// Replace is how long a voter is silent before another gets its vote;
	// usually 10 min.
	Replace time.Duration
}

func (r Rules) withDefaults() Rules {
	r.Steady = cmp.Or(r.Steady, 10*time.Second)
	r.Replace = cmp.Or(r.Replace, 10*time.Minute)
	return r
}

// Facts are all that a decision stands on.
type Facts struct {
	Self    string // Raft id of the leader, which decides
	Nodes   []Member
	Servers []consensus.Server // Raft's configuration
	Level   int                // of the platform that the cluster has reached
}

// Member is an enrolled node as the leader sees it.
type Member struct {
	ID      string        // fingerprint of its key
	RaftID  string        // that it goes by now; "" until it was asked
	Removed bool          // it is to leave
	MayVote bool          // somebody vouched for it
	InReach bool          // it was heard just now
	Silent  time.Duration // since it was last heard, if it is not in reach
	Steady  time.Duration // for how long it has been in reach, up to date and with room on its disk
	Full    bool          // its disk is below the mark
	Level   int           // of the platform that its program knows
}

// Verb is a sort of change.
type Verb string

// The changes, one at a time.
const (
	Nothing  Verb = ""
	Add      Verb = "add as a learner"
	Promote  Verb = "promote"
	Demote   Verb = "demote"
	Remove   Verb = "remove"
	Transfer Verb = "hand the leadership to"
)

// Action is the next change and its reason. Without a verb there is none to make
// now; a reason then says what stands against one that is due.
type Action struct {
	Verb   Verb
	RaftID string
	Why    string
}

// Votes is how many voters a cluster of so many nodes that may vote has.
func Votes(nodes int) int {
	switch {
	case nodes <= 2:
		return nodes
	case nodes <= 4:
		return 3
	}
	return 5
}

// Quorum is how many of so many voters are a majority.
func Quorum(voters int) int { return voters/2 + 1 }

// Next decides what to do next. It is pure.
func Next(f Facts, r Rules) Action {
	r = r.withDefaults()
	p := planner{Facts: f, rules: r}
	p.sort()
	if p.member(f.Self) == nil {
		return Action{Why: "the leader itself is not enrolled yet"}
	}
	var held Action
	for _, step := range []func() Action{p.handOver, p.evict, p.admit, p.trim, p.replace, p.raise} {
		a := step()
		if a.Verb != Nothing {
			return a
		}
		held = cmp.Or(held, a)
	}
	return held
}

type planner struct {
	Facts
	rules Rules
}

// sort makes the decision independent of the order of what is known.
func (p *planner) sort() {
	p.Nodes, p.Servers = slices.Clone(p.Nodes), slices.Clone(p.Servers)
	slices.SortFunc(p.Nodes, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(p.Servers, func(a, b consensus.Server) int { return strings.Compare(a.ID, b.ID) })
}

// member is the node behind a Raft id, nil if it is not enrolled.
func (p *planner) member(raftID string) *Member {
	id := consensus.NodeOf(raftID)
	for i := range p.Nodes {
		if p.Nodes[i].ID == id {
			return &p.Nodes[i]
		}
	}
	return nil
}

func (p *planner) server(id string) *consensus.Server {
	for i := range p.Servers {
		if consensus.NodeOf(p.Servers[i].ID) == id {
			return &p.Servers[i]
		}
	}
	return nil
}

// heard reports whether a server takes part now. The leader does.
func (p *planner) heard(s consensus.Server) bool {
	if s.ID == p.Self {
		return true
	}
	m := p.member(s.ID)
	return m != nil && m.InReach && (m.RaftID == "" || m.RaftID == s.ID)
}

func (p *planner) voters() (voters []consensus.Server) {
	for _, s := range p.Servers {
		if s.Voter {
			voters = append(voters, s)
		}
	}
	return voters
}

// safe reports whether the voters that would be are in reach of each other by a
// majority.
func (p *planner) safe(voters []consensus.Server) bool {
	heard := 0
	for _, s := range voters {
		if p.heard(s) {
			heard++
		}
	}
	return len(voters) > 0 && heard >= Quorum(len(voters))
}

func (p *planner) without(s consensus.Server) []consensus.Server {
	return slices.DeleteFunc(p.voters(), func(v consensus.Server) bool { return v.ID == s.ID })
}

// handOver lets a leader go that is to leave, may not vote, or has no room.
func (p *planner) handOver() Action {
	self := p.member(p.Self)
	why := ""
	switch {
	case self.Removed:
		why = "the leader is to leave the cluster"
	case self.Full:
		why = "the leader's disk is full"
	case !self.MayVote:
		why = "nobody vouched for the leader"
	default:
		return Action{}
	}
	best, steadiest := "", time.Duration(-1)
	for _, s := range p.voters() {
		m := p.member(s.ID)
		if s.ID == p.Self || !p.heard(s) || m.Removed || m.Full || !m.MayVote || m.Steady <= steadiest {
			continue
		}
		best, steadiest = s.ID, m.Steady
	}
	if best == "" {
		return Action{Why: why + ", and no other voter could lead"}
	}
	return Action{Transfer, best, why}
}

// evict takes out servers that no node stands behind any more.
func (p *planner) evict() (held Action) {
	var gone []Action
	voter := map[string]bool{}
	for _, s := range p.Servers {
		if s.ID == p.Self {
			continue
		}
		m, why := p.member(s.ID), ""
		switch {
		case m == nil:
			why = "no such node is enrolled"
		case m.Removed:
			why = "the node was removed"
		case consensus.IncarnationOf(m.RaftID) > consensus.IncarnationOf(s.ID):
			why = "the node lost this part of the consensus and began anew"
		default:
			continue
		}
		if s.Voter && !p.safe(p.without(s)) {
			held = Action{Why: s.ID + " is to leave, but without it the rest would not be a majority"}
			continue
		}
		voter[s.ID] = s.Voter
		gone = append(gone, Action{Remove, s.ID, why})
	}
	slices.SortStableFunc(gone, func(a, b Action) int { return rank(voter[a.RaftID], voter[b.RaftID]) })
	if len(gone) > 0 {
		return gone[0]
	}
	return held
}

// rank orders what is false before what is true.
func rank(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// admit makes learners of enrolled nodes that answer.
func (p *planner) admit() Action {
	for _, m := range p.Nodes {
		if !m.Removed && m.InReach && m.Level >= p.Level && consensus.NodeOf(m.RaftID) == m.ID && p.server(m.ID) == nil {
			return Action{Add, m.RaftID, "the node is enrolled and answers"}
		}
	}
	return Action{}
}

// votes is how many voters there are to be.
func (p *planner) votes() int {
	n := 0
	for _, m := range p.Nodes {
		if m.MayVote && !m.Removed {
			n++
		}
	}
	return max(1, Votes(n))
}

// trim takes a vote away where there are too many, or from one that may have
// none: those out of reach first, then those that keep up least.
func (p *planner) trim() (held Action) {
	tooMany := len(p.voters()) > p.votes()
	var candidates []consensus.Server
	for _, s := range p.voters() {
		if m := p.member(s.ID); s.ID != p.Self && (tooMany || m != nil && !m.MayVote) {
			candidates = append(candidates, s)
		}
	}
	slices.SortStableFunc(candidates, func(a, b consensus.Server) int {
		x, y := p.member(a.ID), p.member(b.ID)
		if x == nil || y == nil {
			return rank(x != nil, y != nil)
		}
		return cmp.Or(rank(x.MayVote, y.MayVote), rank(p.heard(a), p.heard(b)), cmp.Compare(x.Steady, y.Steady), strings.Compare(b.ID, a.ID))
	})
	for _, s := range candidates {
		why := "there are more voters than the cluster needs"
		if m := p.member(s.ID); m != nil && !m.MayVote {
			why = "nobody vouched for the node"
		}
		if p.safe(p.without(s)) {
			return Action{Demote, s.ID, why}
		}
		held = Action{Why: why + ", but without " + s.ID + " the rest would not be a majority"}
	}
	return held
}

// replace takes the vote from one that is silent for long, if another can have it.
func (p *planner) replace() Action {
	if p.successor() == "" {
		return Action{}
	}
	for _, s := range p.voters() {
		if m := p.member(s.ID); m != nil && !p.heard(s) && m.Silent >= p.rules.Replace && p.safe(p.without(s)) {
			return Action{Demote, s.ID, "the voter is silent for " + p.rules.Replace.String() + " and a learner can take its place"}
		}
	}
	return Action{}
}

// raise gives a vote where one is missing.
func (p *planner) raise() Action {
	voters := p.voters()
	next := p.successor()
	if next == "" || len(voters) >= p.votes() {
		return Action{}
	}
	if !p.safe(append(voters, consensus.Server{ID: next, Voter: true})) {
		return Action{Why: "another vote is due, but too few voters are in reach to add one"}
	}
	return Action{Promote, next, "the node keeps up and the cluster has room for another voter"}
}

// successor is a learner that is fit to vote; "" if there is none.
func (p *planner) successor() string {
	for _, s := range p.Servers {
		m := p.member(s.ID)
		if !s.Voter && m != nil && p.heard(s) && m.MayVote && !m.Removed && !m.Full && m.Level >= p.Level && m.Steady >= p.rules.Steady {
			return s.ID
		}
	}
	return ""
}
