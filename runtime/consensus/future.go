package consensus

import (
	"context"
	"time"
)

// Batch is one decision on its way into the log.
type Batch struct {
	Term    uint64    // the Leadership it was decided under
	Basis   uint64    // position after which it stands: the log's, plus all batches submitted before it
	Time    time.Time // log time of the decision, from Node.Now
	Count   int       // number of events, at least 1
	Payload []byte    // the events, encoded; not changed after Submit
}

// Future is the answer that a submitted batch will get.
type Future struct {
	batch Batch
	done  chan struct{}
	first uint64
	err   error
}

func newFuture(b Batch) *Future { return &Future{batch: b, done: make(chan struct{})} }

func failedFuture(b Batch, err error) *Future {
	f := newFuture(b)
	f.resolve(0, err)
	return f
}

func (f *Future) resolve(first uint64, err error) {
	f.first, f.err = first, err
	close(f.done)
}

// Done is closed when the answer stands: after the batch was published on this
// node, or when it failed.
func (f *Future) Done() <-chan struct{} { return f.done }

// Position is, once Done, where the batch's first event stands; 0 after an
// error. For a confirmation it is the position after the basis.
func (f *Future) Position() uint64 { <-f.done; return f.first }

// Err is, once Done, nil or one of the errors that begin with Err.
func (f *Future) Err() error { <-f.done; return f.err }

// Wait waits for the answer. If ctx ends first the batch goes on regardless;
// its fate can still be learned from the Future.
func (f *Future) Wait(ctx context.Context) (first uint64, err error) {
	select {
	case <-f.done:
		return f.first, f.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}
