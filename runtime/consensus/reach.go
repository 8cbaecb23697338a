package consensus

import (
	"errors"
	"fmt"
)

// Reaches tells of a closed node whether its Raft log has all entries after one: an
// event log that ends with that one is filled again from there when the node is
// opened.
func Reaches(cfg Config, index uint64) (_ bool, err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return false, err
	}
	store, err := (&Node{cfg: cfg}).openStore()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	first, err := store.log.FirstIndex()
	if err != nil {
		return false, fmt.Errorf("read Raft's log: %w", err)
	}
	return first > 0 && first <= index+1, nil
}
