package consensus

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/picloud/picloud/runtime/disk"
)

// incarnationName is the file that numbers this node's Raft stores, beside them,
// since it must outlive them. Without it the number is 0.
const incarnationName = "incarnation"

// raftIDOf is the Raft id of a node's incarnation.
func raftIDOf(id string, incarnation uint64) string {
	if incarnation == 0 {
		return id
	}
	return id + "/" + strconv.FormatUint(incarnation, 10)
}

// IncarnationOf is the number in a Raft id; 0 if it has none.
func IncarnationOf(raftID string) uint64 {
	_, number, _ := strings.Cut(raftID, "/")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (c Config) raftID() (string, error) {
	n, err := c.incarnation()
	return raftIDOf(c.ID, n), err
}

func (c Config) incarnation() (uint64, error) {
	path := filepath.Join(c.Dir, incarnationName)
	content, err := disk.ReadFile(c.FS, path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read this node's incarnation: %w", err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(content)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s holds %q, not a number", ErrStoreDamaged, path, content)
	}
	return n, nil
}

// Renew gives a closed node a new incarnation: its Raft store, lost, damaged or
// of a former generation, goes, and with it what it voted and acknowledged. The
// new one can be seeded and added as a learner, after the old one was removed;
// it never votes in the old one's place. The event log stays. known is the
// highest incarnation that the cluster knows of this node, which counts when the
// whole directory was lost.
func Renew(cfg Config, known uint64) (raftID string, err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return "", err
	}
	if err := cfg.FS.MkdirAll(cfg.Dir, 0o700); err != nil {
		return "", fmt.Errorf("consensus: %w", err)
	}
	last, err := cfg.incarnation()
	if err != nil && !errors.Is(err, ErrStoreDamaged) {
		return "", err
	}
	next := max(last, known) + 1
	if err := cfg.setIncarnation(next); err != nil { // first: what is half removed must not be taken for whole
		return "", err
	}
	if err := removeStore(cfg); err != nil {
		return "", fmt.Errorf("remove the former Raft store: %w", err)
	}
	return raftIDOf(cfg.ID, next), nil
}

// IncarnationLost reports whether the number beside a closed node's Raft store is lost or less
// than the one that the node has by other knowledge: whoever opened the store, or
// made one, would take the place of a former incarnation, whose votes are forgotten.
func IncarnationLost(cfg Config, known uint64) (bool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return false, err
	}
	n, err := cfg.incarnation()
	if errors.Is(err, ErrStoreDamaged) {
		return true, nil
	}
	return n < known, err
}

// removeStore removes all that Raft knew.
func removeStore(c Config) error {
	if err := disk.RemoveFiles(c.FS, filepath.Join(c.Dir, storeName)); err != nil {
		return err
	}
	return c.FS.SyncDir(c.Dir)
}

func (c Config) setIncarnation(n uint64) error {
	err := disk.WriteFile(c.FS, filepath.Join(c.Dir, incarnationName), 0o600, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, n)
		return err
	})
	if err != nil {
		return fmt.Errorf("write this node's incarnation: %w", err)
	}
	return nil
}
