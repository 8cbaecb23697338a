package consensus

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
)

// store is Raft's own memory, in three parts and one directory, which is made
// whole or not at all: the log; term and vote; the newest snapshots.
type store struct {
	log       *raftlog.Store
	stable    *raftlog.Stable
	snapshots *raftlog.Snapshots
	logger    hclog.Logger
}

const (
	storeName         = "store"
	snapshotsRetained = 2
)

func (n *Node) openStore() (*store, error) {
	if err := prepareStore(n.cfg.FS, n.cfg.Dir); err != nil {
		return nil, err
	}
	dir := filepath.Join(n.cfg.Dir, storeName)
	stable, err := raftlog.OpenStable(n.cfg.FS, dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; restore this node from another or a backup", ErrStoreDamaged, err)
	}
	log, err := raftlog.Open(raftlog.Config{Dir: dir, FS: n.cfg.FS})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrStoreDamaged, err), stable.Close())
	}
	if cut := log.Recovered(); cut.Cut() {
		n.cfg.Logger.Warn("Raft's log was cut where a crash interrupted a write",
			"file", cut.File, "offset", cut.Offset, "bytes", cut.Bytes, "reason", cut.Reason)
	}
	return &store{
		log: log, stable: stable,
		snapshots: raftlog.NewSnapshots(n.cfg.FS, dir, snapshotsRetained), logger: raftLogger(n.cfg.Logger),
	}, nil
}

func (s *store) Close() error { return errors.Join(s.log.Close(), s.stable.Close()) }

// Keys of Raft's stable store.
const (
	termKey = "CurrentTerm"
	voteKey = "LastVoteTerm"
	whomKey = "LastVoteCand"
)

// undoHalf takes back a forming of the cluster that ended between its two
// writes, term and configuration. Raft takes a store with a term for one of a
// cluster, and without a configuration would wait for ever for a leader. Only a
// node that voted for nobody and has no log can have come to term 1 that way.
func (s *store) undoHalf() error {
	last, err := s.log.LastIndex()
	if err != nil || last > 0 {
		return err
	}
	snapshots, err := s.snapshots.List()
	if err != nil || len(snapshots) > 0 {
		return err
	}
	term, err := s.number(termKey)
	if err != nil || term != 1 {
		return err
	}
	voted, err := s.number(voteKey)
	if err != nil || voted != 0 {
		return err
	}
	return s.stable.SetUint64([]byte(termKey), 0)
}

// number reads from Raft's stable store; 0 when there is none.
func (s *store) number(key string) (uint64, error) {
	n, err := s.stable.GetUint64([]byte(key))
	if errors.Is(err, raftlog.ErrAbsent) {
		return 0, nil
	}
	return n, err
}

// refill checks the event log against Raft's store and brings from Raft's log
// what it lacks up to the newest snapshot; Raft itself brings what is newer.
func (s *store) refill(m *fsm) error {
	snapped, at, err := s.newest()
	if err != nil {
		return err
	}
	snapIndex := snapped.index
	first, err := s.log.FirstIndex()
	if err != nil {
		return fmt.Errorf("read Raft's log: %w", err)
	}
	last, err := s.log.LastIndex()
	if err != nil {
		return fmt.Errorf("read Raft's log: %w", err)
	}
	log := m.node.log
	m.node.snapshotted.Store(&snapped)
	if m.node.ahead, err = s.number(aheadKey); err != nil {
		return fmt.Errorf("read Raft's store: %w", err)
	}
	if head := log.Head(); head.Index > max(last, snapIndex, m.node.ahead) {
		return fmt.Errorf("%w: Raft's ends at index %d, the event log at %d", ErrRaftLost, max(last, snapIndex), head.Index)
	}
	if log.Head().Position < at.Position && first > 0 && first <= log.Head().Index+1 {
		if err := s.reapply(m, max(first, log.Head().Index+1), min(last, snapIndex)); err != nil {
			return err
		}
	}
	if err := contains(log, at); err != nil {
		return err
	}
	if last < snapIndex { // a leader's snapshot, let in right before the end: nothing can continue that log
		if err := s.log.DeleteRange(first, last); err != nil {
			return fmt.Errorf("remove what a snapshot stands for: %w", err)
		}
	}
	return nil
}

// reapply applies Raft's entries from first to last, which are committed
// because a snapshot covers them.
func (s *store) reapply(m *fsm, first, last uint64) error {
	for i := first; i <= last; i++ {
		var l raft.Log
		if err := s.log.GetLog(i, &l); err != nil {
			return fmt.Errorf("read entry %d of Raft's log: %w", i, err)
		}
		m.Apply(&l)
		if err := m.node.Err(); err != nil {
			return err
		}
	}
	return nil
}

// entryID tells an entry of Raft's log from all others.
type entryID struct{ index, term uint64 }

// newest is the newest snapshot: the last entry in it, and what it stands for;
// zero if there is none.
func (s *store) newest() (entryID, standing, error) {
	list, err := s.snapshots.List()
	if err != nil || len(list) == 0 {
		return entryID{}, standing{}, err
	}
	meta, content, err := s.snapshots.Open(list[0].ID)
	if err != nil {
		return entryID{}, standing{}, fmt.Errorf("open a Raft snapshot: %w", err)
	}
	at, err := readStanding(content)
	return entryID{meta.Index, meta.Term}, at, err
}
