package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Node is this machine's part in the consensus.
type Node struct {
	cfg     Config
	log     *eventlog.Log
	clock   *Clock
	store   *store
	machine *fsm
	carrier *carrier
	raft    *raft.Raft
	raftID  string
	queue   *queue
	verify  *verifier
	disk    *gauge

	leadership reigns
	members    atomic.Pointer[configuration]
	changing   chan struct{} // held by the one who changes the membership
	lacking    chan uint64   // see Lacking
	ahead      uint64        // see runAhead; the machine's lock guards it

	snapshotted atomic.Pointer[entryID] // what the newest snapshot stands for
	roomTick    chan struct{}           // the disk was measured
	gaveWay     time.Time               // see giveWayIfFull
	balks       balks                   // see TransferLeadership
	hang        *hang
	recovered   chan struct{} // the disk that hung works again
	committed   chan struct{} // see news
	telling     once

	alive context.Context // until Close
	end   context.CancelFunc
	stop  <-chan struct{} // its end
	tasks sync.WaitGroup
	// asking are the goroutines that wait for answers of Raft. They are apart: what
	// Raft has queued when it is shut down is never answered (a committed entry
	// too, when it waits for the fold), so the last answer has to come before.
	asking sync.WaitGroup

	mu     sync.Mutex
	err    error
	closed bool
	failed chan struct{}
	// maimed is closed when a goroutine of Raft had to be ended (see watchedLog):
	// others of it may wait for that one for ever.
	maimed chan struct{}
}

// Open starts this node's part: it brings the fold up to the event log, opens
// Raft's store, and lets Raft bring what the log lacks. The log stays the
// caller's to close, after the node.
//
// It returns before the node leads; Leadership tells when.
func Open(cfg Config, log *eventlog.Log, fold Folder) (*Node, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := cfg.FS.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("consensus: %w", err)
	}
	n := newNode(cfg, log)
	if n.raftID, err = cfg.raftID(); err != nil {
		return nil, err
	}
	n.measureDisk()
	if err := n.start(fold); err != nil {
		n.end()
		return nil, err
	}
	n.asking.Go(n.runProposer)
	n.asking.Go(n.runLeadership)
	n.tasks.Go(n.runSync)
	n.tasks.Go(n.runDisk)
	n.tasks.Go(n.runAnnouncer)
	n.asking.Go(func() { n.verify.run(n.stop) })
	return n, nil
}

func newNode(cfg Config, log *eventlog.Log) *Node {
	n := &Node{
		cfg: cfg, log: log, queue: newQueue(),
		disk: &gauge{mark: cfg.Disk, dir: cfg.Dir}, roomTick: make(chan struct{}, 1),
		changing: make(chan struct{}, 1), lacking: make(chan uint64, 1), recovered: make(chan struct{}, 1), committed: make(chan struct{}, 1),
		failed: make(chan struct{}), maimed: make(chan struct{}),
	}
	n.alive, n.end = context.WithCancel(context.Background())
	n.stop = n.alive.Done()
	n.clock = n.newClock()
	n.members.Store(&configuration{})
	n.snapshotted.Store(&entryID{})
	n.leadership.set(Leadership{})
	n.verify = newVerifier(func() error { return n.await(n.raft.VerifyLeader()) })
	n.hang = newHang(cfg.HangLimit, n.othersVote, n.diskHangs)
	return n
}

// newClock is guarded unless somebody else makes the time.
func (n *Node) newClock() *Clock {
	last := n.log.Head().Time
	if n.cfg.Now != nil {
		return NewClock(n.cfg.Now, last)
	}
	return newGuardedClock(time.Now, last, func(by time.Duration, followed bool) {
		if followed {
			n.cfg.Logger.Warn("the log's time follows the step of this machine's clock", "step", by)
			return
		}
		n.cfg.Logger.Error("this machine's clock has stepped forward: the log's time goes on without the step unless it lasts; check the time synchronisation",
			"step", by, "patience", stepPatience)
	})
}

