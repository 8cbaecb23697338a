package consensus_test

import (
	"testing"
	"time"
)

// A leader whose fold is held up shows less than followers do: a read barrier
// waits until it shows what they showed.
func TestReadBarrierWaitsForWhatFollowersShow(t *testing.T) {
	g := form(t, 3, nil)
	g.write(1)
	leader := g.leader()
	d, follower := leader.proposer(), g.nodes[g.other(leader)]
	leader.fold.mu.Lock()
	held := true
	release := func() {
		if held {
			held = false
			leader.fold.mu.Unlock()
		}
	}
	t.Cleanup(release)
	written := d.submit(1, []byte("x"))
	shown := d.basis
	g.wait("a follower shows it", func() bool { return follower.fold.Position() >= shown })

	passed := make(chan error, 1)
	go func() { passed <- leader.node.ReadBarrier(testContext(t), d.term) }()
	select {
	case err := <-passed:
		t.Fatalf("the barrier was passed (%v) before the leader showed position %d", err, shown)
	case <-time.After(300 * time.Millisecond):
	}
	release()
	if err := <-passed; err != nil {
		t.Fatal(err)
	}
	if at := leader.fold.Position(); at < shown {
		t.Errorf("behind the barrier the leader shows %d, a follower showed %d", at, shown)
	}
	if err := written.Err(); err != nil {
		t.Error(err)
	}
}
