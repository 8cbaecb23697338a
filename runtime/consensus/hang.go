package consensus

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// hang notices writes that do not end. Raft writes on its main loop but sends
// heartbeats beside it, so a leader whose disk hangs would stay leader, and commit
// nothing, for ever.
type hang struct {
	limit time.Duration
	heed  func() bool        // whether a write that begins to hang counts
	tell  func(hanging bool) // called without the lock

	mu    sync.Mutex
	count int           // writes that hang
	stuck chan struct{} // closed while any does
}

func newHang(limit time.Duration, heed func() bool, tell func(bool)) *hang {
	return &hang{limit: limit, heed: heed, tell: tell, stuck: make(chan struct{})}
}

// during does one write.
func (h *hang) during(write func() error) error {
	ended, counted := false, false
	t := time.AfterFunc(h.limit, func() {
		if !h.heed() {
			return
		}
		h.mu.Lock()
		counted = !ended
		h.mu.Unlock()
		if counted {
			h.change(1)
		}
	})
	err := write()
	t.Stop()
	h.mu.Lock()
	ended = true
	over := counted
	h.mu.Unlock()
	if over {
		h.change(-1)
	}
	return err
}

func (h *hang) change(by int) {
	h.mu.Lock()
	before := h.count
	h.count += by
	now := h.count
	switch {
	case before == 0 && now == 1:
		close(h.stuck)
	case before == 1 && now == 0:
		h.stuck = make(chan struct{})
	}
	h.mu.Unlock()
	if (before > 0) != (now > 0) {
		h.tell(now > 0)
	}
}

// began is closed once a write hangs, and stays so for who has it.
func (h *hang) began() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stuck
}

func (h *hang) hanging() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count > 0
}

// othersVote tells whether somebody could lead in this node's place.
func (n *Node) othersVote() bool {
	for _, s := range n.members.Load().servers {
		if s.Voter && s.ID != n.raftID {
			return true
		}
	}
	return false
}

// diskHangs gives the leadership up while the disk hangs: nothing is sent to
// others (see carrier), so that they elect another, and who waits here is told.
func (n *Node) diskHangs(hanging bool) {
	if hanging {
		n.cfg.Logger.Error("the disk hangs: a write takes longer than it may; this node does not lead until it ends", "dir", n.cfg.Dir, "limit", n.cfg.HangLimit)
		n.leadership.set(Leadership{})
		n.queue.nudge()
		return
	}
	n.cfg.Logger.Warn("the disk that hung works again", "dir", n.cfg.Dir)
	select {
	case n.recovered <- struct{}{}:
	default:
	}
}

// await waits for an answer of Raft, but no longer once the node has failed or
// its disk hangs: Raft's main loop may not answer then.
func (n *Node) await(f raft.Future) error {
	done := make(chan error, 1)
	n.asking.Go(func() { done <- f.Error() }) // who calls is one of them
	select {
	case err := <-done:
		return err
	case <-n.hang.began():
		return errHangs
	case <-n.failed:
		return n.Err()
	}
}