// start opens the stores, replays, and starts Raft; on error nothing is left
// open.
func (n *Node) start(fold Folder) error {
	store, err := n.openStore()
	if err != nil {
		return err
	}
	n.store = store
	n.machine = newFSM(n, fold)
	if err := n.catchUp(n.machine); err != nil {
		return errors.Join(err, store.Close())
	}
	if err := n.startRaft(); err != nil {
		return errors.Join(err, store.Close())
	}
	return nil
}

// catchUp brings the event log up to the newest snapshot and the fold up to the
// event log.
func (n *Node) catchUp(m *fsm) error {
	if err := replay(n.log, m.fold); err != nil {
		return err
	}
	if err := n.store.refill(m); err != nil {
		return err
	}
	m.fold.Publish(n.log.Head())
	return nil
}

// replay folds what the fold has not seen.
func replay(log *eventlog.Log, fold Folder) error {
	at := fold.Position()
	if head := log.Head(); at > head.Position {
		return fmt.Errorf("%w: it is at position %d, the log ends at %d; remove the fold's checkpoint, it is made again from the log",
			ErrFoldAhead, at, head.Position)
	}
	for b, err := range log.Read(at) {
		if err != nil {
			return fmt.Errorf("replay the event log: %w", err)
		}
		if b.First <= at {
			return fmt.Errorf("replay the event log: the fold ends at position %d, inside the batch %d to %d", at, b.First, b.Last())
		}
		if err := fold.Fold(b); err != nil {
			return fmt.Errorf("replay the event log: fold position %d: %w", b.First, err)
		}
	}
	return nil
}

// Now is the log time for the next decision: never before the log's last.
func (n *Node) Now() time.Time { return n.clock.Now() }

// Leader names the leader that this node knows of, by its Raft id and the ID of
// its node; empty if none.
func (n *Node) Leader() (raftID, node string) {
	addr, server := n.raft.LeaderWithID()
	if string(server) == n.raftID && n.hang.hanging() {
		return "", ""
	}
	return string(server), string(addr)
}

// RaftID is this node's own Raft id.
func (n *Node) RaftID() string { return n.raftID }

// Full tells whether writes are refused for want of disk space.
func (n *Node) Full() bool { return n.disk.full.Load() }

// Snapshot makes Raft take one now, so that the next start is short. With
// nothing new it does nothing.
func (n *Node) Snapshot(ctx context.Context) error {
	err := n.ask(ctx, func() error { return n.raft.Snapshot().Error() })
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	return err
}

// ask runs what waits for an answer of Raft and gives it up with ctx.
func (n *Node) ask(ctx context.Context, wait func() error) error {
	done := make(chan error, 1)
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return ErrClosed
	}
	n.asking.Go(func() { done <- wait() })
	n.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Failed is closed when a fault of this node ended its part; see Err. The
// process should end; reads may go on until then.
func (n *Node) Failed() <-chan struct{} { return n.failed }

// Err is the fault that closed Failed, or nil.
func (n *Node) Err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// fail ends this node's part once and gives back the fault as a proposer's
// answer: the entry is committed, and a restart applies it.
func (n *Node) fail(err error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		n.err = err
		n.cfg.Logger.Error("this node's part in the consensus has ended", "error", err)
		n.leadership.set(Leadership{})
		close(n.failed)
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

func (n *Node) closedError() error {
	if err := n.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return ErrClosed
}

// Close ends this node's part, waits for its goroutines, and syncs the event
// log. What waits gets ErrClosed; what Raft has in hand is answered first.
func (n *Node) Close() error {
	n.mu.Lock()
	closed := n.closed
	n.closed = true
	n.mu.Unlock()
	if closed {
		return nil
	}
	n.end()
	n.awaitAnswers()
	err := n.raft.Shutdown().Error()
	n.tasks.Wait()
	if n.Err() == nil {
		err = errors.Join(err, n.log.Sync())
	}
	return errors.Join(err, n.store.Close())
}

// awaitAnswers waits for those who wait for Raft, which answers even when the
// node has failed; but not when it is maimed.
func (n *Node) awaitAnswers() {
	done := make(chan struct{})
	go func() {
		n.asking.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-n.maimed:
	}
}
