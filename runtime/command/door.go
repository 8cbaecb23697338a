package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

// Sealer turns clear values of sensitive fields into what the log may hold. An
// error means that the value is still clear and must go no further.
type Sealer interface {
	Seal(ref base.Ref, field string, value *base.Sensitive) error
}

// Config is what the front door stands between.
type Config struct {
	Model         *base.Model
	Root          string // of the cluster, without slash
	Consensus     *consensus.Node
	Views         *projection.Projection
	Sealer        Sealer
	Authenticator Authenticator
	Checks        []Check
	Rules         []Rule
	// Gate refuses what came with a level of the platform that the cluster has not
	// reached; nil refuses nothing. Level is the highest that this program writes.
	Gate   func(s *state.State, level int) error
	Level  int
	Logger *slog.Logger
	// Waiting is how many requests may wait for their decision; more are told
	// to come again. 0 means 4,096.
	Waiting int
}

// Door is safe for concurrent use. Close ends it.
type Door struct {
	cfg    Config
	queue  chan *job
	closed chan struct{} // nothing more is decided
	ended  chan struct{} // nothing is being decided
	once   sync.Once
}

// New opens the front door.
func New(cfg Config) *Door {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Waiting == 0 {
		cfg.Waiting = 4096
	}
	d := &Door{cfg: cfg, queue: make(chan *job, cfg.Waiting), closed: make(chan struct{}), ended: make(chan struct{})}
	go d.run()
	return d
}

// Close refuses what still waits and ends the door's goroutine. What is on its
// way into the log is answered by consensus.
func (d *Door) Close() {
	d.once.Do(func() { close(d.closed) })
	<-d.ended
}

// job is a request on its way to its decision.
type job struct {
	request *Request
	stale   *overlay // that an earlier decision of the request failed on, or nil
	taken   atomic.Bool
	done    chan struct{}
	result
}

// take claims the job: for its decision, or for its caller who goes away.
// Whoever comes second has no part in it.
func (j *job) take() bool { return j.taken.CompareAndSwap(false, true) }

// result is a decision: events on their way into the log, or none.
type result struct {
	answer  Answer
	err     error
	overlay *overlay          // that it was decided on
	future  *consensus.Future // resolved when the answer may leave
	writes  bool
	trial   *trial // whose plan the answer is to have, or nil; nobody changes it any more
}

// repeats is how often a request is decided again after the fence dropped it.
// Each repetition follows a change of leadership or the failure of an entry,
// so a few are plenty.
const repeats = 8

// Do carries out a request and waits until its answer holds. If ctx ends before
// the decision, nothing was done; if it ends later, the request may have been
// applied (Uncertain), unless it writes nothing.
func (d *Door) Do(ctx context.Context, r *Request) (Answer, error) {
	if err := d.prepare(r); err != nil {
		return Answer{}, err
	}
	var stale *overlay
	for range repeats {
		decided, err := d.decided(ctx, &job{request: r, stale: stale, done: make(chan struct{})})
		if err != nil {
			return Answer{}, err
		}
		if decided.future == nil {
			return decided.answer, decided.err
		}
		if decided.trial != nil { // while its events are on their way
			decided.answer.Plan = decided.trial.plan()
		}
		_, err = decided.future.Wait(ctx)
		switch {
		case err == nil:
			return decided.answer, decided.err
		case errors.Is(err, consensus.ErrStale):
			stale = decided.overlay
		case !decided.writes && ctx.Err() != nil:
			return Answer{}, errTooLate
		default:
			return Answer{}, outcome(ctx, err)
		}
	}
	return Answer{}, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "the cluster changes leaders too often to decide; try again"}
}

// decided waits for the decision of a job. An error means that there is none.
func (d *Door) decided(ctx context.Context, j *job) (result, error) {
	select {
	case d.queue <- j:
	default:
		return result{}, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "too many requests wait for their decision; try again"}
	}
	var none error
	select {
	case <-j.done:
	case <-d.ended:
		none = errClosing
	case <-ctx.Done():
		none = errTooLate
	}
	if none != nil && j.take() {
		return result{}, none
	}
	<-j.done // taken, so it is being decided, which waits for nobody
	return j.result, nil
}

var (
	errClosing    = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "the node is shutting down"}
	errLeaderless = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "no leader can decide now; try again"}
	errTooLate    = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "the request ended before it was decided; nothing was changed"}
)

// outcome says in the caller's terms what became of a batch that did not
// commit. Uncertainty comes first: it may carry any other reason with it.
func outcome(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, consensus.ErrUncertain), ctx.Err() != nil:
		return &base.Error{Code: base.Uncertain, Detail: "the change may have been applied; repeat it with the same Idempotency-Key to learn"}
	case errors.Is(err, consensus.ErrFull):
		return &base.Error{Code: base.Full, RetryAfter: 60, Detail: "the disk of the node is nearly full; make room, then try again. Reads go on"}
	case errors.Is(err, consensus.ErrNotLeader):
		return errLeaderless
	case errors.Is(err, consensus.ErrBusy):
		return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "too much waits to be written; try again"}
	case errors.Is(err, consensus.ErrTooLarge):
		return &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the change is over %d MiB; split it", consensus.MaxBatch>>20)}
	case errors.Is(err, consensus.ErrClosed):
		return errClosing
	}
	return err
}

// prepare does what needs no order: rights, shapes, sealing.
func (d *Door) prepare(r *Request) error {
	for _, c := range r.Commands {
		if err := d.May(r.Principal, c.Permission(), c.Kind(), c.Subject()); err != nil {
			return err
		}
	}
	if err := d.validate(r.Commands, r.Apply != nil); err != nil {
		return err
	}
	return d.seal(r.Commands)
}

// seal leaves nothing clear behind, or says why it could not.
func (d *Door) seal(commands []domain.Command) (err error) {
	for _, c := range commands {
		c.Sensitive(func(field string, value *base.Sensitive) {
			err = errors.Join(err, d.cfg.Sealer.Seal(c.Subject(), field, value))
		})
	}
	return err
}

// validate lists every shape and check that the commands break; within a
// deployment each pointer begins with the place of its resource.
func (d *Door) validate(commands []domain.Command, deployment bool) error {
	var violations []base.Violation
	for i, c := range commands {
		check := base.Check{Resource: c.Subject()}
		if deployment {
			check.Enter("resources")
			check.Enter(fmt.Sprint(i))
		}
		if c.Validate(&check); len(check.Violations) == 0 {
			for _, further := range d.cfg.Checks {
				further(c, &check)
			}
		}
		violations = append(violations, check.Violations...)
	}
	if len(violations) == 0 {
		return nil
	}
	return &base.Error{Code: base.Invalid, Ref: commands[0].Subject(), Detail: "the input breaks a rule", Violations: violations}
}
