package consensus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// Server is a member of Raft's configuration.
type Server struct {
	// ID is its Raft id: the node's ID, and "/" and its incarnation once it had
	// to begin again without its former Raft store.
	ID string
	// Voter: it votes and counts for a majority. Others only follow: learners.
	Voter bool
}

// NodeOf is the ID of the node whose Raft id this is. It is the node's Raft
// address too: no address of a network enters Raft's configuration.
func NodeOf(raftID string) string {
	id, _, _ := strings.Cut(raftID, "/")
	return id
}

// configuration is the newest one that was applied here, and its Raft index.
type configuration struct {
	servers []Server
	index   uint64
}

func (c configuration) find(raftID string) (s Server, found bool) {
	for _, s := range c.servers {
		if s.ID == raftID {
			return s, true
		}
	}
	return Server{}, false
}

func serversOf(c raft.Configuration) []Server {
	out := make([]Server, len(c.Servers))
	for i, s := range c.Servers {
		out[i] = Server{ID: string(s.ID), Voter: s.Suffrage == raft.Voter}
	}
	return out
}

// raftServers is what serversOf undoes.
func raftServers(servers []Server) (c raft.Configuration) {
	for _, s := range servers {
		suffrage := raft.Nonvoter
		if s.Voter {
			suffrage = raft.Voter
		}
		c.Servers = append(c.Servers, raft.Server{ID: raft.ServerID(s.ID), Address: addressOf(s.ID), Suffrage: suffrage})
	}
	return c
}

func addressOf(raftID string) raft.ServerAddress { return raft.ServerAddress(NodeOf(raftID)) }

// Servers gives the newest configuration that is committed and known here, and
// the Raft index that brought it. A node that has not heard of a leader since
// its start tells the last one that it has stored, with index 0 if nobody said
// that it is committed.
func (n *Node) Servers() (servers []Server, index uint64, err error) {
	if c := n.members.Load(); c.index > 0 {
		return c.servers, c.index, nil
	}
	f := n.raft.GetConfiguration()
	if err := f.Error(); err != nil {
		return nil, 0, fmt.Errorf("read Raft's configuration: %w", err)
	}
	return serversOf(f.Configuration()), 0, nil
}

// Why a change of the membership is refused. ErrNotLeader is another reason.
var (
	// ErrMember: the server already is, or is not, what the change begins with.
	ErrMember = errors.New("the change does not fit the membership")
	// ErrChanging: another change is on its way.
	ErrChanging = errors.New("another change of the membership is on its way")
)

// AddLearner adds a server that follows and does not vote. Only the leader can,
// as with all changes here; each returns when a majority holds it. When ctx
// ends first the change may yet come about: ask Servers.
func (n *Node) AddLearner(ctx context.Context, raftID string) error {
	return n.change(ctx, "add the learner", raftID, func(c configuration, timeout time.Duration) (raft.IndexFuture, error) {
		for _, s := range c.servers {
			if NodeOf(s.ID) == NodeOf(raftID) {
				return nil, fmt.Errorf("%w: %s is a member", ErrMember, s.ID)
			}
		}
		return n.raft.AddNonvoter(raft.ServerID(raftID), addressOf(raftID), c.index, timeout), nil
	})
}

// Promote makes a learner a voter. Whether it has caught up is the caller's to
// know: until it has, it counts for a majority that it does not help to reach.
func (n *Node) Promote(ctx context.Context, raftID string) error {
	return n.change(ctx, "promote", raftID, func(c configuration, timeout time.Duration) (raft.IndexFuture, error) {
		if s, found := c.find(raftID); !found || s.Voter {
			return nil, fmt.Errorf("%w: %s is no learner", ErrMember, raftID)
		}
		return n.raft.AddVoter(raft.ServerID(raftID), addressOf(raftID), c.index, timeout), nil
	})
}

// Demote makes a voter a learner. A leader that demotes itself steps down.
func (n *Node) Demote(ctx context.Context, raftID string) error {
	return n.change(ctx, "demote", raftID, func(c configuration, timeout time.Duration) (raft.IndexFuture, error) {
		if s, found := c.find(raftID); !found || !s.Voter {
			return nil, fmt.Errorf("%w: %s is no voter", ErrMember, raftID)
		}
		return n.raft.DemoteVoter(raft.ServerID(raftID), c.index, timeout), nil
	})
}

// Remove takes a server out. A leader that removes itself steps down.
func (n *Node) Remove(ctx context.Context, raftID string) error {
	return n.change(ctx, "remove", raftID, func(c configuration, timeout time.Duration) (raft.IndexFuture, error) {
		if _, found := c.find(raftID); !found {
			return nil, fmt.Errorf("%w: %s is not a member", ErrMember, raftID)
		}
		return n.raft.RemoveServer(raft.ServerID(raftID), c.index, timeout), nil
	})
}

// changeTimeout is how long a change waits for its turn in Raft, which takes one
// only when the one before is committed.
const changeTimeout = 10 * time.Second

// change makes one change on the configuration that it was decided on.
func (n *Node) change(ctx context.Context, what, raftID string, begin func(configuration, time.Duration) (raft.IndexFuture, error)) error {
	if l, _ := n.Leadership(); !l.Leading {
		return ErrNotLeader
	}
	select {
	case n.changing <- struct{}{}:
	default:
		return ErrChanging
	}
	return n.ask(ctx, func() error {
		defer func() { <-n.changing }()
		f, err := begin(*n.members.Load(), changeTimeout)
		if err == nil {
			err = f.Error()
		}
		n.news()
		switch {
		case err == nil, errors.Is(err, ErrMember):
			return err
		case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
			return fmt.Errorf("%w: %w", ErrNotLeader, err)
		}
		return fmt.Errorf("%s %s: %w", what, raftID, err)
	})
}

// configured takes note of a configuration that is committed.
func (n *Node) configured(c raft.Configuration, index uint64) {
	for {
		old := n.members.Load()
		if index <= old.index || n.members.CompareAndSwap(old, &configuration{serversOf(c), index}) {
			return
		}
	}
}
