package simtest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/picloud/picloud/runtime/consensus"
)

// door decides on the node that leads, serially, seeing what is in flight: as
// the platform's own front door, about smaller things.
type door struct {
	node *consensus.Node
	m    *machine

	mu    sync.Mutex
	o     *overlay
	stood []payload // on what earlier decisions stood
}

// overlay is what is in flight, over the folded state.
type overlay struct {
	term   uint64
	basis  uint64 // position after all that was submitted
	flight []*consensus.Future
	keys   map[string]*consensus.Future
	values map[string]string // of registers
	setAt  map[string]uint64
}

// answer is what a client hears.
type answer struct {
	position uint64 // of its effect, or at which it was refused
	refused  bool
	value    string // of the register, when refused
}

// do decides c until it stands, is refused or cannot be: then the error is one
// of consensus.
func (d *door) do(ctx context.Context, c command) (answer, error) {
	for {
		a, f, o, err := d.decide(c)
		if err != nil {
			return answer{}, err
		}
		first, err := f.Wait(ctx)
		if err != nil && ctx.Err() == nil {
			d.drop(o)
		}
		switch {
		case errors.Is(err, consensus.ErrStale):
			continue
		case err != nil:
			return answer{}, err
		case a.position == 0: // the effect is this batch
			a.position = first
		}
		return a, nil
	}
}

// decide gives the answer as far as it is known, and what it waits for.
func (d *door) decide(c command) (a answer, f *consensus.Future, o *overlay, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o = d.current()
	if o == nil {
		return a, nil, nil, consensus.ErrNotLeader
	}
	if f := o.keys[c.Key]; f != nil {
		return a, f, o, nil
	}
	value, setAt, receipt := d.m.about(c)
	if at, there := o.setAt[c.Register]; there {
		value, setAt = o.values[c.Register], at
	}
	switch {
	case receipt > 0:
		return answer{position: receipt}, d.node.Confirm(o.term, o.basis), o, nil
	case c.Conditional && setAt != c.If:
		return answer{position: o.basis, refused: true, value: value}, d.node.Confirm(o.term, o.basis), o, nil
	}
	p := payload{c, o.term, o.basis}
	if f, err = d.submit(p); err != nil {
		return a, nil, nil, err
	}
	d.stood = append(d.stood, p)
	o.values[c.Register], o.setAt[c.Register] = c.Value, o.basis+1
	o.basis += uint64(c.Events)
	o.flight = append(o.flight, f)
	o.keys[c.Key] = f
	return a, f, o, nil
}

func (d *door) submit(p payload) (*consensus.Future, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return d.node.Submit(consensus.Batch{Term: p.Term, Basis: p.Basis, Time: d.node.Now(), Count: p.Events, Payload: b}), nil
}

// insist submits c as decided some decisions ago. It is stale, unless nothing has
// come since.
func (d *door) insist(ctx context.Context, c command, ago int) (answer, error) {
	d.mu.Lock()
	if len(d.stood) <= ago {
		d.mu.Unlock()
		return answer{}, consensus.ErrNotLeader
	}
	on := d.stood[len(d.stood)-1-ago]
	d.mu.Unlock()
	f, err := d.submit(payload{c, on.Term, on.Basis})
	if err != nil {
		return answer{}, err
	}
	first, err := f.Wait(ctx)
	return answer{position: first}, err
}

// current is the overlay to decide on; nil if this node does not lead.
func (d *door) current() *overlay {
	l, _ := d.node.Leadership()
	if !l.Leading {
		return nil
	}
	if d.o != nil && d.o.term == l.Term && d.o.stands() {
		return d.o
	}
	d.o = &overlay{term: l.Term, basis: d.m.Position(), keys: map[string]*consensus.Future{}, values: map[string]string{}, setAt: map[string]uint64{}}
	return d.o
}

// stands is false when something in flight failed, and when nothing is: then
// the folded state says the same.
func (o *overlay) stands() bool {
	for len(o.flight) > 0 {
		select {
		case <-o.flight[0].Done():
			if o.flight[0].Err() != nil {
				return false
			}
			o.flight = o.flight[1:]
		default:
			return true
		}
	}
	return false
}

func (d *door) drop(o *overlay) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.o == o {
		d.o = nil
	}
}
