package simtest

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"context"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

// member is a machine: a disk that stays, and one process after the other.
type member struct {
	c      *cluster
	id     string
	first  bool // it founds the cluster
	logger *slog.Logger

	skew atomic.Int64 // of its clock, nanoseconds
	slow atomic.Int64 // how long a change of the disk takes at most, nanoseconds
	hang atomic.Int64 // how long the next one takes

	syncs atomic.Int64 // how long a sync of Raft's log takes, nanoseconds

	noRoom atomic.Bool // there is none for the event log

	mu    sync.Mutex
	disk  *faulty.Disk
	run   *process // nil: not running
	begun *process // that is starting, and has its event log open; nil: none
	armed bool     // the power will go in some change of the disk
	power bool     // the present process ended by a power cut
	loses bool     // Raft's store is gone before the next process starts
	down  time.Duration
	up    chan struct{} // closed: start again at once
}

// process is a running node.
type process struct {
	m         *member
	disk      *faulty.Disk
	host      *host
	transport raft.Transport
	log       *eventlog.Log
	machine   *machine
	node      *consensus.Node
	door      *door
	ended     chan struct{} // its end was ordered, or its disk went dark
	end       func()
	alive     context.Context
	tasks     sync.WaitGroup
}

// live runs one process after the other until the cluster is over.
func (m *member) live() {
	for {
		p, err := m.start()
		if err == nil {
			m.set(p)
			select {
			case <-p.ended:
			case <-p.node.Failed():
				m.judge(p.node.Err())
			case <-m.c.alive.Done():
			}
			m.c.rec.state(m.id, p.machine.state())
			m.set(nil)
		} else {
			m.judge(err)
		}
		over := m.c.isOver()
		if p != nil {
			p.stop(over)
		}
		if over || m.c.isBroken() {
			return
		}
		m.inherit()
	}
}

// judge tells whether a node may end by err: by what its disk did to it.
func (m *member) judge(err error) {
	if errors.Is(err, errOver) || errors.Is(err, faulty.ErrIO) || errors.Is(err, faulty.ErrPower) || errors.Is(err, eventlog.ErrFull) || errors.Is(err, syscall.ENOSPC) {
		m.c.rec.note("end", "%s: %v", m.id, err)
		return
	}
	m.c.rec.broke("%s ended: %v", m.id, err)
}

// inherit waits while the machine is down and takes what the process left.
func (m *member) inherit() {
	m.mu.Lock()
	down, up := m.down, m.up
	m.down = 0
	m.mu.Unlock()
	select {
	case <-time.After(down + 10*time.Millisecond):
	case <-up:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.power {
		m.disk = m.disk.After()
	} else {
		m.disk = m.disk.Kill()
	}
	m.power = false
	if m.loses {
		m.loses = false
		if err := removeStore(m.disk); err != nil {
			m.c.rec.broke("the store of %s cannot be removed: %v", m.id, err)
		}
	}
}

func (m *member) set(p *process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.run = p
}

func (m *member) begin(p *process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun = p
}

// holding is the present process, or one that still waits for its part in the
// consensus: whoever can show an event log.
func (m *member) holding() *process {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun != nil {
		return m.begun
	}
	return m.run
}

// running is the present process; nil if there is none that works.
func (m *member) running() *process {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil || m.run.host.isGone() {
		return nil
	}
	return m.run
}

// kill ends the present process, for a while.
func (m *member) kill(power bool, down time.Duration) {
	m.mu.Lock()
	d := m.disk
	m.down, m.power = down, m.power || power
	m.mu.Unlock()
	d.Cut() // tells the process, and the network
}

// dark is called when the disk of a process has gone dark.
func (m *member) dark(h *host, end func()) {
	m.mu.Lock()
	m.power, m.armed = m.power || m.armed, false
	power := m.power
	m.mu.Unlock()
	m.c.net.leave(h, power)
	end()
}

// start opens everything, as a process does.
func (m *member) start() (_ *process, err error) {
	m.mu.Lock()
	p := &process{m: m, disk: m.disk, ended: make(chan struct{})}
	m.mu.Unlock()
	p.alive, p.end = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			m.c.net.leave(p.host, true)
			p.end()
			if p.log != nil {
				err = errors.Join(err, ignore(p.log.Close()))
			}
			if c, is := p.transport.(io.Closer); is {
				err = errors.Join(err, c.Close())
			}
			p.disk.Cut() // a process that does not start has ended
		}
	}()
	p.host = m.c.net.boot(m.id)
	var once sync.Once
	p.disk.OnCut = func() { m.dark(p.host, func() { once.Do(func() { close(p.ended) }) }) }
	p.disk.Stall, p.disk.Fault = m.stall, m.refuse
	if m.c.s.messages {
		p.transport = &postman{host: p.host, twice: 0.05}
	} else {
		p.transport = consensus.NewTransport(p.host, m.logger)
	}
	if p.log, err = eventlog.Open(eventlog.Config{Dir: "log", SegmentBytes: m.c.s.segment, FS: p.disk}); err != nil {
		return nil, err
	}
	if p.machine, err = readMachine(p.disk); err != nil {
		return nil, err
	}
	m.begin(p)
	p.node, err = p.join()
	m.begin(nil)
	if err != nil {
		return nil, err
	}
	p.door = &door{node: p.node, m: p.machine}
	p.tasks.Go(p.pull)
	m.c.rec.note("start", "%s, at position %d, cut %t", m.id, p.log.Head().Position, p.log.Recovered().Cut())
	if p.log.Recovered().Cut() {
		m.c.rec.note("torn log", "%s", m.id)
	}
	return p, nil
}

