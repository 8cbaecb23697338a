package writer

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

func TestOnePassesAtATimeAndNobodyIsLeftInLine(t *testing.T) {
	l := lines{most: 100, all: map[base.Ref]*line{}}
	passing, passed := map[base.Ref]int{}, 0
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 40 {
		ref := base.Ref([]string{"/a", "/b"}[i%2])
		group.Go(func() {
			leave, err := l.enter(t.Context(), ref)
			if err != nil {
				t.Error(err)
				return
			}
			defer leave()
			mu.Lock()
			if passing[ref]++; passing[ref] > 1 {
				t.Errorf("%d pass at once", passing[ref])
			}
			passed++
			mu.Unlock()
			mu.Lock()
			passing[ref]--
			mu.Unlock()
		})
	}
	group.Wait()
	if passed != 40 || len(l.all) != 0 {
		t.Errorf("%d passed, %d lines are left", passed, len(l.all))
	}
}

func TestLineIsBoundedAndCanBeLeft(t *testing.T) {
	l := lines{most: 1, all: map[base.Ref]*line{}}
	leave, err := l.enter(t.Context(), "/a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error)
	go func() {
		_, err := l.enter(ctx, "/a")
		waits <- err
	}()
	for l.in("/a") < 2 { // until it is in line
	}
	var refusal *base.Error
	if _, err := l.enter(t.Context(), "/a"); !errors.As(err, &refusal) || refusal.Code != base.Unavailable {
		t.Errorf("beyond the bound: %v", err)
	}
	cancel()
	if err := <-waits; !errors.As(err, &refusal) || refusal.Code != base.Unavailable {
		t.Errorf("who left the line got %v", err)
	}
	leave()
	if again, err := l.enter(t.Context(), "/a"); err != nil || l.in("/a") != 1 {
		t.Errorf("the line is not free: %v", err)
	} else {
		again()
	}
}

func (l *lines) in(ref base.Ref) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.all[ref]; one != nil {
		return one.waiting
	}
	return 0
}
