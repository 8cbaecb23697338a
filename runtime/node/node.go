package node

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/discovery"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/eventlog/datadir"
	"github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/insight"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/peer"
	"github.com/picloud/picloud/runtime/projection"
)

// Node is a running node.
type Node struct {
	cfg   Config
	claim *datadir.Claim

	// Who it is, and how it is reached.
	identity    *iam.Identity
	port        *peer.Port
	api         *api
	edge        atomic.Pointer[http.Server] // nil until it serves
	unannounced bool                        // nobody is to find it
	book        *peer.Book
	sights      sights
	discovery   atomic.Pointer[discovery.Discovery] // nil if it takes no part

	// What it is: at most one of record, founding and former.
	domain   string                 // of its cluster
	record   atomic.Pointer[record] // nil until it is a member
	founding *founding              // not nil while it founds a cluster
	former   bool                   // its directory is of a release whose nodes were alone
	restored bool                   // its cluster went on from a backup at this start

	// What it waits for before it serves.
	waits   atomic.Pointer[string] // as a sentence
	told    chan Founding          // by the owner of the directory
	founder atomic.Bool            // it was told since this start
	settled chan struct{}          // closed when nobody can tell it anything more
	serving chan struct{}          // closed when it serves

	// The kernel.
	log       *eventlog.Log
	datasets  *dataset.Datasets
	views     *projection.Projection
	folded    atomic.Pointer[projection.Projection] // views, for those who come early
	consensus *consensus.Node
	door      *command.Door
	writer    *writer.Writer

	// Trust, and what it does for the others.
	members    *iam.Members
	strangers  chan struct{} // somebody was refused whom this node may not know yet
	vault      *iam.Vault
	enroller   *enroll.Server
	entrusting sync.Mutex // of promoting, and of who holds keys
	promoting  string     // id of a node that is to vote
	loop       atomic.Pointer[membership.Loop]
	insight    atomic.Pointer[insight.Insight]
	token      string

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
	n := newNode(cfg)
	defer func() {
		if err != nil {
			n.fail(err) // who waits for an answer on the socket gets it
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
		n.openDiscovery,
		n.openSocket,
		n.awaitMembership,
		n.openLog,
		n.fetch,
		n.openViews,
		n.openConsensus,
		n.openDoor,
		n.openTrust,
		n.answerPeers,
		n.awaitReady,
		n.found,
		n.lookAfter,
		n.serve,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func newNode(cfg Config) *Node {
	return &Node{
		cfg: cfg, failed: make(chan struct{}), told: make(chan Founding), settled: make(chan struct{}),
		serving: make(chan struct{}), strangers: make(chan struct{}, 1), sights: sights{came: make(chan struct{}, 1)},
	}
}

// own makes Close end something before everything that was owned earlier.
func (n *Node) own(end func() error) { n.owned = append(n.owned, end) }

// run lets something go on beside the node's life until Close.
func (n *Node) run(goes func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); goes(ctx) }()
	n.own(func() error { cancel(); <-ended; return nil })
}

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
func (n *Node) Root() string { return "https://" + n.domain }

// Domain is that of the cluster.
func (n *Node) Domain() string { return n.domain }

// Dir is the directory of the node.
func (n *Node) Dir() string { return n.cfg.Dir }

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
	if cluster := n.cluster(); cluster != nil {
		return cluster.Spec.ClusterID
	}
	return ""
}
