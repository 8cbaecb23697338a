package consensus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// Releases before the log of our own kept all in one bbolt file, formerName.
const (
	formerName = "raft.db"
	unfinished = storeName + ".new"
	// takeoverBytes is about how much of the former log is copied in one write.
	takeoverBytes = 1 << 20
)

// prepareStore makes the directory of log and stable store if there is none:
// empty, or with what the former file holds. It appears whole, by a rename, so
// an interrupted attempt begins again; only then the former file goes.
func prepareStore(dir string) error {
	former := filepath.Join(dir, formerName)
	_, err := os.Stat(filepath.Join(dir, storeName))
	if errors.Is(err, os.ErrNotExist) {
		err = makeStore(dir, former)
	}
	if err != nil {
		return fmt.Errorf("prepare Raft's store: %w", err)
	}
	if err := os.Remove(former); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove Raft's former store: %w", err)
	}
	return nil
}

func makeStore(dir, former string) error {
	fresh := filepath.Join(dir, unfinished)
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if err := fillStore(fresh, former); err != nil {
		return err
	}
	if err := syncDir(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, filepath.Join(dir, storeName)); err != nil {
		return err
	}
	return syncDir(dir)
}

// fillStore makes both stores in dir and closes them again.
func fillStore(dir, former string) (err error) {
	to := &store{}
	if to.stable, err = openBolt(filepath.Join(dir, stableName)); err != nil {
		return err
	}
	log, err := openLog(dir)
	if err != nil {
		return errors.Join(err, to.stable.Close())
	}
	to.log = &watchedLog{Store: log}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := os.Stat(former); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	from, err := openBolt(former)
	if err != nil {
		return err
	}
	if err = to.copyStable(from); err == nil {
		err = to.copyLog(from)
	}
	return errors.Join(err, from.Close())
}

func (s *store) copyStable(from *raftboltdb.BoltStore) error {
	for _, key := range []string{termKey, voteKey, whomKey} {
		value, err := from.Get([]byte(key))
		if err == nil {
			err = s.stable.Set([]byte(key), value)
		}
		if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
			return fmt.Errorf("take over %s: %w", key, err)
		}
	}
	return nil
}

func (s *store) copyLog(from *raftboltdb.BoltStore) error {
	first, err1 := from.FirstIndex()
	last, err2 := from.LastIndex()
	if err := errors.Join(err1, err2); err != nil || last == 0 {
		return err
	}
	var batch []*raft.Log
	bytes := 0
	for i := first; i <= last; i++ {
		l := new(raft.Log)
		if err := from.GetLog(i, l); err != nil {
			return fmt.Errorf("take over entry %d of Raft's log: %w", i, err)
		}
		batch, bytes = append(batch, l), bytes+len(l.Data)
		if i == last || bytes >= takeoverBytes {
			if err := s.log.Store.StoreLogs(batch); err != nil {
				return fmt.Errorf("take over Raft's log: %w", err)
			}
			batch, bytes = nil, 0
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
