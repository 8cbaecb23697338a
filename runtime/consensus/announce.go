package consensus

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// announceAfter is how long nothing more is committed before followers are told
// what was. Under load the next entry tells them; Raft itself would let them wait
// for its next round, which is rare so that a cluster at rest costs nothing.
const announceAfter = 2 * time.Millisecond

// commitTimeout is the time between those rounds.
const commitTimeout = 500 * time.Millisecond

// news wakes the announcer.
func (n *Node) news() {
	select {
	case n.committed <- struct{}{}:
	default:
	}
}

func (n *Node) runAnnouncer() {
	quiet := time.NewTimer(announceAfter)
	for {
		select {
		case <-n.stop:
			return
		case <-n.committed:
			quiet.Reset(announceAfter)
		case <-quiet.C:
			n.announce()
		}
	}
}

// announce tells the others up to where the log is committed, in the message by
// which Raft does it, without an entry: nothing is written for it anywhere.
//
// It is sound because this node leads in term after it has read the index: the
// entry that the index stands for, if it is of this term, is committed, and a
// follower that holds another there refuses the message.
func (n *Node) announce() {
	term, index := n.raft.CurrentTerm(), n.raft.CommitIndex()
	if n.raft.State() != raft.Leader || n.raft.CurrentTerm() != term || index == 0 {
		return
	}
	self := n.carrier.LocalAddr()
	for _, s := range n.raft.GetConfiguration().Configuration().Servers {
		if string(s.ID) == n.raftID {
			continue
		}
		q := &raft.AppendEntriesRequest{
			RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(n.raftID), Addr: []byte(self)},
			Term:      term, PrevLogEntry: index, PrevLogTerm: term, LeaderCommitIndex: index,
		}
		if n.telling.begin(s.ID) {
			n.tasks.Go(func() {
				defer n.telling.end(s.ID)
				// what is lost comes with the next round
				_ = n.carrier.AppendEntries(s.ID, s.Address, q, new(raft.AppendEntriesResponse))
			})
		}
	}
}

// once keeps to one message at a time for each server.
type once struct {
	mu   sync.Mutex
	busy map[raft.ServerID]bool
}

func (o *once) begin(id raft.ServerID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy == nil {
		o.busy = map[raft.ServerID]bool{}
	}
	if o.busy[id] {
		return false
	}
	o.busy[id] = true
	return true
}

func (o *once) end(id raft.ServerID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.busy, id)
}
