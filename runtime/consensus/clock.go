package consensus

import (
	"sync"
	"time"
)

// Clock tells log time: the wall clock, but never going backwards, neither
// behind what it told before nor behind the log.
type Clock struct {
	now func() time.Time

	mu   sync.Mutex
	last time.Time
}

// NewClock tells times not before last; now is the wall clock.
func NewClock(now func() time.Time, last time.Time) *Clock {
	return &Clock{now: now, last: last}
}

// Now is the log time for the next decision, in UTC, whole nanoseconds.
func (c *Clock) Now() time.Time {
	wall := c.now().Round(0).UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	if wall.After(c.last) {
		c.last = wall
	}
	return c.last
}

// observe takes in a time that the log holds.
func (c *Clock) observe(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.last) {
		c.last = t
	}
}
