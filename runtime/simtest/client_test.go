package simtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
)

// client asks one thing after the other, of the node that it takes for the
// leader, and asks again under the same key when the answer is not certain.
type client struct {
	c      *cluster
	number int
	r      *rand.Rand
	node   int
	made   int
	last   map[string]uint64 // where it knows registers to have been set
	sent   []command
}

func newClient(c *cluster, number int) *client {
	return &client{c: c, number: number, r: rand.New(rand.NewPCG(c.s.seed, uint64(100+number))), last: map[string]uint64{}}
}

// answerTime is how long a client waits.
const answerTime = 1500 * time.Millisecond

func (l *client) run() {
	for {
		select {
		case <-l.c.calm:
			return
		case <-time.After(time.Duration(l.r.Int64N(int64(l.c.s.think)))):
		}
		switch n := l.r.IntN(20); {
		case n == 0:
			l.insist()
		case n < 12:
			l.write(l.command())
		case n < 14 && len(l.sent) > 0: // an old one comes again
			l.write(l.sent[l.r.IntN(len(l.sent))])
		case n < 18:
			l.read()
			l.read() // elsewhere
		default:
			l.look()
		}
	}
}

func (l *client) command() command {
	l.made++
	c := command{
		Key: fmt.Sprintf("c%d.%d", l.number, l.made), Register: l.register(), Events: 1 + l.r.IntN(3),
		Value: fmt.Sprintf("%d.%d", l.number, l.made),
	}
	if l.r.IntN(5) == 0 {
		c.Conditional, c.If = true, l.last[c.Register]
	}
	l.sent = append(l.sent, c)
	return c
}

func (l *client) register() string { return string(rune('a' + l.r.IntN(4))) }

// write asks until there is a certain answer, or gives up.
func (l *client) write(c command) {
	for range 1 + l.r.IntN(12) {
		outcome := l.ask(opWrite, c, func(ctx context.Context, p *process) (answer, error) { return p.door.do(ctx, c) })
		if outcome != outcomeUnknown {
			return
		}
		select {
		case <-l.c.calm:
			return
		case <-time.After(time.Duration(10+l.r.IntN(100)) * time.Millisecond):
		}
		l.turn()
	}
}

// turn goes to the node that another names as leader, or to any.
func (l *client) turn() {
	l.node = l.r.IntN(len(l.c.members))
	if p := l.c.members[l.node].running(); p != nil && l.r.IntN(4) > 0 {
		_, leader := p.node.Leader()
		for i, m := range l.c.members {
			if m.id == leader {
				l.node = i
			}
		}
	}
}

// insist puts forward a decision that was made on an earlier state of the node
// that it asks, as a leader does that has not noticed what came since.
func (l *client) insist() {
	c := l.command()
	l.sent = l.sent[:len(l.sent)-1] // who repeats it would not stand where this one did
	l.ask(opWrite, c, func(ctx context.Context, p *process) (answer, error) { return p.door.insist(ctx, c, l.r.IntN(50)) })
}

// read reads with all that was acknowledged or read so before, at any node, as the
// platform's edge does.
func (l *client) read() {
	register := l.register()
	if l.r.IntN(2) == 0 {
		l.node = l.r.IntN(len(l.c.members))
	} else if p := l.c.leader(); p != nil {
		l.node = slices.Index(l.c.members, p.m)
	}
	outcome := l.ask(opRead, command{Register: register}, func(ctx context.Context, p *process) (answer, error) {
		latest, err := l.c.latest(ctx, p)
		for err == nil && p.machine.Position() < latest {
			sleep(time.Millisecond)
			err = ctx.Err()
		}
		if err != nil {
			return answer{}, err
		}
		value, at := p.machine.read(register)
		return answer{position: at, value: value}, nil
	})
	if outcome == outcomeUnknown {
		l.turn()
	}
}

