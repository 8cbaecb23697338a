package consensus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/eventlog"
)

// standing is the content of a Raft snapshot: where the event log stood. The
// events themselves are in the event log, which was synced before.
type standing struct {
	Position uint64          `json:"position"`
	Digest   eventlog.Digest `json:"digest"`
	Index    uint64          `json:"index"`
}

// maxStanding bounds its encoding, in bytes.
const maxStanding = 4096

func readStanding(r io.ReadCloser) (at standing, err error) {
	err = json.NewDecoder(io.LimitReader(r, maxStanding)).Decode(&at)
	if err = errors.Join(err, r.Close()); err != nil {
		return at, fmt.Errorf("read a Raft snapshot: %w", err)
	}
	return at, nil
}

// contains checks that the log holds what a snapshot stands for.
func contains(log *eventlog.Log, at standing) error {
	if at.Position == 0 {
		return nil
	}
	digest, err := log.DigestAt(at.Position)
	switch {
	case errors.Is(err, eventlog.ErrNotFound):
		return fmt.Errorf("%w: the log ends at position %d, a snapshot stands for %d", ErrLogLost, log.Head().Position, at.Position)
	case err != nil:
		return err
	case digest != at.Digest:
		return fmt.Errorf("%w: a snapshot has another digest for position %d", ErrDiverged, at.Position)
	}
	return nil
}

// Standing is where a node of the cluster stood at some moment: what a joiner
// needs besides the event log to take part from there on.
type Standing struct {
	Index              uint64          `json:"index"` // Raft's
	Term               uint64          `json:"term"`
	ConfigurationIndex uint64          `json:"configurationIndex"`
	Configuration      []Server        `json:"configuration"`
	Position           uint64          `json:"position"` // the event log's
	Digest             eventlog.Digest `json:"digest"`   // at Position
}

// Standing gives the newest snapshot of this node, taken now if there is none.
func (n *Node) Standing(ctx context.Context) (Standing, error) {
	at, err := n.store.standing()
	if err != nil || at.Index > 0 {
		return at, err
	}
	if err := n.Snapshot(ctx); err != nil {
		return Standing{}, err
	}
	return n.store.standing()
}

// standing is the newest snapshot; zero if there is none.
func (s *store) standing() (Standing, error) {
	list, err := s.snapshots.List()
	if err != nil || len(list) == 0 {
		return Standing{}, err
	}
	meta, content, err := s.snapshots.Open(list[0].ID)
	if err != nil {
		return Standing{}, fmt.Errorf("open a Raft snapshot: %w", err)
	}
	at, err := readStanding(content)
	return Standing{
		Index: meta.Index, Term: meta.Term, ConfigurationIndex: meta.ConfigurationIndex,
		Configuration: serversOf(meta.Configuration), Position: at.Position, Digest: at.Digest,
	}, err
}

// Seed makes the store of a node that has none yet: with the snapshot that it
// would have taken at that standing. The event log must hold all up to there, and
// may hold more. The node is opened afterwards, without Bootstrap, and can then be
// added as a learner; Raft brings what came since.
func Seed(cfg Config, log *eventlog.Log, at Standing) (err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return err
	}
	content := standing{Position: at.Position, Digest: at.Digest, Index: at.Index}
	if err := contains(log, content); err != nil {
		return err
	}
	if err := cfg.FS.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("consensus: %w", err)
	}
	n := newNode(cfg, log)
	defer n.end()
	store, err := n.openStore()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	formed, err := raft.HasExistingState(store.log, store.stable, store.snapshots)
	if err != nil {
		return fmt.Errorf("read Raft's store: %w", err)
	}
	if formed {
		return ErrFormed
	}
	if err := log.Sync(); err != nil {
		return err
	}
	if err := store.stable.SetUint64([]byte(aheadKey), log.Head().Index); err != nil {
		return err
	}
	return store.put(at, content)
}

// put writes a snapshot.
func (s *store) put(at Standing, content standing) error {
	sink, err := s.snapshots.Create(raft.SnapshotVersionMax, at.Index, at.Term, raftServers(at.Configuration), at.ConfigurationIndex, nil)
	if err != nil {
		return fmt.Errorf("write a Raft snapshot: %w", err)
	}
	if err := json.NewEncoder(sink).Encode(content); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}
