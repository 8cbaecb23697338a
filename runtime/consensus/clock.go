package consensus

import (
	"sync"
	"time"
)

// Clock tells log time: the wall clock, but never going backwards, neither
// behind what it told before nor behind the log.
//
// A guarded clock does not follow a step forward of the wall clock at once: one
// that a broken clock made could never be taken back.
type Clock struct {
	now     func() time.Time
	guarded bool
	stepped func(by time.Duration, followed bool)

	mu   sync.Mutex
	last time.Time
	at   time.Time // when last was told or seen, on this machine's monotonic clock; zero: not yet
	step time.Time // since when the wall clock is ahead; zero: it is not
}

const (
	// stepLimit is how far the wall clock may run ahead of the time that has
	// passed on this machine.
	stepLimit = time.Hour
	// stepPatience is how long a step has to last to be followed.
	stepPatience = time.Minute
)

// NewClock tells times not before last; now is the wall clock.
func NewClock(now func() time.Time, last time.Time) *Clock {
	return &Clock{now: now, last: last}
}

// newGuardedClock is a guarded one on time.Now; stepped is told when the wall
// clock has stepped and when the step is followed.
func newGuardedClock(now func() time.Time, last time.Time, stepped func(by time.Duration, followed bool)) *Clock {
	return &Clock{now: now, last: last, guarded: true, stepped: stepped}
}

// Now is the log time for the next decision, in UTC, whole nanoseconds.
func (c *Clock) Now() time.Time {
	wall := c.now().Round(0).UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.guarded {
		wall = c.guard(wall)
	}
	c.seen(wall)
	return c.last
}

// guard is the wall clock's time, or without a step that is to be waited out.
func (c *Clock) guard(wall time.Time) time.Time {
	if c.at.IsZero() { // at the start nothing tells how much time has passed
		return wall
	}
	passed := c.last.Add(time.Since(c.at))
	ahead := wall.Sub(passed)
	switch {
	case ahead <= stepLimit:
		c.step = time.Time{}
		return wall
	case c.step.IsZero():
		c.step = time.Now()
		c.stepped(ahead, false)
	case time.Since(c.step) >= stepPatience:
		c.step = time.Time{}
		c.stepped(ahead, true)
		return wall
	}
	return passed
}

func (c *Clock) seen(t time.Time) {
	if t.After(c.last) {
		c.last, c.at = t, time.Now()
	}
}

// observe takes in a time that the log holds.
func (c *Clock) observe(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen(t)
}
