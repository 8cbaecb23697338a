package consensus

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Stats are figures about this node's part.
type Stats struct {
	RaftID string
	// State is Raft's word: Follower, Candidate, Leader or Shutdown.
	State        string
	Term         uint64
	LastIndex    uint64 // stored here
	CommitIndex  uint64 // known here to be held by a majority
	AppliedIndex uint64 // handed to the fold, at least
	// Peers is what a leader knows of the others; empty on others.
	Peers []Peer
}

// Peer is what a leader last heard of a server.
type Peer struct {
	Server
	LastContact time.Time // zero: never
	LastIndex   uint64    // that it had stored then
}

// Stats may be asked at any time.
func (n *Node) Stats() Stats {
	s := Stats{
		RaftID: n.raftID, State: n.raft.State().String(), Term: n.raft.CurrentTerm(), LastIndex: n.raft.LastIndex(),
		CommitIndex: n.store.log.Settled(n.raft.CommitIndex()), AppliedIndex: n.raft.AppliedIndex(),
	}
	if n.raft.State() != raft.Leader {
		return s
	}
	servers, _, _ := n.Servers()
	for _, server := range servers {
		if server.ID != n.raftID {
			s.Peers = append(s.Peers, n.carrier.contacts.of(server))
		}
	}
	return s
}

// LeaderContact names the leader, by its Raft id, and when it was last heard of;
// "" and a zero time if none is known. A leader hears of itself now.
func (n *Node) LeaderContact() (leader string, last time.Time) {
	leader, _ = n.Leader()
	if leader == n.raftID {
		return leader, time.Now()
	}
	return leader, n.raft.LastContact()
}

// contacts remembers what others answered.
type contacts struct {
	mu   sync.Mutex
	last map[raft.ServerID]contact
}

type contact struct {
	at    time.Time
	index uint64
}

func (c *contacts) heard(from raft.ServerID, index uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = map[raft.ServerID]contact{}
	}
	c.last[from] = contact{time.Now(), index}
}

func (c *contacts) of(s Server) Peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.last[raft.ServerID(s.ID)]
	return Peer{Server: s, LastContact: l.at, LastIndex: l.index}
}
