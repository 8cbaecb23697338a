// Raft takes its random timeouts from math/rand, which is seeded here.
//
//go:debug randseednop=0

package simtest

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func number(name string, otherwise uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// checkers judge a history, each one promise.
var checkers = map[string]func(*history) error{
	"log": checkLog, "state": checkState, "fence": checkFence, "answers": checkAnswers,
	"once": checkOnce, "subscribers": checkSubscribers, "alive": checkAlive,
}

// check gives all that a history breaks.
func check(h *history) (broken error) {
	if h.halted {
		h = h.certain()
	}
	for _, name := range slices.Sorted(maps.Keys(checkers)) {
		if err := checkers[name](h); err != nil {
			broken = errors.Join(broken, fmt.Errorf("%s: %w", name, err))
		}
	}
	return broken
}

// TestSeeds runs the seeds from PICLOUD_SIM_SEED on, PICLOUD_SIM_SEEDS of them,
// each PICLOUD_SIM_REPEAT times.
func TestSeeds(t *testing.T) {
	first, count, repeat := number("PICLOUD_SIM_SEED", 1), number("PICLOUD_SIM_SEEDS", 500), number("PICLOUD_SIM_REPEAT", 1)
	logger := slog.New(slog.DiscardHandler)
	if os.Getenv("PICLOUD_SIM_TRACE") != "" {
		logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	begun := time.Now()
	ops, ok, tally := 0, 0, map[string]int{}
	for seed := first; seed < first+count; seed++ {
		for range repeat {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				s := newSchedule(seed)
				//lint:ignore SA1019 Raft knows no other source of chance
				rand.Seed(int64(seed))
				var h *history
				synctest.Test(t, func(t *testing.T) { h = simulate(s, logger) })
				for _, o := range h.ops {
					ops++
					if o.outcome != outcomeUnknown {
						ok++
					}
				}
				for _, n := range h.notes {
					tally[n.kind]++
				}
				if err := check(h); err != nil {
					t.Errorf("%v\n%s\n%s\nmake sim SEED=%d REPEAT=50", err, s, h, seed)
				}
			})
		}
	}
	t.Logf("%d requests, %d answered, in %s; %v", ops, ok, time.Since(begun).Round(time.Second), tally)
}
