package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/eventlog/datadir"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/reconcile"
)

// Config says which node of which cluster this is.
type Config struct {
	Dir     string   // everything that the node keeps; one process at a time
	Domain  string   // of the cluster: "picloud.local"
	Name    string   // of the node: a DNS label; "" = the host's name
	Names   []string // DNS names and addresses that the node also answers to
	Version string   // of this program
	Logger  *slog.Logger
	Now     func() time.Time
	// Disk is the mark below which writes are refused; the zero value is the
	// usual one.
	Disk consensus.DiskMark
	// DatasetMemory is how many bytes all datasets of resources may take before
	// changes that let one grow are refused; 0 means the usual amount.
	DatasetMemory int64
	// Patience is how long to wait for the only voter to lead, which takes it
	// well under a second. 0 means 30 s.
	Patience time.Duration
}

// Node is a running node, ready to serve.
type Node struct {
	cfg       Config
	claim     *datadir.Claim
	log       *eventlog.Log
	datasets  *dataset.Datasets
	views     *projection.Projection
	consensus *consensus.Node
	door      *command.Door
	writer    *writer.Writer
	ca        *iam.CA
	leaf      *iam.Leaf
	token     string
	reporter  *reconcile.Loop

	once   sync.Once
	closed error
}

// Open starts a node and waits until it is ready. In a new directory it founds
// a cluster of this node alone.
func Open(ctx context.Context, cfg Config) (_ *Node, err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if n.claim, err = datadir.Open(datadir.Config{Dir: cfg.Dir, Version: cfg.Version}); err != nil {
		return nil, err
	}
	sealer, err := n.openKeys()
	if err != nil {
		return nil, err
	}
	if n.log, err = eventlog.Open(eventlog.Config{Dir: n.path("log")}); err != nil {
		return nil, err
	}
	static, err := staticGraphs()
	if err != nil {
		return nil, err
	}
	if n.datasets, err = dataset.New(dataset.Config{Dir: n.path("datasets"), Log: n.log, Reason: n.reason, Concluded: concluded, Logger: cfg.Logger}); err != nil {
		return nil, err
	}
	n.views = projection.New(projection.Config{
		Root: n.Root(), Model: schema.ModelDigest, Checkpoint: n.path("state.checkpoint"), Static: static, Axioms: axioms(static), Datasets: n.datasets, Logger: cfg.Logger,
	}, n.log)
	id, err := n.leaf.ID()
	if err != nil {
		return nil, err
	}
	n.consensus, err = consensus.Open(consensus.Config{
		Dir: n.path("raft"), ID: id, Bootstrap: true, Logger: cfg.Logger,
		Checkpoint: n.views.Checkpoint, Disk: cfg.Disk, Now: cfg.Now,
	}, n.log, n.views)
	if err != nil {
		return nil, err
	}
	if err := n.claim.Raise(); err != nil { // consensus has taken an older store over
		return nil, err
	}
	n.door = command.New(command.Config{
		Model: schema.Model, Root: n.Root(), Consensus: n.consensus, Views: n.views, Sealer: sealer,
		Authenticator: &iam.Tokens{Now: cfg.Now}, Checks: []command.Check{n.keepToOwnTerms}, Rules: []command.Rule{iam.KeepAdministrator, n.keepLeader}, Logger: cfg.Logger,
	})
	if n.writer, err = writer.New(writer.Config{Door: n.door, Views: n.views, Datasets: n.datasets, Memory: cfg.DatasetMemory}); err != nil {
		return nil, err
	}
	if err := n.awaitLeadership(ctx); err != nil {
		return nil, err
	}
	if err := n.found(ctx); err != nil {
		return nil, err
	}
	n.datasets.Serve(n.views.View().Position)
	n.reporter = n.startReporter()
	return n, nil
}

func (c Config) withDefaults() (Config, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
	if c.Domain == "" {
		c.Domain = "picloud.local"
	}
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return c, fmt.Errorf("the host has no name: %w; give the node one", err)
		}
		c.Name = label(host)
	}
	if !base.IsName(c.Name) {
		return c, fmt.Errorf("%q cannot name a node; use lower-case letters, digits and hyphens, beginning with a letter (%q, say)", c.Name, label(c.Name))
	}
	var check base.Check
	(&domain.ClusterSpec{Domain: c.Domain}).Validate(&check)
	for _, v := range check.Violations {
		if v.Pointer == "/domain" { // the rest is not known yet
			return c, fmt.Errorf("%q cannot be the domain of a cluster: %s", c.Domain, v.Message)
		}
	}
	return c, nil
}

// label makes a DNS label of a host's name.
func label(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ".")
	clean := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, host), "-")
	if clean == "" || clean[0] < 'a' {
		clean = "node-" + clean
	}
	return strings.TrimRight(clean[:min(len(clean), 63)], "-")
}