// ignore is for what a process whose disk is dark says at its end.
func ignore(error) error { return nil }

// stop ends what is left of a process. An orderly end says nothing wrong.
func (p *process) stop(orderly bool) {
	p.end()
	err := p.node.Close()
	p.m.c.net.leave(p.host, !orderly)
	p.tasks.Wait()
	err = errors.Join(err, p.log.Close())
	if c, is := p.transport.(io.Closer); is {
		err = errors.Join(err, c.Close())
	}
	if orderly && err != nil {
		p.m.judge(err)
	}
	if !orderly {
		p.disk.Cut() // a process that failed ends too
	}
}

// stall says how long a change of the disk takes.
func (m *member) stall(op faulty.Op, path string) time.Duration {
	d := time.Duration(m.hang.Swap(0))
	if op == faulty.OpSync && strings.HasPrefix(path, "raft/store/raft-") {
		d += time.Duration(m.syncs.Load())
	}
	if slow := m.slow.Load(); slow > 0 {
		d += time.Duration(m.c.dice.int64n(slow))
	}
	return d
}

// refuse lets no byte into the event log while there is no room for it.
func (m *member) refuse(op faulty.Op, path string, _ int) (written int, err error) {
	if op == faulty.OpWrite && m.noRoom.Load() && strings.HasPrefix(path, "log/events-") {
		return 0, syscall.ENOSPC
	}
	return 0, nil
}

func (m *member) measure(string) (free, total uint64, err error) {
	m.mu.Lock()
	d := m.disk
	m.mu.Unlock()
	const large = 1 << 40
	capacity := d.Capacity()
	if capacity == 0 {
		return large, large, nil
	}
	return uint64(max(0, capacity-d.Used())), uint64(capacity), nil
}

// pull brings what a leader's snapshot stands for and the event log lacks from
// another member's log, as the catching up of the platform does.
func (p *process) pull() {
	for {
		select {
		case to := <-p.node.Lacking():
			p.m.c.rec.note("lacking", "%s up to %d, has %d", p.m.id, to, p.log.Head().Position)
			p.pullFrom(to)
		case <-p.alive.Done():
			return
		case <-p.ended:
			return
		}
	}
}

func (p *process) pullFrom(to uint64) {
	for _, other := range p.m.c.members {
		from := other.running()
		if other == p.m || from == nil || !p.m.c.connected(p.m.id, other.id) {
			continue
		}
		var group []eventlog.Batch
		for b, err := range from.log.Read(p.log.Head().Position) {
			if err != nil || p.host.isGone() || from.host.isGone() {
				break
			}
			if len(group) > 0 && group[0].Index != b.Index {
				if p.node.Accept(p.alive, group[0].Index, group) != nil {
					return
				}
				group = nil
				sleep(time.Millisecond)
			}
			group = append(group, b)
		}
		if len(group) > 0 && p.node.Accept(p.alive, group[0].Index, group) != nil {
			return
		}
		if p.log.Head().Position >= to {
			return
		}
	}
}
