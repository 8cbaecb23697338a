package consensus

import (
	"context"
	"fmt"
	"sync"

	"github.com/picloud/picloud/runtime/eventlog"
)

// queue holds what waits for the next Raft entry, in the order of decision.
type queue struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []*Future
	bytes   int
	closed  error
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) add(f *Future) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed != nil:
		f.resolve(0, q.closed)
		return
	case q.bytes > 0 && q.bytes+len(f.batch.Payload) > MaxWaiting:
		f.resolve(0, ErrBusy)
		return
	}
	q.waiting = append(q.waiting, f)
	q.bytes += len(f.batch.Payload)
	q.nudge()
}

// nudge makes the proposer look at the queue.
func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take removes what one Raft entry can carry.
func (q *queue) take() []*Future {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for _, f := range q.waiting {
		size += len(f.batch.Payload)
		if n > 0 && size > MaxGather {
			break
		}
		n++
	}
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	for _, f := range group {
		q.bytes -= len(f.batch.Payload)
	}
	return group
}

// close fails what waits and what will come.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = err
	for _, f := range q.waiting {
		f.resolve(0, err)
	}
	q.waiting, q.bytes = nil, 0
}

// Submit puts a decision on its way and returns at once. The caller decides
// serially: each batch's basis is the position after all batches submitted
// before it in this term, committed or not. If one fails, those submitted after
// it fail too, as stale: drop the overlay and decide again.
func (n *Node) Submit(b Batch) *Future {
	switch {
	case b.Count < 1 || uint64(b.Count) > 1<<32-1:
		return failedFuture(b, fmt.Errorf("consensus: a batch has at least one event, not %d", b.Count))
	case len(b.Payload) > MaxBatch:
		return failedFuture(b, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(b.Payload), MaxBatch))
	case n.disk.full.Load():
		return failedFuture(b, ErrFull)
	}
	return n.enqueue(b)
}

// Confirm is for an answer that writes nothing (a refusal, no change, a receipt
// found): it is resolved once the history it was decided on is folded here and
// a leadership check that began afterwards has succeeded. Term and basis are as
// in Submit, and ErrStale means to decide again.
func (n *Node) Confirm(term, basis uint64) *Future {
	return n.enqueue(Batch{Term: term, Basis: basis})
}

// wherever is the basis of what stands anywhere.
const wherever = ^uint64(0)

// ReadBarrier returns nil once all that any node can have folded before the call
// is folded here, and this node was the leader after that: what is in flight may
// be committed, and followers may show it before this node does. A linearizable
// read at the leader needs it.
func (n *Node) ReadBarrier(ctx context.Context, term uint64) error {
	_, err := n.enqueue(Batch{Term: term, Basis: wherever}).Wait(ctx)
	return err
}

func (n *Node) enqueue(b Batch) *Future {
	f := newFuture(b)
	n.queue.add(f)
	return f
}

// runProposer sends one entry after the other, each with all that waits.
func (n *Node) runProposer() {
	for {
		select {
		case <-n.stop:
			n.queue.close(n.closedError())
			return
		case <-n.queue.wake:
		}
		if group := n.queue.take(); len(group) > 0 {
			n.propose(group)
			n.queue.nudge()
		}
	}
}

// propose checks the chain of group against the head, which stands still
// because nothing else is in flight, and carries it through Raft. What was given
// up because the disk hung is still in flight, but then the leadership opens
// again only after it was applied or dropped.
func (n *Node) propose(group []*Future) {
	lead, head := n.leadership.Load(), n.log.Head()
	e := entry{term: lead.Term, basis: head.Position, digest: head.Digest}
	chain := group[:0]
	at := head
	for _, f := range group {
		if err := admit(f.batch, lead.Leadership, at); err != nil {
			f.resolve(0, err)
			continue
		}
		chain = append(chain, f)
		if f.batch.Count == 0 {
			continue
		}
		e.batches = append(e.batches, eventlog.Batch{Count: uint32(f.batch.Count), Time: f.batch.Time, Payload: f.batch.Payload})
		at.Position += uint64(f.batch.Count)
		at.Time = f.batch.Time
	}
	var err error
	if len(e.batches) > 0 {
		err = n.carry(e)
	}
	n.answer(chain, err)
}

// admit tells whether b may stand at head.
func admit(b Batch, lead Leadership, head eventlog.Head) error {
	switch {
	case !lead.Leading:
		return ErrNotLeader
	case b.Term != lead.Term:
		return fmt.Errorf("%w: decided in term %d, this is term %d", ErrStale, b.Term, lead.Term)
	case b.Basis == wherever && b.Count == 0:
		return nil
	case b.Basis != head.Position:
		return fmt.Errorf("%w: decided at position %d, the log is at %d", ErrStale, b.Basis, head.Position)
	case b.Count > 0 && b.Time.Before(head.Time):
		return fmt.Errorf("%w: its time is before the log's", ErrStale)
	}
	return nil
}

// carry replicates e and waits until it is applied here.
func (n *Node) carry(e entry) error {
	f := n.raft.Apply(e.encode(), 0)
	if err := n.await(f); err != nil {
		if isFull(err) {
			n.disk.full.Store(true)
		}
		return outcomeOf(err)
	}
	n.news()
	if err, failed := f.Response().(error); failed {
		return err
	}
	return nil
}

// answer resolves a chain; confirmations go on to a leadership check.
func (n *Node) answer(chain []*Future, err error) {
	for _, f := range chain {
		switch {
		case err == nil && f.batch.Count == 0:
			n.verify.join(f)
		case err == nil:
			f.resolve(f.batch.Basis+1, nil)
		case f.batch.Count == 0:
			f.resolve(0, fmt.Errorf("%w: what it stands on was not applied: %w", ErrStale, err))
		default:
			f.resolve(0, err)
		}
	}
}
