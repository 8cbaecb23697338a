package simtest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// suffer lets the schedule's faults happen, each in its time, and returns when
// all have ended.
func (c *cluster) suffer() {
	var all sync.WaitGroup
	begun := time.Now()
	for _, f := range c.s.faults {
		sleep(f.at - time.Since(begun))
		nodes := c.who(f)
		c.rec.note(f.kind, "%sfor %s, amount %d", names(nodes), stamp(f.lasts), f.amount)
		all.Go(func() { c.happen(f, nodes) })
		if c.isBroken() {
			break
		}
	}
	sleep(c.s.length - time.Since(begun))
	all.Wait()
}

// who is meant by a fault now.
func (c *cluster) who(f fault) (nodes []*member) {
	for _, n := range f.nodes {
		m := c.members[max(n, 0)]
		if p := c.leader(); n < 0 && p != nil {
			m = p.m
		}
		if !slices.Contains(nodes, m) {
			nodes = append(nodes, m)
		}
	}
	return nodes
}

func names(nodes []*member) (s string) {
	for _, m := range nodes {
		s += m.id + " "
	}
	return s
}

func (c *cluster) happen(f fault, nodes []*member) {
	m := nodes[0]
	switch f.kind {
	case faultPartition:
		c.part(nodes, f.lasts)
	case faultOneWay:
		if len(nodes) > 1 {
			w := way{m.id, nodes[1].id}
			c.net.cut(w)
			sleep(f.lasts)
			c.net.mend(w)
		}
	case faultLossy:
		c.disturb(f)
		sleep(f.lasts)
		c.disturb(fault{})
	case faultReset:
		if len(nodes) > 1 {
			c.net.resetAll(m.id, nodes[1].id)
		}
	case faultPower:
		m.cutAt(f.amount, f.lasts)
	case faultKill:
		m.kill(false, f.lasts)
	case faultAway:
		c.part(nodes[:1], f.lasts)
		sleep(time.Duration(f.amount) * time.Millisecond)
		m.kill(true, time.Second)
	case faultPlugs:
		for _, m := range c.members {
			m.kill(true, f.lasts)
		}
	case faultSlow:
		m.slow.Store(int64(f.amount) * int64(time.Millisecond))
		sleep(f.lasts)
		m.slow.Store(0)
	case faultHang:
		m.hangOnce(f)
	case faultFrozen:
		go func() {
			sleep(100 * time.Millisecond) // somebody writes meanwhile
			c.part(nodes[:1], f.lasts)
		}()
		m.hangOnce(f)
		sleep(f.lasts)
	case faultDisk:
		m.failAt(f.amount)
	case faultFull:
		m.fill(int64(f.amount))
		sleep(f.lasts)
		m.fill(-1)
	case faultAhead:
		c.outrun(m, f)
	case faultNoRoom:
		m.noRoom.Store(true)
		sleep(f.lasts)
		m.noRoom.Store(false)
	case faultClock:
		m.skew.Add(int64(f.amount) * int64(time.Millisecond))
	case faultAstray:
		go func() {
			sleep(f.lasts / 2)
			m.skew.Add(int64(f.amount) * int64(time.Millisecond))
		}()
		c.part(nodes[:1], f.lasts)
	case faultLost:
		m.mu.Lock()
		m.loses = true
		m.mu.Unlock()
		m.kill(f.amount == 0, f.lasts)
	case faultTransfer:
		c.transfer(m)
	case faultSnapshot:
		c.snapshot(m)
	case faultRemove:
		c.demean(m, func(ctx context.Context, p *process) error { return p.node.Remove(ctx, m.id) })
		sleep(f.lasts)
		c.readmit(m)
	case faultDemote:
		c.demean(m, func(ctx context.Context, p *process) error { return p.node.Demote(ctx, m.id) })
		sleep(f.lasts)
		c.readmit(m)
	case faultJoin:
		c.readmit(c.members[len(c.members)-1])
	}
}

