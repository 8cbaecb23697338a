package reconcile

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

// Port looks at one resource and makes the world follow it, or reports how the
// world is. It may be called again at any time and for keys that are gone. An
// error means: try again later.
type Port func(ctx context.Context, key base.Ref) error

// Config says what a loop watches and what it does about it.
type Config struct {
	Views *projection.Projection
	// Keys yields what the loop is responsible for in a state. It is asked at
	// every look, so it should be cheap: a collection, a few addresses.
	Keys func(*state.State) iter.Seq[base.Ref]
	Port Port
	// Workers is how many keys are worked on at once; 0 means 4.
	Workers int
	// Pace is the least time between two looks at the state; 0 means 50 ms.
	Pace time.Duration
	// Calm is the least time between two looks at a key of which only what is
	// observed moved; 0 means 1 s.
	Calm time.Duration
	// Resync is how often a content key is looked at although it did not move:
	// the world moves too. 0 means never.
	Resync time.Duration
	// Backoff is the pause after a first failure, doubled with each further
	// one up to BackoffMax, and a quarter shorter or longer by chance; 0 means
	// 200 ms and 1 min.
	Backoff, BackoffMax time.Duration
	Logger              *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.Pace == 0 {
		c.Pace = 50 * time.Millisecond
	}
	if c.Calm == 0 {
		c.Calm = time.Second
	}
	if c.Backoff == 0 {
		c.Backoff = 200 * time.Millisecond
	}
	if c.BackoffMax == 0 {
		c.BackoffMax = time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Loop is a running loop.
type Loop struct {
	cfg   Config
	stop  context.CancelFunc
	tasks sync.WaitGroup
}

// Start begins a loop with every key that there is.
func Start(cfg Config) *Loop {
	ctx, stop := context.WithCancel(context.Background())
	l := &Loop{cfg: cfg.withDefaults(), stop: stop}
	l.tasks.Go(func() { l.run(ctx) })
	return l
}

// Close tells running ports to end and waits for them.
func (l *Loop) Close() {
	l.stop()
	l.tasks.Wait()
}

// outcome is what a port said about a key.
type outcome struct {
	key base.Ref
	err error
}

// run owns the queue: all that is known of keys lives on this goroutine.
func (l *Loop) run(ctx context.Context) {
	q := newQueue(l.cfg, uneven)
	outcomes := make(chan outcome)
	defer func() {
		for ; q.running > 0; q.running-- {
			<-outcomes
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	present, moved := l.cfg.Views.Changed()
	q.look(time.Now(), l.cfg.Keys(present), present)
	for {
		now := time.Now()
		for key, ok := q.next(now); ok; key, ok = q.next(now) {
			l.tasks.Go(func() { outcomes <- outcome{key, l.cfg.Port(ctx, key)} })
		}
		timer.Reset(q.sleep(now))
		news := moved
		if now.Before(q.looked.Add(l.cfg.Pace)) {
			news = nil // the pause until the next look is part of sleep
		}
		select {
		case <-ctx.Done():
			return
		case o := <-outcomes:
			if o.err != nil && ctx.Err() == nil {
				l.cfg.Logger.Warn("not reconciled; trying again", "key", o.key, "error", o.err)
			}
			q.finish(time.Now(), o)
		case <-timer.C:
		case <-news:
			present, moved = l.cfg.Views.Changed()
			q.look(time.Now(), l.cfg.Keys(present), present)
		}
	}
}
