package consensus

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStepForwardIsFollowedOnlyWhenItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var offset time.Duration
		var told []bool
		clock := newGuardedClock(func() time.Time { return time.Now().Add(offset) }, time.Now().Add(-24*time.Hour),
			func(_ time.Duration, followed bool) { told = append(told, followed) })
		begin := time.Now()
		if got := clock.Now(); !got.Equal(begin) {
			t.Fatal("after a day without power the clock is not followed:", got)
		}
		pass := func(d time.Duration) { <-time.After(d) }

		pass(48 * time.Hour) // an idle cluster is no step
		if got := clock.Now(); !got.Equal(begin.Add(48 * time.Hour)) {
			t.Fatal(got)
		}
		offset = 400 * 24 * time.Hour
		pass(time.Second)
		if got := clock.Now(); !got.Equal(begin.Add(48*time.Hour + time.Second)) {
			t.Fatal("a step is followed at once:", got)
		}
		offset = 0
		pass(time.Minute)
		if got := clock.Now(); !got.Equal(time.Now()) {
			t.Fatal("a step that was taken back has left something:", got)
		}
		offset = 3 * time.Hour
		for range 59 {
			clock.Now()
			pass(time.Second)
		}
		if got := clock.Now(); !got.Equal(time.Now()) {
			t.Fatal(got)
		}
		pass(2 * time.Second)
		if got := clock.Now(); !got.Equal(time.Now().Add(offset)) {
			t.Fatal("a step that lasts is not followed:", got)
		}
		if len(told) != 3 || told[0] || told[1] || !told[2] {
			t.Fatal(told)
		}
	})
}