func (n *Node) path(name string) string { return filepath.Join(n.cfg.Dir, name) }

// openKeys opens everything that is secret to the node; in a new directory it
// is made. The log and Raft's store come after the keys: where one of them is,
// the keys were, and a key made now would open nothing that the log holds.
func (n *Node) openKeys() (sealer *iam.Sealer, err error) {
	founded, err := n.anyOf("log", "raft")
	if err != nil {
		return nil, err
	}
	keys := n.path("keys")
	if n.ca, err = iam.OpenCA(iam.CAConfig{
		Dir: keys, Domain: n.cfg.Domain, Names: n.cfg.Names, Now: n.cfg.Now, Founded: founded,
	}); err != nil {
		return nil, err
	}
	if n.leaf, err = n.ca.OpenLeaf(); err != nil {
		return nil, err
	}
	load := iam.LoadKey
	if founded {
		load = iam.ReadKey
	}
	key, err := load(filepath.Join(keys, "seal.key"))
	if err != nil {
		return nil, err
	}
	return iam.NewSealer(key)
}

// anyOf reports whether the directory holds one of these.
func (n *Node) anyOf(names ...string) (bool, error) {
	for _, name := range names {
		if _, err := os.Stat(n.path(name)); !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

// staticGraphs are the quads of the ontology and of its language.
func staticGraphs() ([]base.Quad, error) {
	quads, err := rdf.ParseAll(bytes.NewReader(schema.OntologyTurtle), rdf.Turtle, rdf.Options{})
	if err != nil {
		return nil, fmt.Errorf("the built-in ontology: %w", err)
	}
	vocabulary, meta := base.IRI(strings.TrimSuffix(base.Ontology, "#")), base.IRI(strings.TrimSuffix(base.Meta, "#"))
	for i, q := range quads {
		quads[i].G = vocabulary
		if strings.HasPrefix(q.S.Value, base.Meta) {
			quads[i].G = meta
		}
	}
	return quads, nil
}

// awaitLeadership waits until this node leads. Nobody else can: it is the only
// voter, so what takes long never comes.
func (n *Node) awaitLeadership(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, n.cfg.Patience, fmt.Errorf(
		"no leader appeared in %s: the cluster in %s was made by a node with another key; restore %s from a backup of this directory",
		n.cfg.Patience, n.path("raft"), n.path("keys/node.key")))
	defer cancel()
	for {
		leadership, changed := n.consensus.Leadership()
		if leadership.Leading {
			return nil
		}
		select {
		case <-changed:
		case <-n.consensus.Failed():
			return n.consensus.Err()
		case <-ctx.Done():
			return fmt.Errorf("the node did not become ready: %w", context.Cause(ctx))
		}
	}
}

// Close ends the node: what was answered is on the disk. It can be called again.
func (n *Node) Close() error {
	n.once.Do(func() { n.closed = n.close() })
	return n.closed
}

func (n *Node) close() error {
	if n.reporter != nil {
		n.reporter.Close()
	}
	if n.door != nil {
		n.door.Close()
	}
	if n.writer != nil {
		n.writer.Close()
	}
	var errs []error
	if n.consensus != nil {
		errs = append(errs, n.consensus.Close())
	}
	if n.log != nil {
		err := n.log.Sync()
		if err == nil && n.consensus != nil { // a checkpoint never stands for more than the log holds
			err = n.views.SaveCheckpoint()
		}
		if n.datasets != nil { // they read the log
			n.datasets.Close()
		}
		errs = append(errs, err, n.log.Close())
	}
	if n.claim != nil {
		errs = append(errs, n.claim.Close())
	}
	return errors.Join(errs...)
}

// Root is what the addresses of the cluster begin with: "https://picloud.local".
func (n *Node) Root() string { return "https://" + n.cfg.Domain }

// The parts that the edge stands on.
func (n *Node) Door() *command.Door           { return n.door }
func (n *Node) Views() *projection.Projection { return n.views }
func (n *Node) Datasets() *dataset.Datasets   { return n.datasets }
func (n *Node) Writer() *writer.Writer        { return n.writer }
func (n *Node) Events() *eventlog.Log         { return n.log }
func (n *Node) Consensus() *consensus.Node    { return n.consensus }
func (n *Node) TLS() *tls.Config              { return n.leaf.ServerConfig() }
func (n *Node) CA() []byte                    { return n.ca.PEM() }

// AdminToken is the token of the administrator that was made with the cluster;
// "" when its file is gone. Nothing says that it is still valid.
func (n *Node) AdminToken() string { return n.token }

// ClusterID tells this cluster from any other.
func (n *Node) ClusterID() string {
	cluster, _ := n.views.View().State.Get("/").(*domain.Cluster)
	if cluster == nil {
		return ""
	}
	return cluster.Spec.ClusterID
}
