package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/eventlog/datadir"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/rdf"
)

// claimDirectory keeps every other process out.
func (n *Node) claimDirectory(context.Context) (err error) {
	if n.claim, err = datadir.Open(datadir.Config{Dir: n.cfg.Dir, Version: n.cfg.Version}); err != nil {
		return err
	}
	n.own(n.claim.Close)
	return n.checkWhole()
}

// openViews prepares what is folded from the log. Nothing is, yet.
func (n *Node) openViews(context.Context) error {
	static, err := staticGraphs()
	if err != nil {
		return err
	}
	if n.datasets, err = dataset.New(dataset.Config{
		Dir: n.path("datasets"), Log: n.log, Reason: n.reason, Concluded: concluded, Logger: n.cfg.Logger,
	}); err != nil {
		return err
	}
	n.own(func() error { n.datasets.Close(); return nil })
	n.views = projection.New(projection.Config{
		Root: n.Root(), Model: schema.ModelDigest, Checkpoint: n.path("state.checkpoint"),
		Static: static, Axioms: axioms(static), Datasets: n.datasets,
		Fit: membership.Fit(schema.Level, n.cfg.Version), Logger: n.cfg.Logger,
	}, n.log)
	n.folded.Store(n.views)
	n.vault = iam.NewVault(iam.VaultConfig{Identity: n.identity, State: n.state, Domain: n.domain, Now: n.now})
	return nil
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

// openConsensus takes up the node's part in the consensus, which folds what the
// log holds and what comes.
func (n *Node) openConsensus(ctx context.Context) (err error) {
	cfg := n.consensusConfig()
	cfg.Checkpoint = n.views.Checkpoint
	cfg.Transport = consensus.NewTransport(n.port.Raft(), n.cfg.Logger)
	// the transport is closed after the consensus
	if closer, ok := cfg.Transport.(io.Closer); ok {
		n.own(closer.Close)
	}
	open := func() error {
		if err := n.numbered(); err != nil {
			return err
		}
		return n.whole(ctx, func() (err error) {
			n.consensus, err = consensus.Open(cfg, n.log, n.views)
			return err
		})
	}
	err = open()
	if n.lostItsPlace(err) {
		if err = n.renew(ctx, err); err == nil {
			err = open()
		}
	}
	if err != nil {
		return err
	}
	n.own(n.saveCheckpoint)
	n.own(n.consensus.Close)
	if err := n.noteIncarnation(); err != nil {
		return err
	}
	n.run(n.follow)
	n.run(n.refill)
	n.run(n.watchMembers)
	n.run(n.watchRemoval)
	n.run(n.watchLevel)
	n.run(n.watchGeneration)
	return n.claim.Raise() // consensus has taken an older store over
}

// consensusConfig is who the node is to Raft. Only a node that was told to found
// a cluster forms one.
func (n *Node) consensusConfig() consensus.Config {
	return consensus.Config{
		Dir: n.path("raft"), ID: n.identity.ID(), Bootstrap: n.founding != nil || n.former,
		Logger: n.cfg.Logger, Disk: n.cfg.Disk, Now: n.cfg.wall,
	}
}

// saveCheckpoint makes the next start short. A checkpoint never stands for more
// than the log is sure to hold.
func (n *Node) saveCheckpoint() error {
	if err := n.log.Sync(); err != nil {
		return err
	}
	return n.views.SaveCheckpoint()
}

// follow makes a fault of the consensus one of the node.
func (n *Node) follow(ctx context.Context) {
	select {
	case <-n.consensus.Failed():
		n.fail(n.consensus.Err())
	case <-ctx.Done():
	}
}

// openDoor opens the front door and what changes datasets through it.
func (n *Node) openDoor(context.Context) (err error) {
	n.door = command.New(command.Config{
		Model: schema.Model, Root: n.Root(), Consensus: n.consensus, Views: n.views, Sealer: n.vault,
		Authenticator: &iam.Tokens{Now: n.now}, Checks: []command.Check{n.keepToOwnTerms, iam.CheckAuthority(n.domain)},
		Rules: []command.Rule{iam.KeepAdministrator, iam.KeepAuthority, iam.KeepIdentities, iam.KeepTicketsSingle, membership.KeepQuorum, membership.KeepLevel},
		Gate:  n.gate, Level: schema.Level, Logger: n.cfg.Logger,
	})
	if n.writer, err = writer.New(writer.Config{Door: n.door, Views: n.views, Datasets: n.datasets, Memory: n.cfg.DatasetMemory}); err == nil {
		n.own(func() error { n.writer.Close(); return nil })
	}
	n.own(func() error { n.door.Close(); return nil }) // before the writer, which waits for it
	return err
}
