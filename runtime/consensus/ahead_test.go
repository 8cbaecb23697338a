package consensus_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

// syncing holds up what makes Raft's log durable on one node's disk.
type syncing struct {
	held    atomic.Value // the node's ID
	fails   atomic.Bool  // what was held up
	release func()
}

func formSyncing(t *testing.T) (*group, *syncing) {
	released := make(chan struct{})
	s := &syncing{release: sync.OnceFunc(func() { close(released) })}
	s.held.Store("none")
	isLog := func(op faulty.Op, path string) bool {
		return op == faulty.OpSync && strings.Contains(path, "/"+s.held.Load().(string)+"/raft/store/raft-")
	}
	g := form(t, 3, func(id string, c *consensus.Config) {
		d := faulty.New(rand.New(rand.NewPCG(1, 1)))
		d.Stall = func(op faulty.Op, path string) time.Duration {
			if isLog(op, path) {
				<-released
			}
			return 0
		}
		d.Fault = func(op faulty.Op, path string, size int) (int, error) {
			if isLog(op, path) && s.fails.Load() {
				return 0, faulty.ErrIO
			}
			return size, nil
		}
		c.FS, c.HangLimit = d, time.Minute
	})
	t.Cleanup(s.release) // before the nodes stop
	return g, s
}

// submitHeld has the leader propose a batch that all hold, the leader's disk not yet.
func submitHeld(g *group, s *syncing) (*cluster, *consensus.Future) {
	g.write(3)
	g.converge()
	leader := g.leader()
	s.held.Store(g.id(leader))
	want := leader.node.Stats().LastIndex + 1
	f := leader.proposer().submit(1, []byte("ahead"))
	g.wait("the leader's own disk is waited for", func() bool {
		for _, c := range g.nodes {
			if c.node.Stats().LastIndex < want {
				return false
			}
		}
		return true
	})
	return leader, f
}

func TestNothingIsAppliedBeforeTheLeadersDiskHasIt(t *testing.T) {
	g, s := formSyncing(t)
	leader, f := submitHeld(g, s)
	before := leader.log.Head()
	g.never("what the leader would forget was applied", func() bool {
		for _, c := range g.nodes {
			if c.log.Head() != before {
				return true
			}
		}
		return false
	})
	if g.leader() != leader {
		t.Error("the leadership was lost")
	}
	s.held.Store("none")
	s.release()
	if err := f.Err(); err != nil {
		t.Error(err)
	}
	g.write(3)
	g.converge()
}

// What begins a term brings with it all entries of earlier ones, which nothing else
// commits.
func TestNobodyHearsOfATermWhoseBeginningIsNotDurable(t *testing.T) {
	g, s := formSyncing(t)
	g.write(3)
	g.converge()
	former := g.leader()
	next := g.nodes["n1"]
	if next == former {
		next = g.nodes["n2"]
	}
	before := next.node.Stats().LastIndex
	s.held.Store(g.id(next))
	if err := former.node.TransferLeadership(testContext(t), g.id(next)); err != nil {
		t.Fatal(err)
	}
	g.wait("it leads", func() bool { return next.node.Stats().State == "Leader" })
	g.never("the beginning of the term was sent", func() bool {
		for _, c := range g.nodes {
			if c.node.Stats().LastIndex > before {
				return true
			}
		}
		return false
	})
	s.held.Store("none")
	s.release()
	g.write(3)
	g.converge()
}

func TestLeaderWhoseDiskFailedBehindItsEntryEnds(t *testing.T) {
	g, s := formSyncing(t)
	leader, f := submitHeld(g, s)
	s.fails.Store(true)
	s.release()
	if err := f.Err(); !errors.Is(err, consensus.ErrUncertain) {
		t.Errorf("answered %v", err)
	}
	<-leader.node.Failed()
	s.held.Store("none")
	g.stop(g.id(leader))
	g.write(3)
	g.converge()
}
