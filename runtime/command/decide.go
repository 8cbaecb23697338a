package command

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/state"
)

// trial is one decision in the making: its own copy of the overlay, and the
// events so far. It is kept when the request stands, dropped when it does not.
type trial struct {
	door    *Door
	request *Request
	before  *state.State // it is decided on
	builder *state.Builder
	basis   base.Position
	time    base.Time
	events  []*domain.Event
	answer  Answer

	subjects map[base.Ref]int // of commands, and which command it was
	touched  []base.Ref       // whose declaration is new or changed
	gone     map[base.Ref]bool
	severed  []severed
	deletes  bool // the request is one deletion
}

// severed is a reference whose target was deleted.
type severed struct{ target, source base.Ref }

func (d *Door) begin(o *overlay, r *Request) *trial {
	return &trial{
		door: d, request: r, before: o.builder.Peek(), builder: o.builder.Peek().Build(), basis: base.Position(o.basis),
		time: base.TimeOf(d.cfg.Consensus.Now()), subjects: map[base.Ref]int{}, gone: map[base.Ref]bool{},
	}
}

func (t *trial) state() *state.State { return t.builder.Peek() }

func (t *trial) dry() bool { return t.request.Apply != nil && t.request.Apply.DryRun }

// decide runs the whole law over a request.
func (t *trial) decide() error {
	if replayed, err := t.replay(); replayed || err != nil {
		return err
	}
	for i, c := range t.request.Commands {
		if _, twice := t.subjects[c.Subject()]; twice {
			return t.invalid(i, "duplicate", "", fmt.Sprintf("%s is declared twice", c.Subject()))
		}
		t.subjects[c.Subject()] = i
	}
	if t.request.Apply != nil {
		return t.apply()
	}
	for _, c := range t.request.Commands {
		before := t.state().Get(c.Subject())
		if len(t.request.Commands) == 1 {
			if err := t.request.If.check(c.Subject(), before); err != nil {
				return err
			}
			t.answer.Created = before == nil
		}
		if err := t.carryOut(c); err != nil {
			return err
		}
	}
	if len(t.request.Commands) == 1 && t.gone[t.request.Commands[0].Subject()] {
		t.deletes = true
	}
	return t.finish()
}

// replay answers a repeated request as it was answered before.
func (t *trial) replay() (bool, error) {
	if t.request.Key == (Key{}) {
		return false, nil
	}
	receipt, ok := t.state().Receipt(t.request.Key.Key)
	switch {
	case !ok:
		return false, nil
	case receipt.Request != t.request.Key.Request:
		return false, &base.Error{Code: base.Invalid, Detail: "this Idempotency-Key belongs to another request; use a new one"}
	}
	t.answer = Answer{Status: receipt.Status, Replayed: true}
	return true, nil
}

// carryOut decides one command and folds its events into the trial. What ends
// with a resource ends before it.
func (t *trial) carryOut(c domain.Command) error {
	subject := c.Subject()
	payloads, err := c.Decide(t.state().Get(subject))
	if err != nil {
		return err
	}
	for _, p := range payloads {
		e := t.event(subject, p)
		if t.ends(e) { // its place in the order comes after those of what ends with it
			if err := t.endBelow(subject); err != nil {
				return err
			}
		} else {
			t.touched = append(t.touched, subject)
		}
		e.Position = t.basis + base.Position(len(t.events)) + 1
		if change := t.builder.Fold(e); change.Fault != nil {
			return fmt.Errorf("decided what cannot be folded: %w", change.Fault)
		}
		t.events = append(t.events, e)
	}
	return nil
}

func (t *trial) event(subject base.Ref, p domain.Payload) *domain.Event {
	var previous base.Position
	if now := t.state().Get(subject); now != nil {
		previous = now.Common().Last
	}
	return &domain.Event{
		Subject: subject, Previous: previous, Time: t.time, Actor: t.request.Principal.Actor,
		Correlation: t.request.Correlation, Causation: t.request.Causation,
		Deployment: t.request.Deployment, Trace: t.request.Trace, Payload: p,
	}
}

// ends reports whether an event ends its subject.
func (t *trial) ends(e *domain.Event) bool {
	after, err := domain.Evolve(t.state().Get(e.Subject), e)
	return err == nil && after == nil
}

// finish checks once, at the end, what spans resources.
func (t *trial) finish() error {
	for _, check := range []func() error{t.checkLevel, t.checkSevered, t.checkPlaces, t.checkReferences, t.checkNames, t.checkCircles, t.checkRules} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// pointer is where in the request's body a field of a subject was given.
func (t *trial) pointer(subject base.Ref, field string) string {
	if t.request.Apply == nil {
		return field
	}
	if i, ok := t.subjects[subject]; ok {
		return fmt.Sprintf("/resources/%d%s", i, field)
	}
	return ""
}

// invalid refuses a command for a rule that spans resources.
func (t *trial) invalid(i int, id, rule, message string) error {
	pointer := ""
	if t.request.Apply != nil {
		pointer = fmt.Sprintf("/resources/%d", i)
	}
	return &base.Error{
		Code: base.Invalid, Ref: t.request.Commands[i].Subject(), Detail: "the input breaks a rule",
		Violations: []base.Violation{{ID: id, Rule: rule, Pointer: pointer, Message: message}},
	}
}
