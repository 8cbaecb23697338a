package consensus

import (
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// Leadership is this node's right to decide.
type Leadership struct {
	// Leading: this node leads and has folded all that was committed before
	// its term.
	Leading bool
	// Term numbers the reign; a batch carries the one it was decided in.
	Term uint64
}

// reign is a Leadership and the news of its end.
type reign struct {
	Leadership
	changed chan struct{}
}

type reigns struct{ atomic.Pointer[reign] }

func (r *reigns) set(l Leadership) {
	now := &reign{l, make(chan struct{})}
	if old := r.Swap(now); old != nil {
		close(old.changed)
	}
}

// Leadership tells whether this node decides, and gives a channel that is
// closed when the answer changes. Whoever keeps an overlay drops it then.
func (n *Node) Leadership() (Leadership, <-chan struct{}) {
	r := n.leadership.Load()
	return r.Leadership, r.changed
}

// runLeadership follows Raft's elections. Raft's channel may swallow a loss
// that is followed by a win; the term tells them apart.
func (n *Node) runLeadership() {
	for {
		select {
		case <-n.stop:
			n.leadership.set(Leadership{})
			return
		case leads := <-n.raft.LeaderCh():
			n.leadership.set(Leadership{})
			if leads {
				n.openTerm()
			}
		case <-n.recovered:
			if n.raft.State() == raft.Leader { // nobody took over
				n.openTerm()
			}
		}
		n.queue.nudge()
	}
}

// openTerm waits until an entry of this term is applied, and with it all before.
func (n *Node) openTerm() {
	term := n.raft.CurrentTerm()
	if err := n.await(n.raft.Barrier(0)); err != nil {
		n.cfg.Logger.Warn("leadership ended before it began", "term", term, "error", err)
		return
	}
	n.news()
	if n.raft.State() == raft.Leader && n.raft.CurrentTerm() == term && n.Err() == nil && !n.hang.hanging() {
		n.leadership.set(Leadership{Leading: true, Term: term})
	}
}
