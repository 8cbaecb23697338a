package simtest

import (
	"context"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/membership"
)

// steady is how long a learner has to keep up before it gets a vote.
const steady = 500 * time.Millisecond

// care lets whoever leads replace lost parts of the consensus by those that their
// nodes have now, one change after the other, by the rules of the platform.
func (c *cluster) care() {
	since := map[string]time.Time{} // when a Raft id was first seen to keep up
	for ; !c.isOver(); sleep(200 * time.Millisecond) {
		c.lead(func(ctx context.Context, p *process) error {
			facts, err := c.facts(p, since)
			if err != nil {
				return err
			}
			a := membership.Next(facts, membership.Rules{Steady: steady})
			change := map[membership.Verb]func(context.Context, string) error{
				membership.Add: p.node.AddLearner, membership.Promote: p.node.Promote, membership.Remove: p.node.Remove,
			}[a.Verb]
			if change == nil {
				return nil
			}
			err = change(ctx, a.RaftID)
			c.rec.note("care", "%s: %s %s (%s): %v", p.m.id, a.Verb, a.RaftID, a.Why, err)
			return err
		})
	}
}

// facts are what the leader finds when it asks all nodes.
func (c *cluster) facts(p *process, since map[string]time.Time) (f membership.Facts, err error) {
	f.Self = p.node.RaftID()
	if f.Servers, _, err = p.node.Servers(); err != nil {
		return f, err
	}
	for _, m := range c.members[:c.s.nodes] {
		about := membership.Member{ID: m.id, MayVote: true}
		if q := m.running(); q != nil && (m == p.m || c.connected(p.m.id, m.id)) {
			about.InReach, about.RaftID = true, q.node.RaftID()
			if q.log.Head().Position+20 < p.log.Head().Position {
				delete(since, about.RaftID)
			} else if since[about.RaftID].IsZero() {
				since[about.RaftID] = time.Now()
			} else {
				about.Steady = time.Since(since[about.RaftID])
			}
		}
		f.Nodes = append(f.Nodes, about)
	}
	return f, nil
}

// halted tells whether so many votes were lost that nobody may be elected any
// more: whoever asks for them is told that they are gone.
func (c *cluster) halted() bool {
	if c.leader() != nil {
		return false
	}
	var servers []consensus.Server // as the node knows them that knows most
	var latest uint64
	votes := map[string]bool{}
	for _, m := range c.members {
		p := m.running()
		if p == nil {
			continue
		}
		votes[p.node.RaftID()] = true
		known, index, err := p.node.Servers()
		if err == nil && (servers == nil || index > latest) {
			servers, latest = known, index
		}
	}
	voters, there := 0, 0
	for _, s := range servers {
		if s.Voter {
			voters++
			if votes[s.ID] {
				there++
			}
		}
	}
	return there < membership.Quorum(voters)
}
