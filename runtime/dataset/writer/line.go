package writer

import (
	"context"
	"sync"

	"github.com/picloud/picloud/gen/base"
)

// lines let one change of each dataset pass at a time.
type lines struct {
	most int
	mu   sync.Mutex
	all  map[base.Ref]*line
}

type line struct {
	pass    chan struct{} // holds a token while nobody passes
	waiting int           // those in line and the one that passes
}

// enter waits for its turn; leave ends it.
func (l *lines) enter(ctx context.Context, ref base.Ref) (leave func(), err error) {
	l.mu.Lock()
	one := l.all[ref]
	if one == nil {
		one = &line{pass: make(chan struct{}, 1)}
		one.pass <- struct{}{}
		l.all[ref] = one
	}
	if one.waiting > l.most {
		l.mu.Unlock()
		return nil, &base.Error{Code: base.Unavailable, Ref: ref, RetryAfter: 1, Detail: "too many changes of this dataset wait for each other; try again"}
	}
	one.waiting++
	l.mu.Unlock()
	select {
	case <-one.pass:
		return func() {
			one.pass <- struct{}{}
			l.quit(ref, one)
		}, nil
	case <-ctx.Done():
		l.quit(ref, one)
		if cause := context.Cause(ctx); cause != ctx.Err() { // somebody said why
			return nil, cause
		}
		return nil, &base.Error{Code: base.Unavailable, Ref: ref, RetryAfter: 1, Detail: "the request ended while it waited for other changes of this dataset; nothing was changed"}
	}
}

// quit forgets a line that nobody is in.
func (l *lines) quit(ref base.Ref, one *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.waiting--; one.waiting == 0 {
		delete(l.all, ref)
	}
}
