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

// doubt lets a request for a vote pass two questions of Raft's, once no leader is
// heard. All else that Raft asks for stands: term, log, whether it has voted. So no
// more than the stability of a leader depends on it.
//
//   - Whether there is a leader: that was silent.
//   - Whether the candidate has a vote by the newest members that are known here.
//     Who was away while it got one does not know, and if the leader that gave it
//     is lost, those who know and those who do not would wait for each other for
//     ever. Raft's proof needs no such question (Ongaro, section 4.2.2): who was
//     removed lacks an entry that a majority has.
func (c *carrier) doubt(command any, r *raft.Raft) {
	leader, _ := r.LeaderWithID()
	if leader != "" && (r.State() == raft.Leader || time.Since(r.LastContact()) < doubtAfter) {
		return
	}
	switch q := command.(type) {
	case *raft.RequestPreVoteRequest:
		if leader != "" {
			q.Addr = []byte(leader) // Raft looks here only to see whether the leader asks
		}
		if known := voterOf(r); known != "" {
			q.ID = []byte(known) // and here only to see whether a voter does
		}
	case *raft.RequestVoteRequest:
		q.LeadershipTransfer = q.LeadershipTransfer || leader != "" // as if the leader had sent the candidate
		q.ID = nil                                                  // as from programs that named no voter
	}
}

// voterOf is a voter by the newest members that Raft knows here.
func voterOf(r *raft.Raft) raft.ServerID {
	latest := r.GetConfiguration()
	if latest.Error() != nil {
		return ""
	}
	for _, s := range latest.Configuration().Servers {
		if s.Suffrage == raft.Voter {
			return s.ID
		}
	}
	return ""
}
