package consensus

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
)

// watchedLog is Raft's log, watched: writes that hang are noticed, and a log that
// can no longer be written or read ends the node's part. Raft itself would stand
// for election again and again, or panic.
type watchedLog struct {
	*raftlog.Store
	node   *Node
	recent recent
}

// StoreLog is raftlog's.
func (w *watchedLog) StoreLog(l *raft.Log) error { return w.StoreLogs([]*raft.Log{l}) }

// StoreLogs is raftlog's. A leader does not wait for the sync: see ahead.go.
func (w *watchedLog) StoreLogs(logs []*raft.Log) error {
	store := w.store
	if w.node.mayRunAhead(logs) {
		store = w.storeAhead
	}
	err := store(logs)
	if err == nil {
		w.recent.keep(logs)
	}
	return err
}

func (w *watchedLog) store(logs []*raft.Log) error {
	return w.watch(func() error { return w.Store.StoreLogs(logs) })
}

// storeAhead leaves the sync for later. It comes even if the node has failed by then:
// whoever changes the log or waits for an entry waits for it.
func (w *watchedLog) storeAhead(logs []*raft.Log) error {
	var sync func() error
	err := w.watch(func() (err error) {
		sync, err = w.WriteLogs(logs)
		return err
	})
	if err == nil {
		w.node.tasks.Go(func() { _ = w.during(sync) }) // Settle tells who relies on it
	}
	return err
}

// DeleteRange is raftlog's.
func (w *watchedLog) DeleteRange(min, max uint64) error {
	w.recent.forget()
	return w.watch(func() error { return w.Store.DeleteRange(min, max) })
}

// GetLog is raftlog's, and knows the entry before the log's first, which the newest
// snapshot stands for. Raft compares a leader's entries with the one before them,
// and looks for that in the log alone as soon as something follows it; without it a
// follower that lost one answer after a snapshot would refuse all entries for ever.
// Index 1 cannot be meant: nothing comes before what a leader sends from there.
//
// A node that does not lead is shown durable entries only: a follower looks for what
// a leader sends it, and acknowledges what it finds.
func (w *watchedLog) GetLog(index uint64, l *raft.Log) error {
	var err error
	if !w.node.leads() {
		err = w.Settle(index)
	}
	if err == nil && !w.recent.get(index, l) {
		err = w.Store.GetLog(index, l)
	}
	if at := w.node.snapshotted.Load(); errors.Is(err, raft.ErrLogNotFound) && index == at.index && index > 1 {
		*l = raft.Log{Index: at.index, Term: at.term}
		return nil
	}
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) && !errors.Is(err, raftlog.ErrClosed) {
		w.node.maim(err)
		runtime.Goexit() // Raft would panic
	}
	return err
}

func (w *watchedLog) watch(write func() error) error {
	if err := w.node.Err(); err != nil {
		return err
	}
	return w.during(write)
}

func (w *watchedLog) during(write func() error) error {
	err := w.node.hang.during(write)
	if err != nil && w.Err() != nil {
		return w.node.fail(err)
	}
	return err
}

// watchedStable ends the node's part once term or vote cannot be kept. Raft would
// panic when a term cannot; told that it is kept, it does no harm: a node that has
// failed gives no vote (Set refuses), and takes and acknowledges no entry (the log
// refuses), so a term that it forgets has promised nothing to anybody.
type watchedStable struct {
	*raftlog.Stable
	node *Node
}

// Set is raftlog's.
func (w watchedStable) Set(key, value []byte) error {
	if err := w.node.Err(); err != nil {
		return err
	}
	if err := w.node.hang.during(func() error { return w.Stable.Set(key, value) }); err != nil {
		return w.node.fail(err)
	}
	return nil
}

// SetUint64 is raftlog's, but returns no error: see watchedStable.
func (w watchedStable) SetUint64(key []byte, value uint64) error {
	if w.node.Err() != nil {
		return nil
	}
	if err := w.node.hang.during(func() error { return w.Stable.SetUint64(key, value) }); err != nil {
		_ = w.node.fail(err) // whoever asks the node is told
	}
	return nil
}

// maim fails the node and tells that a goroutine of Raft ends.
func (n *Node) maim(err error) {
	_ = n.fail(err) // whoever asks the node is told
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.maimed:
	default:
		close(n.maimed)
	}
}

// newRaft is raft.NewRaft on a goroutine of its own, which faults may end.
func (n *Node) newRaft(conf *raft.Config) (r *raft.Raft, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r, err = nil, fmt.Errorf("%v", p)
			}
		}()
		s := n.store
		r, err = raft.NewRaft(conf, n.machine, &watchedLog{Store: s.log, node: n}, watchedStable{s.stable, n}, gate{s.snapshots, n}, n.carrier)
	}()
	<-done
	if r == nil && err == nil {
		err = n.Err()
	}
	return r, err
}
