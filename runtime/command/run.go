package command

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/state"
)

// overlay is the state as it will be when everything in flight is folded. It
// belongs to the door's goroutine.
type overlay struct {
	builder *state.Builder
	term    uint64
	basis   uint64 // position after all that was submitted
	flight  []*consensus.Future
}

// run decides one request after the other, until the door closes.
func (d *Door) run() {
	defer close(d.ended)
	var o *overlay
	for {
		select {
		case <-d.closed:
			return
		case j := <-d.queue:
			if o == j.stale {
				o = nil
			}
			o = d.current(o)
			if !j.take() {
				continue
			}
			if o == nil {
				j.err = errLeaderless
			} else {
				j.result = d.decide(o, j.request)
			}
			close(j.done)
		}
	}
}

// current is the overlay to decide on: the present one while something of it is
// in flight, else a new one on what is folded. Nil when this node does not lead
// or the door closes.
func (d *Door) current(o *overlay) *overlay {
	leadership, _ := d.cfg.Consensus.Leadership()
	if !leadership.Leading {
		return nil
	}
	if o != nil && o.term == leadership.Term && o.stands() {
		return o
	}
	if o != nil { // what is still in flight ends as stale, or commits, before its successor begins
		for _, f := range o.flight {
			select {
			case <-f.Done():
			case <-d.closed:
				return nil
			}
		}
	}
	now := d.cfg.Views.State()
	return &overlay{builder: now.Build(), term: leadership.Term, basis: uint64(now.Position)}
}

// stands drops the answers that came from the flight; false when one of them
// failed and the overlay with it, or when all is folded: then the folded state
// says the same and shares its memory with the readers'.
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

// decide decides a request and puts what follows on its way.
func (d *Door) decide(o *overlay, r *Request) result {
	t := d.begin(o, r)
	err := d.safely(t.decide)
	if err == nil && len(t.events) > 0 && !t.dry() {
		return d.submit(o, t)
	}
	var refused *base.Error
	if err != nil && !errors.As(err, &refused) {
		return result{err: err}
	}
	t.answer.Position = base.Position(o.basis)
	t.answer.settle(t.deletes)
	return result{answer: t.answer, err: err, overlay: o, future: d.cfg.Consensus.Confirm(o.term, o.basis), trial: t.planned(err)}
}

// safely keeps a fault of this program in a decision from ending the node: the
// decision worked on copies, so nothing is broken but itself.
func (d *Door) safely(decide func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			d.cfg.Logger.Error("a decision panicked; nothing was changed", "panic", fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("a decision panicked: %v", fault)
		}
	}()
	return decide()
}

// submit puts a decision's events on their way into the log. The overlay moves
// on unless they are refused at once.
func (d *Door) submit(o *overlay, t *trial) result {
	t.answer.Events = len(t.events)
	t.answer.Position = base.Position(o.basis) + base.Position(len(t.events))
	t.answer.settle(t.deletes)
	batch := state.Batch{Events: t.events}
	if t.request.Key != (Key{}) {
		batch.Receipt = &state.Receipt{
			Key: t.request.Key.Key, Request: t.request.Key.Request, Status: t.answer.Status,
			Position: t.answer.Position, Time: t.time,
		}
		t.builder.Receive(*batch.Receipt)
	}
	t.builder.Move(state.Head{Position: t.answer.Position, Time: t.time}) // receipts expire here as in the fold
	future := d.cfg.Consensus.Submit(consensus.Batch{
		Term: o.term, Basis: o.basis, Time: t.time.Std(), Count: len(t.events), Payload: state.AppendBatch(nil, batch),
	})
	answered := result{answer: t.answer, overlay: o, future: future, writes: true, trial: t.planned(nil)}
	select {
	case <-future.Done():
		if future.Err() != nil {
			return answered
		}
	default:
	}
	o.builder, o.basis = t.builder, uint64(t.answer.Position)
	o.flight = append(o.flight, future)
	return answered
}
