package node

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/eventlog/datadir"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/projection"
)

// Node is a running node.
type Node struct {
	cfg       Config
	claim     *datadir.Claim
	api       *api
	log       *eventlog.Log
	datasets  *dataset.Datasets
	views     *projection.Projection
	consensus *consensus.Node
	door      *command.Door
	writer    *writer.Writer
	sealer    *iam.Sealer
	ca        *iam.CA
	leaf      *iam.Leaf
	token     string

	waits atomic.Pointer[string] // for what, as a sentence; meaningless when it serves

	owned  []func() error // what Close ends, in the reverse order
	once   sync.Once
	closed error

	failing sync.Once
	failed  chan struct{}
	fault   error
}

// Open begins a node's life, or goes on with it, and returns when the node is a
// member of a cluster and serves. A new node may wait long for that, as long as
// ctx lets it.
func Open(ctx context.Context, cfg Config) (_ *Node, err error) {
	n := &Node{failed: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if cfg.Listener != nil {
		n.own(func() error { return closeListener(cfg.Listener) })
	}
	if n.cfg, err = cfg.withDefaults(); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{
		n.claimDirectory,
		n.identify,
		n.openPort,
		n.openLog,
		n.openViews,
		n.openConsensus,
		n.openDoor,
		n.awaitLeadership,
		n.found,
		n.serve,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// own makes Close end something before everything that was owned earlier.
func (n *Node) own(end func() error) { n.owned = append(n.owned, end) }

// Close ends the node: what was answered is on the disk. It can be called again.
func (n *Node) Close() error {
	n.once.Do(func() {
		var errs []error
		for _, end := range slices.Backward(n.owned) {
			errs = append(errs, end())
		}
		n.closed = errors.Join(errs...)
	})
	return n.closed
}

// Failed is closed when the node cannot go on; Err says why. Reads go on until
// Close.
func (n *Node) Failed() <-chan struct{} { return n.failed }

// Err is why the node failed, or nil.
func (n *Node) Err() error {
	select {
	case <-n.failed:
		return n.fault
	default:
		return nil
	}
}

// fail says that the node cannot go on. Only the first reason counts.
func (n *Node) fail(err error) {
	n.failing.Do(func() {
		n.fault = err
		close(n.failed)
	})
}

func (n *Node) path(name string) string { return filepath.Join(n.cfg.Dir, name) }

// Root is what the addresses of the cluster begin with: "https://picloud.local".
func (n *Node) Root() string { return "https://" + n.cfg.Domain }

// Address is where the node answers: host and port.
func (n *Node) Address() string { return n.cfg.Listener.Addr().String() }

// The parts that the edge stands on.
func (n *Node) Door() *command.Door           { return n.door }
func (n *Node) Views() *projection.Projection { return n.views }
func (n *Node) Datasets() *dataset.Datasets   { return n.datasets }
func (n *Node) Writer() *writer.Writer        { return n.writer }
func (n *Node) Events() *eventlog.Log         { return n.log }
func (n *Node) Consensus() *consensus.Node    { return n.consensus }

// ClusterID tells this cluster from any other.
func (n *Node) ClusterID() string {
	cluster, _ := n.views.View().State.Get("/").(*domain.Cluster)
	if cluster == nil {
		return ""
	}
	return cluster.Spec.ClusterID
}
