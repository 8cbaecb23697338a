package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
)

// Ended is the cause of the context of work that somebody ended.
type Ended struct{ By base.Ref }

func (e *Ended) Error() string { return fmt.Sprintf("it was ended by %s", e.By) }

// State is how far work is.
type State string

const (
	Waiting State = "waiting"
	Running State = "running"
	Aside   State = "in line" // it waits for something other than its turn
	Ending  State = "ending"  // somebody ended it, and it has not left yet
)

// Status is what is known of work from outside.
type Status struct {
	Work
	State    State
	Asked    time.Time     // when it was handed in
	Begun    time.Time     // when its turn came; zero while it waits
	Position base.Position // of the log, that it sees; 0 while that is not known
	Rows     int64         // of its result so far
	Memory   int64         // bytes that its operators keep
}

// Reason is why work left the desk.
type Reason string

const (
	Done       Reason = "done"
	Refused    Reason = "refused" // there was no place
	Impatient  Reason = "waited"  // its turn did not come in time
	Left       Reason = "left"    // its caller went away
	Stopped    Reason = "ended"   // somebody ended it
	Timeout    Reason = "timeout" // it took too long
	OverBudget Reason = "budget"  // it needed too much
	Failed     Reason = "failed"  // anything else, such as a syntax error
)

// Reasons are all of them.
func Reasons() []Reason {
	return []Reason{Done, Refused, Impatient, Left, Stopped, Timeout, OverBudget, Failed}
}

// Departure tells how work left the desk.
type Departure struct {
	Kind   Kind
	Reason Reason
	Waited time.Duration
	Took   time.Duration // from its turn on; 0 if that never came
}

// Entry is work that is on the list. Its methods are called by the goroutine
// that does the work.
type Entry struct {
	desk   *Desk
	work   Work
	ctx    context.Context
	cancel context.CancelCauseFunc
	meter  *sparql.Meter
	turn   chan struct{} // closed when the turn has come
	leave  sync.Once

	asked time.Time
	// Under the desk's lock:
	begun    time.Time
	ending   bool
	position base.Position
}

// wait waits for the turn.
func (e *Entry) wait(patience time.Duration) error {
	select {
	case <-e.turn: // without a timer, as nearly always
		return nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var err error
	select {
	case <-e.turn:
		return nil
	case <-e.ctx.Done():
		err = context.Cause(e.ctx)
	case <-timer.C:
		err = &base.Error{Code: base.Unavailable, RetryAfter: 1 + int(patience/time.Second)/2,
			Detail: fmt.Sprintf("its turn did not come within %s, so many queries run; try again later", patience)}
	}
	e.Leave(err) // also where the turn came in the same moment
	return err
}

// Context ends with the caller's, and when somebody ends the work. All work is
// done under it.
func (e *Entry) Context() context.Context { return e.ctx }

// ID is the id that the work is listed under.
func (e *Entry) ID() string { return e.work.ID }

// Limits are l with the meter of this work, by which it is seen on the list and
// bounded together with all others.
func (e *Entry) Limits(l sparql.Limits) sparql.Limits {
	l.Meter = e.meter
	return l
}

// Hold takes memory from the pool until the work leaves, for what is kept
// outside of an execution. The error is a *sparql.Error with CodeOverBudget.
func (e *Entry) Hold(bytes int) error { return e.meter.Hold(bytes) }

// At tells which position of the log the work sees.
func (e *Entry) At(p base.Position) {
	e.desk.mu.Lock()
	defer e.desk.mu.Unlock()
	e.position = p
}

// Leave takes the work off the list; err is what it failed with, nil if it did
// not. Only the first call counts.
func (e *Entry) Leave(err error) {
	e.leave.Do(func() {
		begun := e.desk.remove(e)
		departure := Departure{Kind: e.work.Kind, Reason: e.reason(err, begun), Waited: time.Since(e.asked)}
		if !begun.IsZero() {
			departure.Waited, departure.Took = begun.Sub(e.asked), time.Since(begun)
		}
		e.meter.Close()
		e.cancel(nil)
		e.desk.told(departure)
	})
}

// reason finds out why work ended with err.
func (e *Entry) reason(err error, begun time.Time) Reason {
	if err == nil {
		return Done
	}
	var ended *Ended
	var refused *base.Error
	var failed *sparql.Error
	switch {
	case errors.As(context.Cause(e.ctx), &ended):
		return Stopped
	case e.ctx.Err() != nil:
		return Left
	case errors.As(err, &failed) && failed.Code == sparql.CodeTimeout:
		return Timeout
	case errors.As(err, &failed) && failed.Code == sparql.CodeOverBudget:
		return OverBudget
	case begun.IsZero() && errors.As(err, &refused):
		return Impatient
	}
	return Failed
}

func (e *Entry) status() Status {
	s := Status{Work: e.work, State: Running, Asked: e.asked, Begun: e.begun, Position: e.position, Rows: e.meter.Rows(), Memory: e.meter.Memory()}
	switch {
	case e.ending:
		s.State = Ending
	case e.turn == nil:
		s.State = Aside
	case e.begun.IsZero():
		s.State = Waiting
	}
	return s
}

// excerptRunes is how much of a text the list shows.
const excerptRunes = 500

// excerpt is the beginning of a text, in one line.
func excerpt(text string) string {
	if len(text) > 8*excerptRunes {
		text = text[:8*excerptRunes]
	}
	runes := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " "))
	if len(runes) > excerptRunes {
		return string(runes[:excerptRunes-1]) + "…"
	}
	return string(runes)
}
