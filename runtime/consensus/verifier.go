package consensus

import (
	"context"
	"fmt"
	"sync"
)

// verifier shares rounds of "am I still the leader?": whoever arrives joins the
// next round to begin, so that round is asked after the arrival.
type verifier struct {
	ask  func() error
	wake chan struct{}

	mu      sync.Mutex
	waiting []*Future
	closed  bool
}

func newVerifier(ask func() error) *verifier {
	return &verifier{ask: ask, wake: make(chan struct{}, 1)}
}

// join answers f after a round that has yet to begin.
func (v *verifier) join(f *Future) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		f.resolve(0, ErrClosed)
		return
	}
	v.waiting = append(v.waiting, f)
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *verifier) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			v.close()
			return
		case <-v.wake:
		}
		v.round()
	}
}

func (v *verifier) round() {
	v.mu.Lock()
	joined := v.waiting
	v.waiting = nil
	v.mu.Unlock()
	if len(joined) == 0 {
		return
	}
	err := v.ask()
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNotLeader, err)
	}
	for _, f := range joined {
		if err != nil {
			f.resolve(0, err)
		} else {
			f.resolve(f.batch.Basis+1, nil)
		}
	}
}

func (v *verifier) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for _, f := range v.waiting {
		f.resolve(0, ErrClosed)
	}
	v.waiting = nil
}

// VerifyLeader returns nil if this node was the leader at some moment after the
// call: a majority said so. Calls share rounds. A linearizable read needs it
// besides an open Leadership and its own folded position.
func (n *Node) VerifyLeader(ctx context.Context) error {
	f := newFuture(Batch{})
	n.verify.join(f)
	_, err := f.Wait(ctx)
	return err
}
