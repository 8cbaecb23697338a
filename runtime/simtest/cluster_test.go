package simtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

// cluster is a run: machines, a network, clients and what goes wrong.
type cluster struct {
	s       schedule
	rec     *recorder
	net     *network
	dice    *dice
	members []*member
	calm    chan struct{}   // clients stop
	alive   context.Context // until everything ends
	end     context.CancelFunc
	tasks   sync.WaitGroup
	work    sync.WaitGroup // clients and subscribers
}

// dice are for many goroutines.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *dice) int64n(n int64) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Int64N(n)
}

// Bounds of virtual time: none is met by a cluster that works.
const (
	foundingTime = 2 * time.Minute
	// recovery is how long after the last fault a cluster may take to serve.
	recovery = 30 * time.Second
	// settling is how long nodes may then take to be equal.
	settling = time.Minute
)

// simulate runs a schedule in a bubble of virtual time and gives what happened.
func simulate(s schedule, logger *slog.Logger) *history {
	c := &cluster{
		s: s, rec: newRecorder(logger), net: newNetwork(rand.New(rand.NewPCG(s.seed, 1))), dice: &dice{r: rand.New(rand.NewPCG(s.seed, 2))},
		calm: make(chan struct{}),
	}
	c.alive, c.end = context.WithCancel(context.Background())
	nodes := s.nodes
	if s.spare {
		nodes++
	}
	for i := range nodes {
		m := &member{c: c, id: nodeName(i), first: i == 0, logger: logger.With("node", nodeName(i)), up: make(chan struct{}), disk: faulty.New(rand.New(rand.NewPCG(s.seed, uint64(10+i))))}
		c.members = append(c.members, m)
		c.tasks.Go(m.live)
	}
	if c.found() {
		c.serve()
	}
	c.finish()
	return &c.rec.h
}

// found makes one cluster of the founding nodes.
func (c *cluster) found() bool {
	for _, m := range c.members[:c.s.nodes] {
		if m.first {
			continue
		}
		if !c.until(foundingTime, func() bool { return c.admit(m) }) {
			c.rec.broke("%s did not become a voter within %s", m.id, foundingTime)
			return false
		}
	}
	if !c.settle() {
		c.rec.broke("the founding did not come to all within %s", foundingTime)
		return false
	}
	c.rec.note("phase", "founded")
	return true
}

// admit takes a step to make m a voter; true if it is one.
func (c *cluster) admit(m *member) bool {
	return c.lead(func(ctx context.Context, p *process) error {
		servers, _, err := p.node.Servers()
		if err != nil {
			return err
		}
		switch i := slices.IndexFunc(servers, func(s consensus.Server) bool { return s.ID == m.id }); {
		case i < 0:
			return errors.Join(p.node.AddLearner(ctx, m.id), errStep)
		case !servers[i].Voter:
			return errors.Join(p.node.Promote(ctx, m.id), errStep)
		}
		return nil
	})
}

var errStep = errors.New("one step was done, another is due")

// lead does something on the leader; true if it was done.
func (c *cluster) lead(do func(context.Context, *process) error) bool {
	p := c.leader()
	if p == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(p.alive, 5*time.Second)
	defer cancel()
	return do(ctx, p) == nil
}

// leader is a process that believes that it leads, the latest if there are some.
func (c *cluster) leader() (found *process) {
	var term uint64
	for _, m := range c.members {
		if p := m.running(); p != nil {
			if l, _ := p.node.Leadership(); l.Leading && l.Term > term {
				found, term = p, l.Term
			}
		}
	}
	return found
}

// until tries again and again.
func (c *cluster) until(limit time.Duration, done func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); sleep(100 * time.Millisecond) {
		if done() {
			return true
		}
		if c.isBroken() {
			return false
		}
	}
	return false
}

// serve runs clients and subscribers through the faults and after them.
func (c *cluster) serve() {
	for i := range c.s.clients {
		c.work.Go(func() { newClient(c, i).run() })
	}
	for i := range 2 {
		c.work.Go(func() { c.subscribe(i) })
	}
	if c.s.losing {
		c.work.Go(c.care)
	}
	c.suffer()
	c.mend()
	c.rec.note("phase", "all faults have ended")
	if c.until(recovery, c.led(2*time.Second)) {
		c.rec.steady()
		sleep(2 * time.Second)
	} else if c.halted() {
		c.rec.halt()
	}
	close(c.calm)
	if !c.rec.isHalted() && !c.until(settling, c.settled) && !c.isBroken() {
		c.rec.note("phase", "not settled: %s", c.positions())
	}
	sleep(time.Second) // subscribers read the rest
}

// led tells, asked again and again, whether the same process has led for a while:
// clients have found it.
func (c *cluster) led(long time.Duration) func() bool {
	var since time.Time
	var last *process
	return func() bool {
		p := c.leader()
		if p != last {
			last, since = p, time.Now()
		}
		return p != nil && time.Since(since) >= long
	}
}

// settled tells whether all who are members have the same log.
func (c *cluster) settled() bool {
	p := c.leader()
	if p == nil {
		return false
	}
	servers, _, err := p.node.Servers()
	if err != nil {
		return false
	}
	for _, s := range servers {
		i := slices.IndexFunc(c.members, func(m *member) bool { return m.id == consensus.NodeOf(s.ID) })
		q := c.members[i].running()
		if q == nil || q.log.Head().Position != p.log.Head().Position || q.machine.Position() != p.log.Head().Position {
			return false
		}
	}
	return true
}

func (c *cluster) positions() (s string) {
	for _, m := range c.members {
		if p := m.running(); p == nil {
			s += m.id + " is down; "
		} else {
			s += fmt.Sprintf("%s at %d; ", m.id, p.log.Head().Position)
		}
	}
	return s
}

// finish writes down how things stand and ends everything.
func (c *cluster) finish() {
	if p := c.leader(); p != nil {
		servers, _, err := p.node.Servers()
		if err != nil {
			c.rec.broke("the members cannot be told: %v", err)
		}
		for _, s := range servers {
			c.rec.h.members = append(c.rec.h.members, consensus.NodeOf(s.ID))
		}
	}
	for _, m := range c.members {
		p := m.holding()
		if p == nil {
			continue
		}
		for b, err := range p.log.Read(0) {
			e, bad := entryOf(b)
			if err = errors.Join(err, bad); err != nil {
				c.rec.broke("the log of %s cannot be read: %v", m.id, err)
				break
			}
			c.rec.h.logs[m.id] = append(c.rec.h.logs[m.id], e)
		}
	}
	select {
	case <-c.calm:
	default:
		close(c.calm)
	}
	c.end()
	c.work.Wait()
	for _, m := range c.members {
		m.wake()
	}
	c.tasks.Wait()
	sleep(20 * time.Second) // what is still on its way on the network
}

func (c *cluster) isOver() bool { return c.alive.Err() != nil }

func (c *cluster) isBroken() bool {
	c.rec.mu.Lock()
	defer c.rec.mu.Unlock()
	return len(c.rec.h.broken) > 0
}

// connected tells whether two nodes hear each other.
func (c *cluster) connected(a, b string) bool {
	return c.net.open(way{a, b}) && c.net.open(way{b, a})
}

// wake starts a machine again that is down.
func (m *member) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.up)
	m.up = make(chan struct{})
}
