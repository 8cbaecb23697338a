package node

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/peer"
)

// openPort makes the node answer, at first with what it waits for.
func (n *Node) openPort(ctx context.Context) (err error) {
	if n.cfg.Listener == nil {
		if n.cfg.Listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		n.unannounced = true
	}
	if err := n.recallMembers(); err != nil {
		return err
	}
	n.book = peer.OpenBook(n.path("addresses.json"), n.cfg.Logger)
	n.port = peer.New(peer.Config{
		ID: n.identity.ID(), Server: n.identity.Certificate, Roots: n.identity.Roots,
		Admits: n.members.Admits, Addresses: n.placesOf, Reached: n.book.Reached, Logger: n.cfg.Logger,
	})
	serving, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		err := n.port.Serve(serving, n.cfg.Listener)
		if serving.Err() == nil {
			n.fail(fmt.Errorf("the port is closed: %w", err))
		}
		served <- err
	}()
	n.api = newAPI(n.port)
	n.own(func() error {
		err := n.api.close()
		stop()
		return errors.Join(err, <-served)
	})
	n.await("this node is starting")
	n.api.hand(http.Waiting{Reason: func() string { return *n.waits.Load() }, Logger: n.cfg.Logger}.Serve)
	return nil
}

// placesOf is where a member may be: where it was, and as a last resort all places
// that this node was told of. Whoever answers there has to show the key.
func (n *Node) placesOf(id string) []string {
	return append(n.book.Addresses(id), n.cfg.Join...)
}

// closeListener closes a listener that may be closed already.
func closeListener(l net.Listener) error {
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// await says what the node waits for now.
func (n *Node) await(what string) { n.waits.Store(&what) }

// serve puts the edge in the place of the word that the node waits.
func (n *Node) serve(context.Context) error {
	n.datasets.Serve(n.views.State().Position)
	cfg := n.cfg.Edge
	cfg.Domain, cfg.ClusterID = n.domain, n.ClusterID()
	cfg.Door, cfg.Views, cfg.Datasets, cfg.Writer, cfg.Events = n.door, n.views, n.datasets, n.writer, n.log
	cfg.Members, cfg.Consensus, cfg.Peers = n.Surveyor(), n.consensus, n.port.Client()
	cfg.Reasoner, cfg.Writable, cfg.Enroll, cfg.Logger = n.Reasoner, n.writable, n.enroller, n.cfg.Logger
	edge, err := http.New(cfg)
	if err != nil {
		return err
	}
	n.edge.Store(edge)
	n.api.hand(edge.Serve)
	n.own(n.api.close) // requests are answered before anything ends that they need
	close(n.serving)
	n.announceAnew()
	return nil
}

// writable says why the node takes no writes now, beside that no leader is in
// sight: the leader takes them, wherever they arrive.
func (n *Node) writable() error {
	switch {
	case n.consensus.Err() != nil:
		return n.consensus.Err()
	case n.consensus.Full():
		return &base.Error{Code: base.Full, Detail: "the disk is full up to its mark; free some space"}
	}
	return nil
}
