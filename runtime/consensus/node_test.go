package consensus_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

// fold is a Folder that can be compared: a digest over all it was given.
type fold struct {
	mu        sync.Mutex
	position  uint64
	digest    [sha256.Size]byte
	published uint64
	payloads  [][]byte
	forget    bool
	fail      error
}

func (f *fold) Position() uint64 { f.mu.Lock(); defer f.mu.Unlock(); return f.position }

func (f *fold) Fold(b eventlog.Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	if b.First != f.position+1 && b.First != eventlog.Generation(b.First)<<eventlog.GenerationBits+1 {
		return fmt.Errorf("batch at %d after position %d", b.First, f.position)
	}
	f.position = b.Last()
	f.digest = sha256.Sum256(append(f.digest[:], b.Payload...))
	if !f.forget {
		f.payloads = append(f.payloads, b.Payload)
	}
	return nil
}

func (f *fold) Publish(h eventlog.Head) { f.mu.Lock(); f.published = h.Position; f.mu.Unlock() }

func (f *fold) state() (position, published uint64, digest [sha256.Size]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.position, f.published, f.digest
}

// cluster is one running node and what it stands on.
type cluster struct {
	t    testing.TB
	dir  string
	log  *eventlog.Log
	fold *fold
	node *consensus.Node
}

func start(t testing.TB, dir string, change ...func(*consensus.Config)) *cluster {
	t.Helper()
	c, err := open(dir, &fold{}, change...)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	t.Cleanup(c.stop)
	return c
}

func open(dir string, f *fold, change ...func(*consensus.Config)) (*cluster, error) {
	log, err := eventlog.Open(eventlog.Config{Dir: filepath.Join(dir, "events")})
	if err != nil {
		return nil, err
	}
	cfg := consensus.Config{Dir: filepath.Join(dir, "raft"), ID: "n1", Bootstrap: true}
	for _, ch := range change {
		ch(&cfg)
	}
	node, err := consensus.Open(cfg, log, f)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return &cluster{dir: dir, log: log, fold: f, node: node}, nil
}

func (c *cluster) stop() {
	if err := errors.Join(c.node.Close(), c.log.Close()); err != nil {
		c.t.Error(err)
	}
}

// lead waits until the node leads and gives the term.
func (c *cluster) lead(ctx context.Context) uint64 {
	for {
		l, changed := c.node.Leadership()
		if l.Leading {
			return l.Term
		}
		select {
		case <-changed:
		case <-ctx.Done():
			c.t.Fatal("the node does not lead")
		}
	}
}

// decider hands out consecutive bases, as the front door does.
type decider struct {
	mu    sync.Mutex
	node  *consensus.Node
	term  uint64
	basis uint64
}

func (d *decider) submit(count int, payload []byte) *consensus.Future {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.node.Submit(consensus.Batch{Term: d.term, Basis: d.basis, Time: d.node.Now(), Count: count, Payload: payload})
	d.basis += uint64(count)
	return f
}

func (d *decider) confirm() *consensus.Future {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.node.Confirm(d.term, d.basis)
}

