package consensus

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// store is Raft's own memory: log and stable store in one always synced bbolt
// file, snapshots beside it.
type store struct {
	*raftboltdb.BoltStore
	snapshots *raft.FileSnapshotStore
	logger    hclog.Logger
}

const (
	storeName         = "raft.db"
	storePage         = 4096
	snapshotsRetained = 2
)

func openStore(cfg Config) (*store, error) {
	path := filepath.Join(cfg.Dir, storeName)
	if err := checkStore(path); err != nil {
		return nil, err
	}
	db, err := raftboltdb.New(raftboltdb.Options{
		Path: path,
		BoltOptions: &bbolt.Options{
			Timeout:      time.Second, // another process holding it is an error, not a wait
			PageSize:     storePage,
			FreelistType: bbolt.FreelistMapType,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStoreDamaged, path, err)
	}
	logger := raftLogger(cfg.Logger, cfg.Transport == nil)
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(cfg.Dir, snapshotsRetained, logger)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open Raft's snapshots: %w", err), db.Close())
	}
	return &store{db, snapshots, logger}, nil
}

// Keys of Raft's stable store.
const (
	termKey = "CurrentTerm"
	voteKey = "LastVoteTerm"
)

// undoHalf takes back a forming of the cluster that ended between its two
// writes, term and configuration. Raft takes a store with a term for one of a
// cluster, and without a configuration would wait for ever for a leader. Only a
// node that voted for nobody and has no log can have come to term 1 that way.
func (s *store) undoHalf() error {
	last, err := s.LastIndex()
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
	return s.SetUint64([]byte(termKey), 0)
}

// number reads from Raft's stable store; 0 when there is none.
func (s *store) number(key string) (uint64, error) {
	n, err := s.GetUint64([]byte(key))
	if errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return 0, nil
	}
	return n, err
}

// refill checks the event log against Raft's store and brings from Raft's log
// what it lacks up to the newest snapshot; Raft itself brings what is newer.
func (s *store) refill(m *fsm) error {
	snapIndex, at, err := s.newest()
	if err != nil {
		return err
	}
	first, err := s.FirstIndex()
	if err != nil {
		return fmt.Errorf("read Raft's log: %w", err)
	}
	last, err := s.LastIndex()
	if err != nil {
		return fmt.Errorf("read Raft's log: %w", err)
	}
	log := m.node.log
	if head := log.Head(); head.Index > max(last, snapIndex) {
		return fmt.Errorf("%w: Raft's ends at index %d, the event log at %d", ErrRaftLost, max(last, snapIndex), head.Index)
	}
	if log.Head().Position < at.Position && first > 0 && first <= log.Head().Index+1 {
		if err := s.reapply(m, max(first, log.Head().Index+1), min(last, snapIndex)); err != nil {
			return err
		}
	}
	return contains(log, at)
}

// reapply applies Raft's entries from first to last, which are committed
// because a snapshot covers them.
func (s *store) reapply(m *fsm, first, last uint64) error {
	for i := first; i <= last; i++ {
		var l raft.Log
		if err := s.GetLog(i, &l); err != nil {
			return fmt.Errorf("read entry %d of Raft's log: %w", i, err)
		}
		m.Apply(&l)
		if err := m.node.Err(); err != nil {
			return err
		}
	}
	return nil
}

// newest is the newest snapshot: its Raft index and what it stands for; zero if
// there is none.
func (s *store) newest() (uint64, standing, error) {
	list, err := s.snapshots.List()
	if err != nil || len(list) == 0 {
		return 0, standing{}, err
	}
	meta, content, err := s.snapshots.Open(list[0].ID)
	if err != nil {
		return 0, standing{}, fmt.Errorf("open a Raft snapshot: %w", err)
	}
	at, err := readStanding(content)
	return meta.Index, at, err
}
