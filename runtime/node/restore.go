package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/backup"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/eventlog/datadir"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/state"
)

// restoringName is there while a directory is filled from a backup: what else is
// there is a part only.
const restoringName = "restoring"

// RestoreConfig says what is restored where.
type RestoreConfig struct {
	Dir        string // new, or left by a Restore that was interrupted
	Name       string // of the node: "" = the host's name
	Version    string // of this program
	File       backup.File
	Passphrase string
	Logger     *slog.Logger
}

// Restored is what a directory holds after Restore.
type Restored struct {
	Header backup.Header
	Name   string // of the node, which no node of the backup has
}

// Restore makes of a backup the only node of its cluster, which goes on in a new
// generation of positions: none is used for two events, whatever happened after
// the backup. The node is started afterwards; it then says so in the log, removes
// the former nodes and lets the owner of the directory in (see settleGeneration).
func Restore(ctx context.Context, cfg RestoreConfig) (r Restored, err error) {
	named, err := Config{Dir: cfg.Dir, Name: cfg.Name, Logger: cfg.Logger}.withDefaults()
	if err != nil {
		return r, err
	}
	b, err := backup.Open(cfg.File, cfg.Passphrase)
	if err != nil {
		return r, err
	}
	defer b.Close()
	claim, err := datadir.Open(datadir.Config{Dir: cfg.Dir, Version: cfg.Version})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, claim.Close()) }()
	marker := filepath.Join(cfg.Dir, restoringName)
	if _, missing := os.Stat(marker); missing != nil && Member(cfg.Dir) {
		return r, fmt.Errorf("%s belongs to a node of a cluster already; restore into an empty directory", cfg.Dir)
	}
	if err := beginAgain(cfg.Dir, marker); err != nil {
		return r, err
	}
	if r, err = fill(ctx, cfg, b, named.Name); err != nil {
		return r, fmt.Errorf("%w\n%s holds a part of it, and no node starts there: restore again, from this file or another, or empty the directory", err, cfg.Dir)
	}
	return r, os.Remove(marker)
}

// fill makes a directory the node's. It can be done again from the beginning.
func fill(ctx context.Context, cfg RestoreConfig, b *backup.Reader, name string) (r Restored, err error) {
	identity, err := iam.OpenIdentity(iam.IdentityConfig{Dir: filepath.Join(cfg.Dir, "keys"), Now: time.Now})
	if err != nil {
		return r, err
	}
	log, err := eventlog.Open(eventlog.Config{Dir: filepath.Join(cfg.Dir, "log")})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := unpack(ctx, b, log); err != nil {
		return r, err
	}
	r = Restored{b.Header, name}
	generation, err := stand(cfg, log, identity, &r)
	if err != nil {
		return r, err
	}
	if err := write(filepath.Join(cfg.Dir, generationName), newGeneration{Number: generation, Keys: b.Keys}); err != nil {
		return r, err
	}
	return r, write(filepath.Join(cfg.Dir, membershipName), record{
		Cluster: b.Header.Cluster, Domain: b.Header.Domain, Node: identity.ID(), Name: r.Name, Seeded: true,
	})
}

// beginAgain notes that the directory is being filled, and removes what an
// interrupted attempt left. The keys may stay: nobody knows them yet.
func beginAgain(dir, marker string) error {
	if err := iam.WriteSecret(marker, nil); err != nil {
		return err
	}
	var errs []error
	for _, name := range []string{"log", "raft", generationName, membershipName} {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

// unpack fills the event log.
func unpack(ctx context.Context, b *backup.Reader, log *eventlog.Log) error {
	for batches, err := range b.Entries() {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			_, err = log.Append(batches[0].Index, batches)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stand begins the new generation and gives the node its place in the consensus,
// as the only member, under a name that the cluster does not know.
func stand(cfg RestoreConfig, log *eventlog.Log, identity *iam.Identity, r *Restored) (generation uint64, err error) {
	s, err := folded(log)
	if err != nil {
		return 0, err
	}
	cluster, _ := s.Get("/").(*domain.Cluster)
	if cluster == nil || cluster.Spec.ClusterID != r.Header.Cluster || cluster.Spec.Domain != r.Header.Domain {
		return 0, errors.New("the backup does not hold the cluster that it says")
	}
	if err := membership.Fit(schema.Level, cfg.Version)(s); err != nil {
		return 0, fmt.Errorf("restore the backup with the release that wrote it (%s), or a newer one: %w", r.Header.Version, err)
	}
	r.Name = unused(s, "/nodes/", r.Name)
	generation = eventlog.Generation(log.Head().Position) + 1
	head, err := log.BeginGeneration(generation)
	if err != nil {
		return 0, err
	}
	if _, err := iam.LoadToken(filepath.Join(cfg.Dir, "admin.token")); err != nil {
		return 0, err
	}
	raft := consensus.Config{Dir: filepath.Join(cfg.Dir, "raft"), ID: identity.ID(), Logger: cfg.Logger}
	return generation, consensus.Seed(raft, log, onlyMember(head, identity.ID()))
}

// folded is the state at the end of a log that nobody else folds.
func folded(log *eventlog.Log) (*state.State, error) {
	builder := state.New().Build()
	for b, err := range log.Read(0) {
		if err != nil {
			return nil, err
		}
		if b.Dropped {
			continue
		}
		batch, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
		if err != nil {
			return nil, err
		}
		builder.FoldBatch(batch, state.Head{Position: base.Position(b.Last()), Time: base.TimeOf(b.Time), Chain: b.Digest}, nil)
	}
	return builder.State(), nil
}

// unused is a name below a collection that no resource has: the name itself, or
// with the first number that makes it one.
func unused(s *state.State, below, name string) string {
	free := name
	for i := 2; s.Get(base.Ref(below+free)) != nil; i++ {
		free = fmt.Sprintf("%s-%d", name, i)
	}
	return free
}

// checkWhole refuses a directory that a restore has not finished.
func (n *Node) checkWhole() error {
	_, err := os.Stat(n.path(restoringName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, fmt.Errorf("a restore into %s was interrupted; run \"picloud cluster restore\" again, or empty the directory", n.cfg.Dir))
}
