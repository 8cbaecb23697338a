package peer

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quiet is how long a notice is not repeated.
const quiet = 10 * time.Second

// notices logs what strangers can cause as often as they like: each kind at
// most once in a while, with how often it happened meanwhile.
type notices struct {
	log     *slog.Logger
	mu      sync.Mutex
	of      map[string]*noticed
	refused map[string]time.Time // when nodes were refused first, by ID
}

type noticed struct {
	level    slog.Level
	last     time.Time
	withheld int
}

func newNotices(log *slog.Logger) *notices {
	return &notices{log: log, of: map[string]*noticed{}, refused: map[string]time.Time{}}
}

// A node that was let in a moment ago is not known everywhere yet.
const (
	knownAfter  = 5 * time.Second
	refusedMost = 256 // nodes remembered; the authority vouches for each
)

// stranger is how loud it is said that a node is refused: it is news when it goes on.
func (n *notices) stranger(id string) slog.Level {
	n.mu.Lock()
	defer n.mu.Unlock()
	first, known := n.refused[id]
	switch {
	case known && time.Since(first) > knownAfter:
		return slog.LevelWarn
	case !known:
		if len(n.refused) >= refusedMost {
			clear(n.refused)
		}
		n.refused[id] = time.Now()
	}
	return slog.LevelInfo
}

// warn says what is amiss.
func (n *notices) warn(message string, attributes ...any) {
	n.say(slog.LevelWarn, message, attributes...)
}

// say logs a notice; the messages are few and fixed, the rest goes into
// attributes.
func (n *notices) say(level slog.Level, message string, attributes ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now, one := time.Now(), n.of[message]
	if one == nil {
		one = &noticed{}
		n.of[message] = one
	}
	if !one.last.IsZero() && now.Sub(one.last) < quiet && level <= one.level {
		one.withheld++
		return
	}
	if one.withheld > 0 {
		attributes = append(attributes, "withheld", one.withheld)
	}
	one.level, one.last, one.withheld = level, now, 0
	n.log.Log(context.Background(), level, message, attributes...)
}

// flush tells how often there was more than was said.
func (n *notices) flush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for message, one := range n.of {
		if one.withheld > 0 {
			n.log.Log(context.Background(), one.level, message, "withheld", one.withheld)
			one.withheld = 0
		}
	}
}
