package clusterbench

import (
	"fmt"
	"syscall"
	"time"
)

// cost is what a load took of the machine.
type cost struct {
	leader, followers, load time.Duration // of processors
	written                 float64       // bytes, by all nodes
}

// spent is what the cluster and this process have taken since they began; the
// leader is the one of now.
func (c *cluster) spent() (all cost) {
	c.Helper()
	lead := c.leader()
	for _, s := range c.nodes {
		u := usageOf(c.T, s)
		all.written += u.written
		if s == lead {
			all.leader += u.cpu
		} else {
			all.followers += u.cpu
		}
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		c.Fatal(err)
	}
	all.load = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	return all
}

// more adds what was taken between two moments.
func (c *cost) more(from, to cost) {
	c.leader += to.leader - from.leader
	c.followers += to.followers - from.followers
	c.load += to.load - from.load
	c.written += to.written - from.written
}

// each is the share of one write of those that were made.
func (c cost) each(rounds []figures) string {
	n := 0
	for _, f := range rounds {
		n += f.Writes
	}
	micros := func(d time.Duration) int64 { return d.Microseconds() / int64(max(1, n)) }
	return fmt.Sprintf("processor: leader %d µs, both followers %d µs, load %d µs; disk %.1f KB",
		micros(c.leader), micros(c.followers), micros(c.load), c.written/1000/float64(max(1, n)))
}
