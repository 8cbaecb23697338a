package compaction

import (
	"context"
	"log/slog"
	"time"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/eventlog"
)

// Config says what is compacted and what the cluster wants.
type Config struct {
	Log *eventlog.Log
	// Cluster is the folded state of the cluster itself; nil while there is none.
	Cluster func() *domain.Cluster
	// Now is the time of the log.
	Now func() time.Time
	// Leading tells whether this node leads.
	Leading func() bool
	// Submit asks for a change in the name of this node.
	Submit func(context.Context, domain.Command) error
	// Every is how often it looks; 0 means ten minutes.
	Every time.Duration
	// Logger may be nil.
	Logger *slog.Logger
}

// retention is how long observations stay unless the cluster says otherwise: the
// default of pc:Retention-observations.
const retention = 7 * 24 * time.Hour

// Run keeps the log small until ctx ends. What fails is logged and tried again at
// the next look.
func Run(ctx context.Context, cfg Config) {
	if cfg.Every == 0 {
		cfg.Every = 10 * time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	look := time.NewTicker(cfg.Every)
	defer look.Stop()
	for {
		if err := Once(ctx, cfg); err != nil && ctx.Err() == nil {
			cfg.Logger.Error("the event log could not be made smaller; it is tried again", "error", err)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// Once looks once: the leader says how far the log may be compacted, and every node
// does what was said and compresses what is old.
func Once(ctx context.Context, cfg Config) error {
	cluster := cfg.Cluster()
	if cluster == nil {
		return nil
	}
	said := through(cluster)
	if may := cfg.Log.Compactable(cfg.Now().Add(-keeps(cluster))); cfg.Leading() && may > said {
		position := int64(may)
		if err := cfg.Submit(ctx, &domain.CompactCluster{Ref: cluster.Ref, CompactedThrough: &position}); err != nil {
			return err
		}
		said = through(cfg.Cluster())
	}
	if said > cfg.Log.Compacted() {
		if err := cfg.Log.Compact(ctx, Through(said)); err != nil {
			return err
		}
		raw, archived := cfg.Log.Size()
		if cfg.Logger != nil {
			cfg.Logger.Info("the event log is compacted", "through", said, "bytes", raw, "archived", archived)
		}
	}
	return cfg.Log.Archive(ctx)
}

// through is the position up to which the cluster's log is to be compacted.
func through(cluster *domain.Cluster) uint64 {
	if cluster == nil || cluster.Status.CompactedThrough == nil {
		return 0
	}
	return uint64(*cluster.Status.CompactedThrough)
}

// keeps is how long observations stay.
func keeps(cluster *domain.Cluster) time.Duration {
	if r := cluster.Spec.Retention; r != nil && r.Observations > 0 {
		return time.Duration(r.Observations) * time.Second
	}
	return retention
}
