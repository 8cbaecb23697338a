//go:build linux

package torture_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/picloud/picloud/runtime/discovery/lan"
)

// fault is one way to mistreat a cluster: it does, lasts, and undoes.
type fault struct {
	name  string
	wires bool // it needs a network of its own
	small bool // it needs a small disk
	clock bool // it needs clocks that jump
	run   func(x *tormentor, ctx context.Context)
}

var faults = []fault{
	{"kill -9", false, false, false, func(x *tormentor, ctx context.Context) { x.off(ctx, x.anybody()) }},
	{"kill -9 leader", false, false, false, func(x *tormentor, ctx context.Context) { x.off(ctx, x.leading()) }},
	{"kill -9 loop", false, false, false, (*tormentor).flicker},
	{"all plugs pulled", false, false, false, (*tormentor).blackout},
	{"leader stopped", false, false, false, (*tormentor).faint},
	{"cut off", true, false, false, func(x *tormentor, ctx context.Context) { x.cut(ctx, x.anybody()) }},
	{"leader cut off", true, false, false, func(x *tormentor, ctx context.Context) { x.cut(ctx, x.leading()) }},
	{"deaf", true, false, false, func(x *tormentor, ctx context.Context) { x.oneWay(ctx, x.anybody(), true) }},
	{"mute leader", true, false, false, func(x *tormentor, ctx context.Context) { x.oneWay(ctx, x.leading(), false) }},
	{"link down", true, false, false, (*tormentor).linkDown},
	{"bad wires", true, false, false, (*tormentor).badWires},
	{"every address changes", true, false, false, (*tormentor).readdress},
	{"leadership handed over", false, false, false, (*tormentor).handOver},
	{"kill -9 on bad wires", true, false, false, (*tormentor).killOnBadWires},
	{"a byte of the log damaged", false, false, false, (*tormentor).damage},
	{"Raft's store lost", false, false, false, (*tormentor).lose},
	{"disk full", true, true, false, (*tormentor).fill},
	{"leader's disk full", true, true, false, (*tormentor).fillLeader},
	{"a clock jumps", false, false, true, func(x *tormentor, ctx context.Context) { x.clockJumps(ctx, x.anybody()) }},
	{"leader's clock jumps", false, false, true, func(x *tormentor, ctx context.Context) { x.clockJumps(ctx, x.leading()) }},
	{"all clocks differ", false, false, true, (*tormentor).clocksDiffer},
}

// tormentor breaks a cluster as its seed says.
type tormentor struct {
	*cluster
	*record
	chance *rand.Rand
	leases int
	done   []happened
}

func (x *tormentor) anybody() *machine { return x.machines[x.chance.IntN(len(x.machines))] }

func (x *tormentor) leading() *machine {
	if m := x.leader(); m != nil {
		return m
	}
	return x.anybody()
}

// hold lets a fault last.
func (x *tormentor) hold(ctx context.Context) {
	pause(ctx, time.Duration(500+x.chance.IntN(5500))*ms)
}

func (x *tormentor) off(ctx context.Context, m *machine) {
	m.pull()
	x.hold(ctx)
	x.must(m.switchOn(x.binary))
}

// flicker kills a node again and again while it starts.
func (x *tormentor) flicker(ctx context.Context) {
	m := x.anybody()
	for range 5 {
		m.pull()
		x.must(m.switchOn(x.binary))
		pause(ctx, time.Duration(x.chance.IntN(1500))*ms)
	}
}

func (x *tormentor) blackout(ctx context.Context) {
	var all sync.WaitGroup
	for _, m := range x.machines {
		all.Go(m.pull)
	}
	all.Wait()
	pause(ctx, time.Duration(x.chance.IntN(1000))*ms)
	for _, m := range x.machines {
		x.must(m.switchOn(x.binary))
	}
}

func (x *tormentor) faint(ctx context.Context) {
	m := x.leading()
	m.signal(syscall.SIGSTOP)
	x.hold(ctx)
	m.signal(syscall.SIGCONT)
}

func (x *tormentor) cut(ctx context.Context, m *machine) {
	for _, other := range x.machines {
		if other != m {
			x.network.Set(m.port, other.port, lan.Quality{Cut: true})
			x.network.Set(other.port, m.port, lan.Quality{Cut: true})
		}
	}
	x.hold(ctx)
	x.network.Heal()
}

// oneWay makes a node deaf for the others, or them for it.
func (x *tormentor) oneWay(ctx context.Context, m *machine, deaf bool) {
	for _, other := range x.machines {
		switch {
		case other == m:
		case deaf:
			x.network.Set(other.port, m.port, lan.Quality{Cut: true})
		default:
			x.network.Set(m.port, other.port, lan.Quality{Cut: true})
		}
	}
	x.hold(ctx)
	x.network.Heal()
}

func (x *tormentor) linkDown(ctx context.Context) {
	m := x.anybody()
	x.must(m.port.Down())
	x.hold(ctx)
	x.must(m.port.Up())
	x.hangUp(m) // what clients notice late is not the cluster's
}

// badWires loses, delays, repeats and reorders between all nodes.
func (x *tormentor) badWires(ctx context.Context) {
	x.spoilWires()
	x.hold(ctx)
	x.network.Heal()
}

func (x *tormentor) killOnBadWires(ctx context.Context) {
	x.spoilWires()
	x.off(ctx, x.anybody())
	x.network.Heal()
}

func (x *tormentor) spoilWires() {
	q := lan.Quality{
		Loss: 0.1 * x.chance.Float64(), Twice: 0.1 * x.chance.Float64(),
		Delay: time.Duration(x.chance.IntN(50)) * ms, Jitter: time.Duration(x.chance.IntN(30)) * ms,
	}
	for _, a := range x.machines {
		for _, b := range x.machines {
			if a != b {
				x.network.Set(a.port, b.port, q)
			}
		}
	}
}

