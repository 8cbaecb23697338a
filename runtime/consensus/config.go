package consensus

import (
	"errors"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog"
)

// Bounds, in bytes.
const (
	// MaxBatch bounds the payload of one batch.
	MaxBatch = eventlog.MaxPayload
	// MaxGather is how much is gathered into one Raft entry, unless a single
	// batch is larger.
	MaxGather = 256 << 10
	// MaxMessage is how much one message to a follower carries, unless a single
	// entry is larger.
	MaxMessage = 4 << 20
	// MaxWaiting is how much may wait for its turn.
	MaxWaiting = 64 << 20
)

// Config says who this node is and how it keeps its part.
type Config struct {
	// Dir holds Raft's store and snapshots; it is made if missing.
	Dir string
	// FS is the file system; nil means the operating system's.
	FS disk.FS
	// ID names this node in the cluster, for ever. Its Raft id is this and its
	// incarnation: see Renew.
	ID string
	// Bootstrap forms a cluster of this node alone if there is no state yet;
	// on a node with state it does nothing.
	Bootstrap bool
	// Transport carries Raft between nodes, pre-votes too, and stays the caller's
	// to close. Nil means a node that will stay alone, without a network.
	Transport raft.Transport
	// Logger takes Raft's own messages too; nil discards.
	Logger *slog.Logger

	// Checkpoint, if set, is called with each Raft snapshot, on the fold's
	// goroutine, right after a Publish of head: it captures the fold and
	// returns at once with a function that makes it durable, which runs beside
	// further folds, after the event log was synced. Its error is logged and
	// costs only time at the next start.
	Checkpoint func(head eventlog.Head) (persist func() error)

	// SyncInterval is how often the event log is synced while there is
	// something to sync; 0 means 5 s.
	SyncInterval time.Duration
	// SnapshotInterval, SnapshotEntries and SnapshotBytes: how often to look, and
	// after how many Raft entries or bytes of them to take a snapshot; 0 means
	// 2 min, 8,192 and 64 MiB. Bytes are looked at with each SyncInterval.
	SnapshotInterval time.Duration
	SnapshotEntries  uint64
	SnapshotBytes    int64
	// TrailingLogs and TrailingBytes are how many Raft entries stay after a
	// snapshot, and how many bytes at most; 0 means 50,000 and 256 MiB.
	TrailingLogs  uint64
	TrailingBytes int64

	// HangLimit is how long a write to the disk may take before a leader gives
	// way to another; 0 means 2 s.
	HangLimit time.Duration
	// Disk is the mark below which writes are refused.
	Disk DiskMark
	// Now is the wall clock; nil means time.Now, with a guard against steps
	// forward: see Clock.
	Now func() time.Time
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" || c.ID == "" {
		return c, errors.New("consensus: Config needs Dir and ID")
	}
	if _, able := c.Transport.(raft.WithPreVote); c.Transport != nil && !able {
		return c, errors.New("consensus: Config.Transport carries no pre-votes")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.FS == nil {
		c.FS = disk.OS()
	}
	if c.SyncInterval == 0 {
		c.SyncInterval = 5 * time.Second
	}
	if c.SnapshotInterval == 0 {
		c.SnapshotInterval = 2 * time.Minute
	}
	if c.SnapshotEntries == 0 {
		c.SnapshotEntries = 8192
	}
	if c.SnapshotBytes == 0 {
		c.SnapshotBytes = 64 << 20
	}
	if c.TrailingLogs == 0 {
		c.TrailingLogs = 50_000
	}
	if c.TrailingBytes == 0 {
		c.TrailingBytes = 256 << 20
	}
	if c.HangLimit == 0 {
		c.HangLimit = 2 * time.Second
	}
	c.Disk = c.Disk.withDefaults()
	return c, nil
}

// Folder turns the log into state. All calls but Position's first come from one
// goroutine, in log order.
type Folder interface {
	// Position is the last position the fold holds when the node starts; 0 if
	// none. It is asked once, before anything is folded.
	Position() uint64
	// Fold takes in a committed batch. A batch that makes no sense to the fold
	// is the fold's to set aside; an error is a fault of this node and ends its
	// part.
	Fold(b eventlog.Batch) error
	// Publish shows readers all that was folded; head is where the log ends.
	Publish(head eventlog.Head)
}
