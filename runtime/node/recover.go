package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/eventlog/datadir"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/peer"
	"github.com/picloud/picloud/runtime/state"
)

// RecoverConfig says which node goes on alone.
type RecoverConfig struct {
	Dir     string // of the node, which is stopped
	Version string // of this program
	Logger  *slog.Logger
	// Anyway skips the checks that a majority of the voters is gone, and that no other
	// member answers.
	Anyway bool
	// Without is the first position of what the event log lost for good and is given
	// up; 0 means nothing is.
	Without uint64
	// Agree is asked once nothing speaks against it, and before anything is changed; an
	// error of it ends Recover. nil agrees.
	Agree func(Survivor) error
}

// Survivor is the node that is to go on alone.
type Survivor struct {
	Name string
	// Position up to which it goes on at least; Raft's log may bring more.
	Position uint64
}

// aliveTime is how long another member has to show that it lives.
const aliveTime = 3 * time.Second

// Recover makes a stopped node the only member of its cluster, for when a
// majority of the voters is lost for good. It gives the generation that begins.
// Whatever only the lost nodes held is lost; one that comes back puts its history
// aside. Started again, the node says in the log that this happened.
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
	if err := n.claimDirectory(ctx); errors.Is(err, datadir.ErrInUse) {
		return 0, fmt.Errorf("%w; while its node runs, \"picloud cluster status\" says whether there is anything to recover from", err)
	} else if err != nil {
		return 0, err
	}
	if err := n.identify(ctx); err != nil {
		return 0, err
	}
	m, err := n.survives(ctx, cfg)
	if err != nil {
		return 0, err
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

// survives opens the log of the node and makes sure that it is to go on alone.
func (n *Node) survives(ctx context.Context, cfg RecoverConfig) (m record, err error) {
	if found, err := n.recall(membershipName, &m); err != nil {
		return m, err
	} else if !found || !m.Seeded {
		return m, fmt.Errorf("the node in %s never was a whole member of its cluster; recover another", cfg.Dir)
	}
	agree := cfg.Agree
	if agree == nil {
		agree = func(Survivor) error { return nil }
	}
	if cfg.Without > 0 { // to open the log is to give up already
		if err := agree(Survivor{m.Name, cfg.Without - 1}); err != nil {
			return m, err
		}
	}
	if err := n.openLogWithout(cfg.Without); err != nil {
		return m, err
	}
	s, err := folded(n.log)
	if err != nil {
		return m, err
	}
	if !cfg.Anyway {
		err = n.needed(ctx, m, s, cfg.Without > 0)
	}
	switch {
	case err != nil:
		return m, err
	case !iam.HoldsKeys(s, base.Ref("/nodes/"+m.Name)):
		return m, errors.New("this node never voted, so it does not hold the keys of the cluster: with it all secrets and the authority would be lost; recover one that voted, or restore a backup")
	case cfg.Without > 0:
		return m, nil
	}
	return m, agree(Survivor{m.Name, n.log.Head().Position})
}

// needed says why the node is not to go on alone: with those that answer the cluster
// goes on without it, or with it; or two would go on, as two clusters of one name. Who
// gives something up that is lost may be the only voter.
func (n *Node) needed(ctx context.Context, m record, s *state.State, lost bool) error {
	names, votes := electorate(s, m.Name)
	voters := len(votes) + 1 // itself: else it holds no keys
	if voters == 1 && !lost {
		return fmt.Errorf("%s is the only node that votes, as far as its log goes (position %d), so no majority is lost and there is nothing to recover from; start it (picloud server --dir %s), or if it finds no leader all the same, recover it with --anyway",
			m.Name, n.log.Head().Position, n.cfg.Dir)
	}
	alive, err := n.alive(ctx, m)
	if err != nil || len(alive) == 0 {
		return err
	}
	var who []string
	voting := 0
	for id, position := range alive {
		who = append(who, fmt.Sprintf("%s (log to %d)", cmp.Or(names[id], id[:8]), position))
		if votes[id] {
			voting++
		}
	}
	slices.Sort(who)
	answer := "other members answer: " + strings.Join(who, ", ")
	switch quorum := membership.Quorum(voters); {
	case voting >= quorum:
		return fmt.Errorf("%s; that is a majority of the %d voters, so the cluster goes on without %s and there is nothing to recover from; start it again (picloud server --dir %s), or remove it there (picloud node remove %s)",
			answer, voters, m.Name, n.cfg.Dir, m.Name)
	case voting+1 >= quorum:
		return fmt.Errorf("%s; with %s that is a majority of the %d voters, so there is nothing to recover from; start it again (picloud server --dir %s)", answer, m.Name, voters, n.cfg.Dir)
	}
	return fmt.Errorf("%s; this is %s (log to %d); bring a majority of the %d voters back, or if it is lost for good, recover the one whose log goes furthest and stop the others first: two that go on alone would be two clusters of one name",
		answer, m.Name, n.log.Head().Position, voters)
}

// electorate are the nodes of a state, by id with their names, and those that vote
// beside one.
func electorate(s *state.State, self string) (names map[string]string, votes map[string]bool) {
	names, votes = map[string]string{}, map[string]bool{}
	for _, node := range nodes(s) {
		names[node.Status.ID] = node.Ref.Name()
		if node.Ref.Name() != self && node.Status.RaftRole == domain.RaftRoleVoter && node.Phase != domain.PhaseDeleting {
			votes[node.Status.ID] = true
		}
	}
	return names, votes
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

// alive asks the other members how far their logs go, and gives those that answer, by
// id.
func (n *Node) alive(ctx context.Context, m record) (map[string]base.Position, error) {
	places := map[string][]string{}
	for _, other := range m.Members {
		places[other.ID] = other.Addresses
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
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
	type answer struct {
		id string // whom its key proves to be it
		at base.Position
	}
	answered := make(chan *answer, len(m.Members))
	for _, other := range m.Members {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, aliveTime)
			defer cancel()
			status, err := ask(ctx, other.ID)
			if err != nil {
				answered <- nil
				return
			}
			answered <- &answer{other.ID, status.Position}
		}()
	}
	alive := map[string]base.Position{}
	for range m.Members {
		if a := <-answered; a != nil {
			alive[a.id] = a.at
		}
	}
	return alive, nil
}
