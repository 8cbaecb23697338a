package consensus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk"
)

// What earlier releases kept: at first all in one bbolt file, formerName; then
// only term and vote in one beside the log. Snapshots were directories.
const (
	formerName      = "raft.db"
	formerStable    = "stable.db"
	formerSnapshots = "snapshots"
	unfinished      = storeName + ".new"
	stablePage      = 4096
	// takeoverBytes is about how much of the former log is copied in one write.
	takeoverBytes = 1 << 20
)

// prepareStore makes the store if there is none: empty, or with what earlier
// releases kept. It appears whole, by the rename of its directory or, if the log
// is there already, of the file with term and vote; so an interrupted attempt
// begins again. Only then what was there before goes.
func prepareStore(fsys disk.FS, dir string) error {
	former := filepath.Join(dir, formerName)
	stable := filepath.Join(dir, storeName, formerStable)
	there, err := disk.Exists(fsys, filepath.Join(dir, storeName))
	switch {
	case err != nil:
	case !there:
		err = makeStore(fsys, dir)
	default:
		err = takeStable(fsys, dir)
	}
	if err != nil {
		return fmt.Errorf("prepare Raft's store: %w", err)
	}
	return removeFormer(fsys, former, stable, filepath.Join(dir, formerSnapshots))
}

func makeStore(fsys disk.FS, dir string) error {
	fresh := filepath.Join(dir, unfinished)
	if err := disk.RemoveFiles(fsys, fresh); err != nil {
		return err
	}
	if err := fsys.MkdirAll(fresh, 0o700); err != nil {
		return err
	}
	if err := fillStore(fsys, fresh, dir); err != nil {
		return err
	}
	if err := fsys.SyncDir(fresh); err != nil {
		return err
	}
	if err := fsys.Rename(fresh, filepath.Join(dir, storeName)); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

// fillStore makes all three parts in fresh.
func fillStore(fsys disk.FS, fresh, dir string) (err error) {
	if err := takeSnapshots(fsys, fresh, dir); err != nil {
		return err
	}
	log, err := raftlog.Open(raftlog.Config{Dir: fresh, FS: fsys})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	former := filepath.Join(dir, formerName)
	there, err := disk.Exists(fsys, former)
	if err != nil {
		return err
	}
	if !there {
		return raftlog.CreateStable(fsys, fresh, noTerm())
	}
	from, err := openBolt(former)
	if err != nil {
		return err
	}
	if err = copyStable(fsys, fresh, from); err == nil {
		err = copyLog(log, from)
	}
	return errors.Join(err, from.Close())
}

// takeStable brings over what a store of the second format kept elsewhere.
func takeStable(fsys disk.FS, dir string) error {
	store := filepath.Join(dir, storeName)
	done, err := raftlog.HasStable(fsys, store)
	if err != nil || done {
		return err
	}
	former := filepath.Join(store, formerStable)
	if there, err := disk.Exists(fsys, former); err != nil || !there {
		return err // openStore says what is missing
	}
	if err := takeSnapshots(fsys, store, dir); err != nil {
		return err
	}
	from, err := openBolt(former)
	if err != nil {
		return err
	}
	return errors.Join(copyStable(fsys, store, from), from.Close())
}

func takeSnapshots(fsys disk.FS, to, dir string) error {
	if there, err := disk.Exists(fsys, filepath.Join(dir, formerSnapshots)); err != nil || !there {
		return err
	}
	from, err := raft.NewFileSnapshotStoreWithLogger(dir, snapshotsRetained, nil)
	if err != nil {
		return fmt.Errorf("open Raft's former snapshots: %w", err)
	}
	return raftlog.NewSnapshots(fsys, to, snapshotsRetained).CopySnapshots(from)
}

func copyStable(fsys disk.FS, to string, from *raftboltdb.BoltStore) error {
	values := noTerm()
	for _, key := range []string{termKey, voteKey, whomKey} {
		value, err := from.Get([]byte(key))
		switch {
		case err == nil:
			values[key] = value
		case !errors.Is(err, raftboltdb.ErrKeyNotFound):
			return fmt.Errorf("take over %s: %w", key, err)
		}
	}
	return raftlog.CreateStable(fsys, to, values)
}

// noTerm is what Raft writes into an empty store when it starts.
func noTerm() map[string][]byte { return map[string][]byte{termKey: make([]byte, 8)} }

func copyLog(to *raftlog.Store, from *raftboltdb.BoltStore) error {
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
			if err := to.StoreLogs(batch); err != nil {
				return fmt.Errorf("take over Raft's log: %w", err)
			}
			batch, bytes = nil, 0
		}
	}
	return nil
}

// removeFormer removes what has been taken over. Only a real disk has any.
func removeFormer(fsys disk.FS, paths ...string) error {
	for _, path := range paths {
		there, err := disk.Exists(fsys, path)
		if err == nil && there {
			err = os.RemoveAll(path)
		}
		if err != nil {
			return fmt.Errorf("remove what Raft's store was before: %w", err)
		}
	}
	return nil
}

func openBolt(path string) (*raftboltdb.BoltStore, error) {
	if err := checkBolt(path); err != nil {
		return nil, err
	}
	db, err := raftboltdb.New(raftboltdb.Options{
		Path: path,
		BoltOptions: &bbolt.Options{
			Timeout:      time.Second, // another process holding it is an error, not a wait
			PageSize:     stablePage,
			FreelistType: bbolt.FreelistMapType,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStoreDamaged, path, err)
	}
	return db, nil
}