// part cuts nodes off from all others.
func (c *cluster) part(nodes []*member, lasts time.Duration) {
	var ways []way
	for _, a := range c.members {
		for _, b := range c.members {
			if slices.Contains(nodes, a) != slices.Contains(nodes, b) {
				ways = append(ways, way{a.id, b.id})
			}
		}
	}
	for _, w := range ways {
		c.net.cut(w)
	}
	sleep(lasts)
	for _, w := range ways {
		c.net.mend(w)
	}
}

// outrun has a leader with a slow disk write with a bare majority. Then its power
// goes, and those who hold what it had not synced are away for a while; the others
// know nothing of it.
func (c *cluster) outrun(leader *member, f fault) {
	others := slices.DeleteFunc(slices.Clone(c.members), func(m *member) bool { return m == leader })
	leader.syncs.Store(int64(f.amount) * int64(time.Millisecond))
	c.part(others[c.s.nodes/2:], f.lasts)
	leader.syncs.Store(0)
	for _, m := range others[:c.s.nodes/2] {
		m.kill(false, 3*time.Second)
	}
	leader.kill(true, 0)
}

func (c *cluster) disturb(f fault) {
	for _, a := range c.members {
		for _, b := range c.members {
			c.net.disturb(way{a.id, b.id}, time.Duration(f.amount)*time.Millisecond, f.rate)
		}
	}
}

func (c *cluster) transfer(to *member) {
	c.change(func(ctx context.Context, p *process) error {
		if p.m == to {
			return p.node.TransferLeadership(ctx, "")
		}
		return p.node.TransferLeadership(ctx, to.id)
	})
}

func (c *cluster) snapshot(m *member) {
	if p := m.running(); p != nil {
		ctx, cancel := context.WithTimeout(p.alive, 5*time.Second)
		defer cancel()
		_ = p.node.Snapshot(ctx) // whether it could is of no interest
	}
}

// change asks the leader for a change of the members, once.
func (c *cluster) change(do func(context.Context, *process) error) {
	c.lead(func(ctx context.Context, p *process) error {
		err := do(ctx, p)
		c.rec.note("change", "%s changed the members or the leader: %v", p.m.id, err)
		return err
	})
}

// demean takes the vote of m, or hands over if m leads, as runtime/membership does: a
// leader of two that removed itself, unheard, would stand no more, and the other would
// lack what it had removed itself with, so that nobody could lead.
func (c *cluster) demean(m *member, do func(context.Context, *process) error) {
	c.change(func(ctx context.Context, p *process) error {
		if p.m == m {
			return p.node.TransferLeadership(ctx, "")
		}
		return do(ctx, p)
	})
}

// readmit makes m a voter again, as long as it takes.
func (c *cluster) readmit(m *member) {
	for !c.isOver() && !c.isBroken() && !c.admit(m) {
		sleep(100 * time.Millisecond)
	}
}

// mend ends what still is wrong.
func (c *cluster) mend() {
	c.net.mendAll()
	for _, m := range c.members {
		m.slow.Store(0)
		m.syncs.Store(0)
		m.hang.Store(0)
		m.noRoom.Store(false)
		m.fill(-1)
		m.disarm()
		m.wake()
	}
}

// cutAt lets the power go in the n-th change of the disk from now.
func (m *member) cutAt(n int, down time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.armed, m.down = true, down
	m.disk.CutAt(n)
}

// hangOnce lets one change take long, and returns when it is over.
func (m *member) hangOnce(f fault) {
	long := time.Duration(f.amount) * time.Millisecond
	m.hang.Store(int64(long))
	sleep(f.lasts)
	m.hang.Store(0)
	sleep(long)
}

// failAt lets a change of the disk fail.
func (m *member) failAt(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.FailAt(n, 1)
}

// disarm takes back what has not happened yet.
func (m *member) disarm() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.armed = false
	m.disk.CutAt(0)
	m.disk.FailAt(0, 0)
}

// fill leaves so many bytes on the disk; -1: it has room again.
func (m *member) fill(room int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	capacity := int64(0)
	if room >= 0 {
		capacity = m.disk.Used() + room
	}
	m.disk.SetCapacity(capacity)
}