// handOver lets an administrator choose another leader.
func (x *tormentor) handOver(ctx context.Context) { x.transfer(ctx, x.anybody()) }

// transfer asks for a leader; what becomes of that is the cluster's affair.
func (x *tormentor) transfer(ctx context.Context, to *machine) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	if r, err := x.send(ctx, x.machines[0], "POST", "/-/cluster/transfer?to="+to.name, "", nil); err != nil || r.status >= 300 {
		x.Logf("the leadership was not handed to %s: %d %.200s %v", to.name, r.status, r.body, err)
	}
}

// damage changes a byte in the first half of a node's log while it is off, as a
// bad disk does.
func (x *tormentor) damage(ctx context.Context) {
	m := x.anybody()
	m.pull()
	segments, err := filepath.Glob(filepath.Join(m.dir, "node", "log", "events-*"))
	x.must(err)
	file, err := os.OpenFile(segments[x.chance.IntN(len(segments))], os.O_RDWR, 0)
	x.must(err)
	defer file.Close()
	about, err := file.Stat()
	x.must(err)
	one, at := make([]byte, 1), x.chance.Int64N(about.Size()/2+1)
	_, err = file.ReadAt(one, at)
	x.must(err)
	one[0] ^= 1 << x.chance.IntN(8)
	_, err = file.WriteAt(one, at)
	x.must(err)
	x.heal(ctx, m)
}

// heal switches a node on whose disk lost something, and waits until as many
// vote as before: two disks that lose what they promised are a majority.
func (x *tormentor) heal(ctx context.Context, m *machine) {
	x.must(m.switchOn(x.binary))
	x.until(m.name+" to serve after a loss", func() error { return x.serves(ctx, m) })
	x.until("as many to vote as before", func() error { return errors.Join(x.known(ctx, m), x.vote(m, votersOf(len(x.machines)))) })
}

// known asks whether the cluster counts on the Raft store that a node has now,
// and not on one that it lost.
func (x *tormentor) known(ctx context.Context, m *machine) error {
	text, err := os.ReadFile(filepath.Join(m.dir, "node", "raft", "incarnation"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	own := 0
	_, _ = fmt.Sscan(string(text), &own) // the first has no file
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := x.send(ctx, m, "GET", "/nodes/"+m.name, "", map[string]string{"Picloud-Consistency": "linearizable"})
	var is struct{ Status struct{ Incarnation int } }
	if err == nil {
		err = json.Unmarshal([]byte(r.body), &is)
	}
	if err == nil && is.Status.Incarnation != own {
		err = fmt.Errorf("%s has incarnation %d and is known by %d", m.name, own, is.Status.Incarnation)
	}
	return err
}

// lose takes a node's Raft store away, as an owner does who tidies up.
func (x *tormentor) lose(ctx context.Context) {
	m := x.anybody()
	m.pull()
	x.must(os.RemoveAll(filepath.Join(m.dir, "node", "raft")))
	x.heal(ctx, m)
}

// fillLeader fills the disk of a node that leads, if it takes the lead.
func (x *tormentor) fillLeader(ctx context.Context) {
	x.transfer(ctx, x.small)
	x.fill(ctx)
}

// readdress gives every node another address at once, as a router does that
// forgot its leases.
func (x *tormentor) readdress(ctx context.Context) {
	x.leases++
	for i, m := range x.machines {
		last := 1 + (x.leases*len(x.machines)+i)%190
		x.must(m.port.SetAddress(addressOf(last)))
		m.mu.Lock()
		m.address = netip.AddrPortFrom(addressOf(last).Addr(), 443)
		m.mu.Unlock()
		x.hangUp(m)
	}
}

// fill leaves no byte free on the small disk.
func (x *tormentor) fill(ctx context.Context) {
	name := filepath.Join(x.small.dir, "ballast")
	file, err := os.Create(name)
	x.must(err)
	defer file.Close()
	for block := make([]byte, 1<<20); ; {
		if _, err := file.Write(block); errors.Is(err, unix.ENOSPC) {
			break
		} else if err != nil {
			x.Errorf("filling the disk: %v", err)
			break
		}
	}
	x.hold(ctx)
	x.must(os.Remove(name))
}

// absence leaves a node away while others write n events.
func (x *tormentor) absence(ctx context.Context, n int) string {
	away := x.machines[len(x.machines)-1]
	away.pull()
	limited, cancel := context.WithTimeout(ctx, 10*time.Minute) // a cluster that stands still is no place to wait in
	defer cancel()
	began, written := time.Now(), x.pump(limited, n)
	took := time.Since(began)
	x.must(away.switchOn(x.binary))
	began = time.Now()
	x.until(away.name+" to catch up", func() error { return x.serves(ctx, away) })
	return fmt.Sprintf("%d events were written in %s while %s was away; it was caught up %s after it was switched on", written, took.Round(ms), away.name, time.Since(began).Round(ms))
}

// pump writes n events through the nodes that are there, as fast as they take
// them. They are recorded like all others.
func (x *tormentor) pump(ctx context.Context, n int) int {
	var all sync.WaitGroup
	var mu sync.Mutex
	written := 0
	const writers = 64
	for i := range writers {
		w := &worker{cluster: x.cluster, record: x.record, number: 1000 + 1000*x.leases + i, chance: rand.New(rand.NewPCG(uint64(i), x.chance.Uint64()))}
		all.Go(func() {
			for range n / writers {
				if ctx.Err() != nil {
					return
				}
				w.write(ctx, fmt.Sprintf("/products/torture/config/pump-%d", i), w.value())
				mu.Lock()
				written++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return written
}
