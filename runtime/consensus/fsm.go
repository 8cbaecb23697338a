package consensus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog"
)

// fsm is what Raft drives: fence → event log → fold. Its methods run on Raft's
// one goroutine for it, except Persist; the lock is for Accept, which brings what
// Raft cannot.
type fsm struct {
	node *Node

	mu   disk.Lock
	fold Folder
}

func newFSM(n *Node, fold Folder) *fsm { return &fsm{node: n, mu: disk.NewLock(), fold: fold} }

var _ raft.BatchingFSM = (*fsm)(nil)

// Apply is ApplyBatch of one.
func (m *fsm) Apply(l *raft.Log) any { return m.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch applies committed entries, once they are durable here too (see
// ahead.go), and publishes once. The response of an entry is nil or an error for its
// proposer.
func (m *fsm) ApplyBatch(logs []*raft.Log) []any {
	if err := m.node.store.log.Settle(logs[len(logs)-1].Index); err != nil {
		_ = m.node.fail(err) // each entry's own answer says so
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]any, len(logs))
	before := m.node.log.Head().Position
	for i, l := range logs {
		switch l.Type {
		case raft.LogConfiguration:
			m.node.configured(raft.DecodeConfiguration(l.Data), l.Index)
			continue
		case raft.LogCommand:
		default:
			continue
		}
		if err := m.apply(l); err != nil {
			out[i] = err
		}
	}
	if head := m.node.log.Head(); head.Position != before && m.node.Err() == nil {
		m.fold.Publish(head)
	}
	return out
}

// apply takes one entry. Entries that the event log holds already come again
// after a restart and are passed over.
func (m *fsm) apply(l *raft.Log) error {
	if err := m.node.Err(); err != nil {
		return fmt.Errorf("%w: this node has failed: %w", ErrUncertain, err)
	}
	head := m.node.log.Head()
	if l.Index <= head.Index {
		return ErrStale
	}
	e, err := decodeEntry(l.Data)
	if err != nil {
		return m.node.fail(fmt.Errorf("entry %d: %w", l.Index, err))
	}
	switch err := fence(e, l.Term, head); {
	case errors.Is(err, ErrDiverged):
		return m.node.fail(fmt.Errorf("entry %d: %w", l.Index, err))
	case err != nil:
		return err
	}
	if err := m.take(l.Index, e.batches); err != nil {
		return m.node.fail(err)
	}
	return nil
}

// take appends what the entry at index brought and folds it.
func (m *fsm) take(index uint64, batches []eventlog.Batch) error {
	if err := m.append(index, batches); err != nil {
		return err
	}
	for _, b := range batches {
		m.node.clock.observe(b.Time)
		if err := m.fold.Fold(b); err != nil {
			return m.node.fail(fmt.Errorf("fold position %d: %w", b.First, err))
		}
	}
	return nil
}

// fence compares what e was decided on with head. It is the same on all nodes
// for ever: a change of it needs a new entry version.
func fence(e entry, term uint64, head eventlog.Head) error {
	switch {
	case e.term != term:
		return fmt.Errorf("%w: decided in term %d, committed in term %d", ErrStale, e.term, term)
	case e.basis != head.Position:
		return fmt.Errorf("%w: decided at position %d, the log is at %d", ErrStale, e.basis, head.Position)
	case e.digest != head.Digest:
		return fmt.Errorf("%w at position %d: the leader has digest %s, this node %s; restore this node from another",
			ErrDiverged, head.Position, e.digest, head.Digest)
	}
	last := head.Time
	for _, b := range e.batches {
		if b.Time.Before(last) {
			return fmt.Errorf("%w: its time is before the log's", ErrStale)
		}
		last = b.Time
	}
	return nil
}

// append writes the event log, and waits for room while the disk is full: the
// entry is committed, so it must come next, and the log is unharmed.
func (m *fsm) append(index uint64, batches []eventlog.Batch) error {
	for {
		err := m.node.hang.during(func() error {
			_, err := m.node.log.Append(index, batches)
			return err
		})
		if !errors.Is(err, eventlog.ErrFull) {
			return err
		}
		m.node.disk.full.Store(true)
		m.node.cfg.Logger.Error("the disk is full: a committed entry waits for room", "index", index, "error", err)
		select {
		case <-m.node.measured():
		case <-m.node.stop:
			return fmt.Errorf("%w while entry %d waited for room on the disk", ErrClosed, index)
		}
	}
}

// Snapshot captures where the log stands and, through Config.Checkpoint, the
// fold. A failed node takes none: its event log may lack committed entries.
func (m *fsm) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.node.Err(); err != nil {
		return nil, err
	}
	head := m.node.log.Head()
	s := &snapshot{node: m.node, at: standing{head.Position, head.Digest, head.Index}}
	if m.node.cfg.Checkpoint != nil {
		s.checkpoint = m.node.cfg.Checkpoint(head)
	}
	return s, nil
}

// Restore accepts a snapshot that the event log already contains. It never
// fetches: it runs on Raft's main loop, and catching up happens outside Raft.
func (m *fsm) Restore(r io.ReadCloser) error {
	at, err := readStanding(r)
	if err != nil {
		return err
	}
	return contains(m.node.log, at)
}

type snapshot struct {
	node       *Node
	at         standing
	checkpoint func() error
}

// Persist syncs the event log first: when it returns, Raft's log is truncated.
func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.node.log.Sync(); err != nil {
		return s.node.fail(err)
	}
	if s.checkpoint != nil {
		if err := s.checkpoint(); err != nil {
			s.node.cfg.Logger.Error("the checkpoint of the fold failed; the next start replays more", "position", s.at.Position, "error", err)
		}
	}
	if err := json.NewEncoder(sink).Encode(s.at); err != nil {
		return err
	}
	return sink.Close()
}

// Release has nothing to give back.
func (s *snapshot) Release() {}
