package consensus

import (
	"time"

	"github.com/hashicorp/raft"
)

// doubtAfter is the silence of a leader, several heartbeats long, after which a
// node no longer defends it. Raft's own rule is that a node defends the leader it
// knows until its own timeout, which is up to three times the election timeout;
// then the last of a majority to doubt would decide when there is a new one.
const doubtAfter = electionTimeout / 2

// doubt lets a request for a vote pass the question whether there is a leader,
// once that was silent. All else that Raft asks for stands: term, log, whether it
// has voted. So no more than the stability of a leader depends on it.
func (c *carrier) doubt(command any, r *raft.Raft) {
	leader, _ := r.LeaderWithID()
	if leader == "" || r.State() == raft.Leader || time.Since(r.LastContact()) < doubtAfter {
		return
	}
	switch q := command.(type) {
	case *raft.RequestPreVoteRequest:
		q.Addr = []byte(leader) // Raft looks here only to see whether the leader asks
	case *raft.RequestVoteRequest:
		q.LeadershipTransfer = true // as if the leader had sent the candidate
	}
}
