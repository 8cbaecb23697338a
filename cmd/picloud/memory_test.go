//go:build linux

package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// burst is some work that needs 64 MiB at once and leaves them behind.
func burst() {
	kept = make([][]byte, 64)
	for i := range kept {
		kept[i] = make([]byte, 1<<20)
	}
	kept = nil
}

var kept [][]byte // so that the compiler allocates

func TestMemoryGoesBackWhenTheNodeComesToRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer beside(t.Context(), rest)()
		<-time.After(restEvery / 2)
		burst()
		_, before := heap()
		<-time.After(restEvery)
		synctest.Wait()
		if _, now := heap(); now < before/2 {
			t.Errorf("%d of %d MB after a look that found it busy", now>>20, before>>20)
		}
		<-time.After(restEvery)
		synctest.Wait()
		if _, now := heap(); before < 32<<20 || now > before/2 {
			t.Errorf("%d of %d MB after a look that found it at rest", now>>20, before>>20)
		}
	})
}

func TestWhoSetTheCollectorDecides(t *testing.T) {
	t.Setenv("GOGC", "200")
	ended := make(chan struct{})
	go func() { defer close(ended); rest(context.Background()) }()
	<-ended // without being told to
}
