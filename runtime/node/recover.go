package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/peer"
)

// RecoverConfig says which node goes on alone.
type RecoverConfig struct {
	Dir     string // of the node, which is stopped
	Version string // of this program
	Logger  *slog.Logger
	// Anyway skips the check that no other member answers.
	Anyway bool
	// Without is the first position of what the event log lost for good and is given
	// up; 0 means nothing is.
	Without uint64
}

// aliveTime is how long another member has to show that it lives.
const aliveTime = 3 * time.Second

// Recover makes a stopped node the only member of its cluster, for when a
// majority of the voters is lost for good. It gives the generation that begins.
// Whatever only the lost nodes held is lost; they must never come back with their
// directories. Started again, the node says in the log that this happened.
func Recover(ctx context.Context, cfg RecoverConfig) (generation uint64, err error) {
	full, err := Config{Dir: cfg.Dir, Version: cfg.Version, Logger: cfg.Logger}.withDefaults()
	if err != nil {
		return 0, err
	}
	n := newNode(full)
	defer func() { err = errors.Join(err, n.Close()) }()
	if !Member(cfg.Dir) {
		return 0, fmt.Errorf("%s holds no member of a cluster", cfg.Dir)
	}
	for _, step := range []func(context.Context) error{
		n.claimDirectory, n.identify, func(context.Context) error { return n.openLogWithout(cfg.Without) },
	} {
		if err := step(ctx); err != nil {
			return 0, err
		}
	}
	var m record
	if found, err := n.recall(membershipName, &m); err != nil {
		return 0, err
	} else if !found || !m.Seeded {
		return 0, fmt.Errorf("the node in %s never was a whole member of its cluster; recover another", cfg.Dir)
	}
	if !cfg.Anyway {
		if err := n.alone(ctx, m); err != nil {
			return 0, err
		}
	}
	s, err := folded(n.log)
	if err != nil {
		return 0, err
	}
	if !iam.HoldsKeys(s, base.Ref("/nodes/"+m.Name)) {
		return 0, errors.New("this node never voted, so it does not hold the keys of the cluster: with it all secrets and the authority would be lost; recover one that voted, or restore a backup")
	}
	n.domain = m.Domain
	raftID, err := n.refound(cfg.Without, m)
	if err != nil {
		return 0, err
	}
	m.Incarnation = consensus.IncarnationOf(raftID)
	if err := n.keep(m); err != nil {
		return 0, err
	}
	generation = eventlog.Generation(n.log.Head().Position)
	return generation, n.remember(generationName, newGeneration{Number: generation})
}

// refound makes the node the only member, with what Raft's log still brings, or
// without what is given up.
func (n *Node) refound(without uint64, m record) (raftID string, err error) {
	lost, err := n.gaveUp(without)
	if err != nil {
		return "", err
	}
	if !lost {
		return consensus.Recover(n.consensusConfig(), n.log)
	}
	head := n.log.Head()
	if !begins(head) {
		if head, err = n.log.BeginGeneration(eventlog.Generation(head.Position) + 1); err != nil {
			return "", err
		}
	}
	if raftID, err = consensus.Renew(n.consensusConfig(), m.Incarnation); err != nil {
		return "", err
	}
	return raftID, consensus.Seed(n.consensusConfig(), n.log, onlyMember(head, raftID))
}

// onlyMember is where a node stands that alone goes on after a head.
func onlyMember(head eventlog.Head, raftID string) consensus.Standing {
	return consensus.Standing{
		Index: head.Index, Term: 1, ConfigurationIndex: head.Index,
		Configuration: []consensus.Server{{ID: raftID, Voter: true}}, Position: head.Position, Digest: head.Digest,
	}
}

// alone refuses while another member answers: two halves that both go on would be
// two clusters of one name.
func (n *Node) alone(ctx context.Context, m record) error {
	places := map[string][]string{}
	for _, other := range m.Members {
		places[other.ID] = other.Addresses
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := peer.New(peer.Config{
		ID: n.identity.ID(), Server: n.identity.Certificate, Roots: n.identity.Roots,
		Admits: func(id string) error {
			if places[id] == nil {
				return errors.New("it is no member")
			}
			return nil
		},
		Addresses: func(id string) []string { return places[id] }, Logger: n.cfg.Logger,
	})
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- port.Serve(serving, listener) }()
	defer func() { stop(); <-served }()
	ask := membership.Asking(port.Client())
	answered := make(chan string, len(m.Members))
	for _, other := range m.Members {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, aliveTime)
			defer cancel()
			if _, err := ask(ctx, other.ID); err != nil {
				answered <- ""
				return
			}
			answered <- other.ID[:8] + " at " + fmt.Sprint(other.Addresses)
		}()
	}
	var alive []string
	for range m.Members {
		if who := <-answered; who != "" {
			alive = append(alive, who)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	slices.Sort(alive)
	return fmt.Errorf("other members answer: %v; stop them first and never start them again with what they hold, or, if a majority of the voters can come back, bring it back instead", alive)
}