func (c *cluster) decider() *decider {
	return &decider{node: c.node, term: c.lead(testContext(c.t)), basis: c.log.Head().Position}
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestCommittedBatchIsLoggedFoldedPublishedThenAnswered(t *testing.T) {
	c := start(t, t.TempDir())
	d := c.decider()
	for i := range 10 {
		f := d.submit(2, fmt.Appendf(nil, "decision %d", i))
		first, err := f.Wait(testContext(t))
		if err != nil || first != uint64(2*i+1) {
			t.Fatalf("decision %d: position %d, %v", i, first, err)
		}
		if folded, published, _ := c.fold.state(); folded != first+1 || published != first+1 {
			t.Fatalf("answered at %d, folded %d, published %d", first, folded, published)
		}
		b, err := c.log.ReadAt(first)
		if err != nil || !bytes.Equal(b.Payload, fmt.Appendf(nil, "decision %d", i)) {
			t.Fatalf("logged %q, %v", b.Payload, err)
		}
	}
}

func TestConcurrentDecisionsKeepTheirOrder(t *testing.T) {
	c := start(t, t.TempDir())
	d := c.decider()
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 50 {
				f := d.submit(1, fmt.Appendf(nil, "%d/%d", w, i))
				if err := f.Err(); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				b, err := c.log.ReadAt(f.Position())
				if err != nil || string(b.Payload) != fmt.Sprintf("%d/%d", w, i) {
					t.Errorf("position %d holds %q, %v", f.Position(), b.Payload, err)
				}
				if i%10 == 0 {
					if err := c.node.VerifyLeader(testContext(t)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if head, err := c.log.Verify(testContext(t)); err != nil || head.Position != 800 {
		t.Fatalf("head %d, %v", head.Position, err)
	}
}

func TestDecisionOnAnotherBasisIsStale(t *testing.T) {
	c := start(t, t.TempDir())
	d := c.decider()
	if err := d.submit(3, []byte("a")).Err(); err != nil {
		t.Fatal(err)
	}
	now := c.node.Now()
	for _, tc := range []struct {
		name string
		b    consensus.Batch
	}{
		{"older basis", consensus.Batch{Term: d.term, Basis: 2, Time: now, Count: 1}},
		{"newer basis", consensus.Batch{Term: d.term, Basis: 4, Time: now, Count: 1}},
		{"older term", consensus.Batch{Term: d.term - 1, Basis: 3, Time: now, Count: 1}},
		{"time before the log's", consensus.Batch{Term: d.term, Basis: 3, Time: now.Add(-time.Hour), Count: 1}},
	} {
		if err := c.node.Submit(tc.b).Err(); !errors.Is(err, consensus.ErrStale) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if err := c.node.Confirm(d.term, 2).Err(); !errors.Is(err, consensus.ErrStale) {
		t.Errorf("confirmation: %v", err)
	}
	if at := c.log.Head().Position; at != 3 {
		t.Errorf("the log moved to %d", at)
	}
}

func TestDecisionsAfterAStaleOneAreStale(t *testing.T) {
	c := start(t, t.TempDir())
	d := c.decider()
	d.basis = 7
	for range 3 {
		if err := d.submit(1, nil).Err(); !errors.Is(err, consensus.ErrStale) {
			t.Fatal(err)
		}
	}
}

func TestConfirmationWaitsForItsBasis(t *testing.T) {
	c := start(t, t.TempDir())
	d := c.decider()
	write := d.submit(1, []byte("x"))
	read := d.confirm()
	if err := read.Err(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-write.Done():
	default:
		t.Error("confirmed before its basis was folded")
	}
}

func TestBoundsAreRefused(t *testing.T) {
	c := start(t, t.TempDir())
	d := c.decider()
	if err := d.submit(1, make([]byte, consensus.MaxBatch+1)).Err(); !errors.Is(err, consensus.ErrTooLarge) {
		t.Error(err)
	}
	if err := d.submit(0, nil).Err(); err == nil {
		t.Error("a batch without events was accepted")
	}
}

func TestLargestBatchIsCommitted(t *testing.T) {
	c := start(t, t.TempDir())
	d := c.decider()
	if err := d.submit(1, make([]byte, consensus.MaxBatch)).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestNodeContinuesAfterARestart(t *testing.T) {
	dir := t.TempDir()
	var want [sha256.Size]byte
	for round := range 3 {
		c, err := open(dir, &fold{})
		if err != nil {
			t.Fatal(err)
		}
		c.t = t
		if _, _, got := c.fold.state(); got != want {
			t.Errorf("round %d: the fold differs after the restart", round)
		}
		d := c.decider()
		for i := range 20 {
			if err := d.submit(1, fmt.Appendf(nil, "%d-%d", round, i)).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if round == 1 {
			if err := c.node.Snapshot(testContext(t)); err != nil {
				t.Fatal(err)
			}
		}
		_, _, want = c.fold.state()
		c.stop()
	}
}

func TestClosedNodeAnswersEverything(t *testing.T) {
	c, err := open(t.TempDir(), &fold{})
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	d := c.decider()
	var futures []*consensus.Future
	for range 500 {
		futures = append(futures, d.submit(1, make([]byte, 1000)))
	}
	c.stop()
	for _, f := range append(futures, d.submit(1, nil), d.confirm()) {
		if err := f.Err(); err != nil && !errors.Is(err, consensus.ErrClosed) && !errors.Is(err, consensus.ErrUncertain) &&
			!errors.Is(err, consensus.ErrNotLeader) && !errors.Is(err, consensus.ErrStale) {
			t.Fatal(err)
		}
	}
	if err := c.node.VerifyLeader(testContext(t)); err == nil {
		t.Error("a closed node verified its leadership")
	}
}
