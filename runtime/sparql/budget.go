package sparql

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"
)

// Limits bound one execution. Zero means the default.
type Limits struct {
	// Timeout is the time an execution may take, reading its result included;
	// default 30 s.
	Timeout time.Duration
	// MaxRows bounds the rows of the result, and of each table that an
	// operator keeps; default 10 million.
	MaxRows int
	// MaxMemoryBytes bounds what operators keep: what is on the heap stays below
	// three times as much; default 256 MiB.
	MaxMemoryBytes int64
	// MaxDepth bounds the nesting of operators; default 500.
	MaxDepth int
	// Meter, where there is one, shows what the execution uses while it runs,
	// and bounds it together with others.
	Meter *Meter

	update bool // an update runs, which errors then speak of
}

// DefaultLimits are the limits of an execution that is given none.
func DefaultLimits() Limits { return Limits{}.withDefaults() }

// withDefaults puts the default in the place of each zero.
func (l Limits) withDefaults() Limits {
	if l.Timeout == 0 {
		l.Timeout = 30 * time.Second
	}
	if l.MaxRows == 0 {
		l.MaxRows = 10_000_000
	}
	if l.MaxMemoryBytes == 0 {
		l.MaxMemoryBytes = 256 << 20
	}
	if l.MaxDepth == 0 {
		l.MaxDepth = 500
	}
	return l
}

// Pool is memory that executions share: what none may use alone, many small
// ones may not use together either.
type Pool struct {
	max  int64
	used atomic.Int64
}

// NewPool makes a pool of so many bytes.
func NewPool(bytes int64) *Pool { return &Pool{max: bytes} }

// Used is how much of the pool is taken.
func (p *Pool) Used() int64 { return p.used.Load() }

func (p *Pool) take(bytes int64) bool {
	if p.used.Add(bytes) > p.max && bytes > 0 {
		p.used.Add(-bytes)
		return false
	}
	return true
}

// Meter shows what executions use. It may be read while they run; executions
// that share one run one after another.
type Meter struct {
	pool   *Pool
	rows   atomic.Int64
	memory atomic.Int64
}

// NewMeter makes a meter of executions whose memory comes from a pool; nil is a
// pool without end. Close gives back what they have not.
func NewMeter(pool *Pool) *Meter { return &Meter{pool: pool} }

// Rows is how many rows (or quads) of results have been made.
func (m *Meter) Rows() int64 { return m.rows.Load() }

// Memory is how many bytes operators keep, rounded up to steps of 256 KiB.
func (m *Meter) Memory() int64 { return m.memory.Load() }

// Hold takes memory from the pool until Close, for what is kept outside of an
// execution. The error is an *Error with CodeOverBudget.
func (m *Meter) Hold(bytes int) error {
	if !m.take(int64(bytes)) {
		return errPoolSpent
	}
	return nil
}

// Close gives memory back to the pool.
func (m *Meter) Close() { m.take(-m.memory.Load()) }

// take takes bytes from the pool, or gives them back if they are negative.
func (m *Meter) take(bytes int64) bool {
	if m.pool != nil && !m.pool.take(bytes) {
		return false
	}
	m.memory.Add(bytes)
	return true
}

var errPoolSpent = errorf(CodeOverBudget, "what runs now needs more memory than there is for all of it; try again later, or ask for less, or send less, at a time")

// fewer is what helps an update that is too large.
const fewer = "change fewer quads at a time: repeat DELETE { ?s ?p ?o } WHERE { SELECT ?s ?p ?o { ?s ?p ?o } LIMIT 100000 } until nothing is left, with its graph in both if it has a name; or delete the store and create it again"

// overBudget is an error that says what was exceeded and, of an update, what
// helps there.
func (l Limits) overBudget(exceeded string) *Error {
	if l.update {
		return errorf(CodeOverBudget, "the update needs %s, so nothing of it was done; %s", exceeded, fewer)
	}
	return errorf(CodeOverBudget, "the query needs %s; make it more selective", exceeded)
}

// budget counts what an execution uses against its limits. An operator has two
// duties: tick for each step of a loop (work where a step is long), and charge
// what it keeps before it is allocated. Both answer false once the execution
// must end.
type budget struct {
	ctx    context.Context
	limits Limits
	// deadline is when its time is over, unless it is zero; over tells that its
	// result has been read or closed. No timer runs for a query.
	deadline time.Time
	over     bool
	// steps is how many are left until the clock is looked at.
	steps int
	// memory is what is charged now, granted what is taken from the pool for it,
	// and ceiling what may be charged without asking: the smaller of that and the
	// limit.
	memory, granted, ceiling int64
	err                      *Error
}

// checkEvery is after how many steps the context is looked at. A step is a
// microsecond at most, so that an end is seen within a few milliseconds.
const checkEvery = 1024

// grantStep is in which steps memory is taken from the pool.
const grantStep = 256 << 10

// tick counts a step, and is false once the execution must end.
func (b *budget) tick() bool { return b.work(1) }

// work counts a long step as so many.
func (b *budget) work(steps int) bool {
	if b.steps -= steps; b.steps <= 0 {
		b.steps = checkEvery
		b.check()
	}
	return b.err == nil
}

// check looks at the context now.
func (b *budget) check() bool {
	err := b.ctx.Err()
	if err == nil && !b.deadline.IsZero() && time.Now().After(b.deadline) {
		err = context.DeadlineExceeded
	}
	switch {
	case err == nil && b.over:
		b.fail(errorf(CodeCanceled, "the result was closed"))
	case err == nil:
	case errors.Is(err, context.DeadlineExceeded):
		b.fail(errorf(CodeTimeout, "the query took longer than %s; make it more selective or add a LIMIT", b.limits.Timeout))
	default:
		if cause := context.Cause(b.ctx); !errors.Is(cause, context.Canceled) {
			return b.fail(errorf(CodeCanceled, "%v", cause))
		}
		b.fail(errorf(CodeCanceled, "the query was canceled"))
	}
	return b.err == nil
}

// fail keeps the first error and always answers false, which ends every loop.
func (b *budget) fail(err *Error) bool {
	if b.err == nil {
		b.err = err
	}
	return false
}

// charge accounts memory that an operator is about to keep.
func (b *budget) charge(bytes int) bool {
	if b.memory += int64(bytes); b.memory > b.ceiling {
		b.grant()
	}
	return b.err == nil
}

// release gives back what was charged.
func (b *budget) release(bytes int) {
	b.memory -= int64(bytes)
	if b.granted-b.memory > 4*grantStep {
		b.grant()
	}
}

// grant fits what is granted to what is charged.
func (b *budget) grant() {
	if b.memory > b.limits.MaxMemoryBytes {
		b.fail(b.limits.overBudget("more than " + bytesText(b.limits.MaxMemoryBytes) + " of memory"))
		return
	}
	wanted := (b.memory + grantStep) / grantStep * grantStep
	if m := b.limits.Meter; m != nil && !m.take(wanted-b.granted) {
		if b.fail(errPoolSpent); b.limits.update {
			b.err = b.limits.overBudget("more memory than others that run now leave")
		}
		return
	}
	b.granted, b.ceiling = wanted, min(wanted, b.limits.MaxMemoryBytes)
}

// end gives all memory back; nothing is kept after it.
func (b *budget) end() {
	if m := b.limits.Meter; m != nil {
		m.take(-b.granted)
	}
	b.granted, b.ceiling = 0, 0
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	if n >= 1<<20 {
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatInt(n>>10, 10) + " KiB"
}
