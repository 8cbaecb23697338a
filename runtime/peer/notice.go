package peer

import (
	"log/slog"
	"sync"
	"time"
)

// quiet is how long a notice is not repeated.
const quiet = 10 * time.Second

// notices logs what strangers can cause as often as they like: each kind at
// most once in a while, with how often it happened meanwhile.
type notices struct {
	log *slog.Logger
	mu  sync.Mutex
	of  map[string]*noticed
}

type noticed struct {
	last     time.Time
	withheld int
}

func newNotices(log *slog.Logger) *notices { return &notices{log: log, of: map[string]*noticed{}} }

// say logs a notice; the messages are few and fixed, the rest goes into
// attributes.
func (n *notices) say(message string, attributes ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now, one := time.Now(), n.of[message]
	if one == nil {
		one = &noticed{}
		n.of[message] = one
	}
	if !one.last.IsZero() && now.Sub(one.last) < quiet {
		one.withheld++
		return
	}
	if one.withheld > 0 {
		attributes = append(attributes, "withheld", one.withheld)
	}
	one.last, one.withheld = now, 0
	n.log.Warn(message, attributes...)
}

// flush tells how often there was more than was said.
func (n *notices) flush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for message, one := range n.of {
		if one.withheld > 0 {
			n.log.Warn(message, "withheld", one.withheld)
			one.withheld = 0
		}
	}
}