// latest is a position behind which nothing was shown before; who does not lead
// asks the leader that it knows.
func (c *cluster) latest(ctx context.Context, p *process) (uint64, error) {
	if lead, _ := p.node.Leadership(); lead.Leading {
		return p.confirmed(ctx)
	}
	_, leader := p.node.Leader()
	for _, m := range c.members {
		q := m.running()
		if m.id != leader || q == nil || q == p || !c.connected(p.m.id, m.id) {
			continue
		}
		sleep(time.Duration(c.dice.int64n(int64(5 * time.Millisecond))))
		position, err := q.confirmed(ctx)
		if err == nil && (q.host.isGone() || !c.connected(p.m.id, m.id)) {
			err = errors.New("the leader's answer is lost")
		}
		return position, err
	}
	return 0, consensus.ErrNotLeader
}

// confirmed is a position of this node at or behind all that any node has shown
// before, if it leads.
func (p *process) confirmed(ctx context.Context) (uint64, error) {
	before, _ := p.node.Leadership()
	if !before.Leading {
		return 0, consensus.ErrNotLeader
	}
	if err := p.node.ReadBarrier(ctx, before.Term); err != nil {
		return 0, err
	}
	position := p.machine.Position()
	if now, _ := p.node.Leadership(); now != before {
		return 0, consensus.ErrNotLeader
	}
	return position, nil
}

func (l *client) look() {
	register := l.register()
	l.node = l.r.IntN(len(l.c.members))
	l.ask(opLook, command{Register: register}, func(_ context.Context, p *process) (answer, error) {
		value, at := p.machine.read(register)
		return answer{position: at, value: value}, nil
	})
}

// ask sends one request and notes it and its answer. Who is dead answers
// nothing.
func (l *client) ask(kind string, c command, do func(context.Context, *process) (answer, error)) (outcome string) {
	m := l.c.members[l.node]
	p := m.running()
	if p == nil {
		return outcomeUnknown
	}
	number := l.c.rec.invoke(op{client: l.number, node: m.id, kind: kind, command: c})
	ctx, cancel := context.WithTimeout(p.alive, answerTime)
	defer cancel()
	a, err := do(ctx, p)
	if err == nil && p.host.isGone() {
		err = errors.New("the node is gone")
	}
	l.c.rec.answer(number, func(o *op) {
		switch {
		case err != nil:
			o.err = err.Error()
		case a.refused:
			o.outcome, o.position, o.value = outcomeRefused, a.position, a.value
		default:
			o.outcome, o.position, o.value = outcomeOK, a.position, a.value
		}
		outcome = o.outcome
	})
	if outcome == outcomeOK && kind == opWrite {
		l.last[c.Register] = a.position
	}
	return outcome
}

// subscribe follows the log from the beginning, on one node after the other,
// going on where it was; at the end on the leader.
func (c *cluster) subscribe(number int) {
	name, r := fmt.Sprintf("subscriber %d", number), rand.New(rand.NewPCG(c.s.seed, uint64(200+number)))
	var after uint64
	for !c.isOver() {
		p, ctx, cancel := c.members[r.IntN(len(c.members))].running(), c.alive, context.CancelFunc(func() {})
		select {
		case <-c.calm:
			p = c.leader()
		default:
			ctx, cancel = context.WithTimeout(c.alive, time.Duration(r.Int64N(int64(4*time.Second))))
		}
		if p == nil {
			sleep(50 * time.Millisecond)
		} else {
			after = c.follow(ctx, name, p, after)
		}
		cancel()
	}
}

// follow reads on as long as ctx and the node live, and gives how far it came.
func (c *cluster) follow(ctx context.Context, name string, p *process, after uint64) uint64 {
	reader := p.log.Reader(after)
	for {
		b, err := reader.Next(ctx)
		if err != nil || p.host.isGone() {
			return after
		}
		e, err := entryOf(b)
		if err != nil {
			c.rec.broke("%s was given what is no batch at %d: %v", name, b.First, err)
			return after
		}
		c.rec.saw(name, e)
		after = b.Last()
	}
}
