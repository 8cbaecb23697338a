package consensus_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
)

func TestAllNodesHoldTheSameInOrder(t *testing.T) {
	for _, n := range []int{3, 5} {
		g := form(t, n, nil)
		g.write(100)
		g.converge()
		servers, index, err := g.leader().node.Servers()
		if err != nil || index == 0 || len(servers) != n {
			t.Fatal(servers, index, err)
		}
		for _, s := range servers {
			if !s.Voter {
				t.Errorf("%s does not vote", s.ID)
			}
		}
		g.stopAll()
	}
}

func TestBatchOfADeposedLeaderIsNowhere(t *testing.T) {
	g := form(t, 3, nil)
	g.write(5)
	old := g.leader()
	stale := old.proposer()
	g.wires.isolate(g.id(old))
	lost := stale.submit(1, []byte("of the deposed leader"))
	g.wait("nobody else leads", func() bool {
		for _, c := range g.nodes {
			if l, _ := c.node.Leadership(); l.Leading && c != old {
				return true
			}
		}
		return false
	})
	if err := lost.Err(); !errors.Is(err, consensus.ErrUncertain) && !errors.Is(err, consensus.ErrNotLeader) {
		t.Fatalf("answered %v", err)
	}
	g.write(5)
	g.wires.isolate()
	g.converge()
	for b, err := range old.log.Read(0) {
		if err != nil || string(b.Payload) == "of the deposed leader" {
			t.Fatal(string(b.Payload), err)
		}
	}
	if err := stale.submit(1, nil).Err(); !errors.Is(err, consensus.ErrNotLeader) && !errors.Is(err, consensus.ErrStale) {
		t.Fatal(err)
	}
}

func TestLeadershipIsHandedOver(t *testing.T) {
	g := form(t, 3, nil)
	g.write(3)
	g.converge()
	old := g.leader()
	to := g.other(old)
	if err := old.node.TransferLeadership(testContext(t), g.nodes[to].node.RaftID()); err != nil {
		t.Fatal(err)
	}
	if got := g.leader(); g.id(got) != to {
		t.Fatalf("%s leads, not %s", g.id(got), to)
	}
	if err := g.leader().node.TransferLeadership(testContext(t), "nobody"); !errors.Is(err, consensus.ErrMember) {
		t.Error(err)
	}
	g.write(3)
	g.converge()
	if raftID, _ := old.node.LeaderContact(); raftID != to {
		t.Errorf("the former leader follows %q", raftID)
	}
}

// Raft would wait for it, and let nobody write meanwhile.
func TestWritesGoOnWhenASilentServerIsToLead(t *testing.T) {
	g := form(t, 3, nil)
	g.write(3)
	g.converge()
	leader := g.leader()
	silent := g.other(leader)
	g.stop(silent)
	g.write(3) // what it lacks
	for range 3 {
		if err := leader.node.TransferLeadership(testContext(t), silent); err == nil {
			t.Fatal("the silent server took it over")
		}
	}
	g.wait("nobody can write", func() bool { return g.leader().proposer().submit(1, nil).Err() == nil })
	g.wait("it is asked although it is silent", func() bool {
		return errors.Is(leader.node.TransferLeadership(testContext(t), silent), consensus.ErrSilent)
	})
	if err := leader.node.TransferLeadership(testContext(t), ""); err != nil {
		t.Error("to the one that answers:", err)
	}
	g.write(3)
}

func TestLearnerFollowsAndDoesNotVote(t *testing.T) {
	g := form(t, 1, nil)
	g.start("n2", false)
	g.write(20)
	g.add("n2")
	g.converge()
	leader := g.leader().node
	if err := leader.AddLearner(testContext(t), "n2"); !errors.Is(err, consensus.ErrMember) {
		t.Error(err)
	}
	if err := leader.Demote(testContext(t), "n2"); !errors.Is(err, consensus.ErrMember) {
		t.Error(err)
	}
	g.wait("the leader does not know how far the learner is", func() bool {
		peers := leader.Stats().Peers
		return len(peers) == 1 && peers[0].LastIndex == leader.Stats().LastIndex && !peers[0].Voter
	})
	g.stop("n2")
	g.write(3) // it is not needed for a majority
}

func TestRemovedLeaderStepsDown(t *testing.T) {
	g := form(t, 3, nil)
	old := g.leader()
	if err := old.node.Remove(testContext(t), old.node.RaftID()); err != nil {
		t.Fatal(err)
	}
	g.wait("the removed leader leads", func() bool { l, _ := old.node.Leadership(); return !l.Leading })
	g.write(5)
	if servers, _, _ := g.leader().node.Servers(); len(servers) != 2 {
		t.Error(servers)
	}
	if err := old.node.Remove(testContext(t), old.node.RaftID()); !errors.Is(err, consensus.ErrNotLeader) {
		t.Error(err)
	}
}

func TestDemotedNodeFollows(t *testing.T) {
	g := form(t, 3, nil)
	id := g.other(g.leader())
	g.retry("demote", func(ctx ctx, n *consensus.Node) error { return n.Demote(ctx, id) })
	g.write(5)
	g.converge()
}

func TestAllNodesStartAgain(t *testing.T) {
	g := form(t, 3, busyCluster)
	for range 3 {
		g.write(50)
		want := g.leader().log.Head().Position
		g.stopAll()
		for i := 1; i <= 3; i++ {
			g.start(fmt.Sprintf("n%d", i), false)
		}
		if got := g.leader().log.Head().Position; got < want {
			t.Fatalf("%d of %d acknowledged", got, want)
		}
	}
	g.converge()
}

// The members are known after a start also when a snapshot stands for all that
// was said of them: who leads can change them.
func TestMembersCanBeChangedAfterAStartFromSnapshots(t *testing.T) {
	g := form(t, 3, busyCluster)
	for range 60 { // in steps: a follower that falls behind the short log lacks entries, and takes no snapshot until it is given them
		g.write(5)
		g.converge()
	}
	g.wait("a node takes no snapshot", func() bool {
		for _, c := range g.nodes {
			// the last entries may be too few for one by itself
			if err := c.node.Snapshot(testContext(t)); err != nil {
				return false
			}
			if s, err := c.node.Standing(testContext(t)); err != nil || s.Position < 250 {
				return false
			}
		}
		return true
	})
	g.stopAll()
	for i := 1; i <= 3; i++ {
		g.start(fmt.Sprintf("n%d", i), false)
	}
	g.write(3)
	for _, change := range []func(n *consensus.Node, id string) error{ // a demoted one could not lead
		func(n *consensus.Node, id string) error { return n.TransferLeadership(testContext(t), id) },
		func(n *consensus.Node, id string) error { return n.Demote(testContext(t), id) },
	} {
		g.wait("the members cannot be changed", func() bool {
			leader := g.leader()
			err := change(leader.node, g.other(leader))
			if errors.Is(err, consensus.ErrMember) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
}

// A snapshot tells of former members only, and whoever started from it would take
// itself for the only one: what Raft's log holds of later ones counts.
func TestMembersAfterAnOldSnapshotAreThoseOfTheLog(t *testing.T) {
	g := form(t, 1, nil)
	g.write(3)
	if err := g.nodes["n1"].node.Snapshot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"n2", "n3"} {
		g.start(id, false)
		g.add(id)
		g.promote(id)
	}
	g.write(3)
	g.stopAll()
	again := g.start("n1", false) // alone: nobody says what is committed
	if servers, _, err := again.node.Servers(); err != nil || len(servers) != 3 {
		t.Errorf("it knows of %v, %v", servers, err)
	}
}

// busyCluster takes snapshots often and keeps little of Raft's log.
func busyCluster(_ string, c *consensus.Config) { busy(c) }

func TestNodeThatWasAwayTooLongTakesInWhatOthersFetch(t *testing.T) {
	g := form(t, 3, busyCluster)
	away := g.other(g.leader())
	g.stop(away)
	g.write(300)
	g.wait("Raft's log is not cut", func() bool { s, err := g.leader().node.Standing(testContext(t)); return err == nil && s.Position > 250 })
	back := g.start(away, false)
	before := back.log.Head().Position
	var missed uint64
	select {
	case missed = <-back.node.Lacking():
	case <-testContext(t).Done():
		t.Fatal("nothing is said to be lacking")
	}
	if missed <= before {
		t.Fatalf("it lacks %d and has %d", missed, before)
	}
	g.fetch(back, missed)
	g.converge()
	if err := back.node.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestFetchedEventsDoNotLookLikeALostRaftStore(t *testing.T) {
	g := form(t, 3, nil)
	away := g.other(g.leader())
	g.converge()
	g.wires.isolate(away)
	g.write(20)
	g.fetch(g.nodes[away], g.leader().log.Head().Position)
	for range 2 {
		g.stop(away)
		g.start(away, false)
	}
	g.wires.isolate()
	g.write(3)
	g.converge()
}

// fetch brings a node's log up to position from the leader's, as a puller would.
func (g *group) fetch(to *cluster, position uint64) {
	g.t.Helper()
	var entry []eventlog.Batch
	accept := func() {
		if len(entry) > 0 {
			if err := to.node.Accept(testContext(g.t), entry[0].Index, entry); err != nil {
				g.t.Fatal(err)
			}
		}
		entry = nil
	}
	for b, err := range g.leader().log.Read(to.log.Head().Position) {
		if err != nil {
			g.t.Fatal(err)
		}
		if len(entry) > 0 && entry[0].Index != b.Index {
			accept()
		}
		if len(entry) == 0 && b.First > position {
			return
		}
		entry = append(entry, b)
	}
	accept()
}

func TestAcceptedBatchesContinueTheLog(t *testing.T) {
	g := form(t, 2, nil)
	g.write(10)
	g.converge()
	c := g.nodes["n2"]
	head := c.log.Head()
	b, err := c.log.ReadAt(head.Position)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.node.Accept(testContext(t), b.Index, []eventlog.Batch{b}); err != nil {
		t.Errorf("what is there is not passed over: %v", err)
	}
	for name, change := range map[string]func(*eventlog.Batch){
		"a gap":          func(b *eventlog.Batch) { b.First++ },
		"an older place": func(b *eventlog.Batch) { b.First-- },
		"another digest": func(b *eventlog.Batch) { b.First = head.Position + 1; b.Digest[0] ^= 1 },
		"no digest":      func(b *eventlog.Batch) { b.First = head.Position + 1; b.Digest = eventlog.Digest{} },
	} {
		wrong := b
		change(&wrong)
		if err := c.node.Accept(testContext(t), head.Index+1000, []eventlog.Batch{wrong}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if c.log.Head() != head || c.node.Err() != nil {
		t.Error("a refused batch changed something", c.node.Err())
	}
	g.write(3)
	g.converge()
}

func TestSeededNodeJoinsWhereItStands(t *testing.T) {
	g := form(t, 1, func(_ string, c *consensus.Config) { busy(c); c.TrailingLogs = 100 })
	g.write(200)
	at, err := g.leader().node.Standing(testContext(t))
	if err != nil || at.Position == 0 {
		t.Fatal(at, err)
	}
	cfg := g.config("n2", false)
	log, err := g.openLog("n2", cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := consensus.Seed(cfg, log, at); !errors.Is(err, consensus.ErrLogLost) {
		t.Errorf("seeded on an empty log: %v", err)
	}
	for b, err := range g.leader().log.Read(0) { // more than it is seeded for
		if err == nil {
			_, err = log.Append(b.Index, []eventlog.Batch{b})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := consensus.Seed(cfg, log, at); err != nil {
		t.Fatal(err)
	}
	if err := consensus.Seed(cfg, log, at); !errors.Is(err, consensus.ErrFormed) {
		t.Errorf("seeded twice: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	g.start("n2", false)
	g.write(50)
	g.add("n2")
	g.promote("n2")
	g.write(5)
	g.converge()
}

func TestLostRaftStoreReturnsAsAnotherIncarnation(t *testing.T) {
	g := form(t, 3, nil)
	g.write(20)
	g.converge()
	id := g.other(g.leader())
	g.stop(id)
	if err := os.RemoveAll(filepath.Join(g.dir, id, "raft")); err != nil {
		t.Fatal(err)
	}
	if _, err := g.open(id, false); !errors.Is(err, consensus.ErrRaftLost) {
		t.Fatal(err)
	}
	raftID, err := consensus.Renew(g.config(id, false), 3)
	if err != nil || raftID != id+"/4" || consensus.NodeOf(raftID) != id || consensus.IncarnationOf(raftID) != 4 {
		t.Fatal(raftID, err)
	}
	at, err := g.leader().node.Standing(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	g.seed(id, at)
	g.start(id, false)
	g.retry("add beside its predecessor", func(ctx ctx, n *consensus.Node) error {
		if err := n.AddLearner(ctx, raftID); !errors.Is(err, consensus.ErrMember) {
			return fmt.Errorf("added: %w", err)
		}
		return nil
	})
	g.retry("remove the predecessor", func(ctx ctx, n *consensus.Node) error { return n.Remove(ctx, id) })
	g.add(id)
	g.promote(id)
	g.write(5)
	g.converge()
}

// seed gives a stopped node a Raft store for the log that it has.
func (g *group) seed(id string, at consensus.Standing) {
	g.t.Helper()
	cfg := g.config(id, false)
	log, err := g.openLog(id, cfg)
	if err == nil {
		err = errors.Join(consensus.Seed(cfg, log, at), log.Close())
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

func TestRenewedNodeDoesNotVoteInItsPredecessorsPlace(t *testing.T) {
	g := form(t, 3, nil)
	g.write(5)
	g.converge()
	leader := g.leader()
	led, lost := g.id(leader), g.other(leader)
	g.stop(lost)
	g.write(5) // acknowledged by the leader and the third
	if err := os.RemoveAll(filepath.Join(g.dir, lost)); err != nil {
		t.Fatal(err)
	}
	if _, err := consensus.Renew(g.config(lost, false), 0); err != nil {
		t.Fatal(err)
	}
	g.start(lost, false)
	g.stop(led)
	g.never("a majority was made of one that forgot", func() bool {
		for _, c := range g.nodes {
			if l, _ := c.node.Leadership(); l.Leading {
				return true
			}
		}
		return false
	})
	g.start(led, false)
	g.write(3)
}

func TestRecoveredNodeIsAloneInANewGeneration(t *testing.T) {
	g := form(t, 3, nil)
	g.write(30)
	g.converge()
	g.stopAll()
	cfg := g.config("n2", false)
	log, err := g.openLog("n2", cfg)
	if err != nil {
		t.Fatal(err)
	}
	raftID, err := consensus.Recover(cfg, log)
	if err != nil || raftID != "n2/1" {
		t.Fatal(raftID, err)
	}
	if got := log.Head().Position; got != 1<<eventlog.GenerationBits {
		t.Fatalf("positions go on after %d", got)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	g.start("n2", false)
	g.write(5)
	alone := g.nodes["n2"]
	head := alone.log.Head()
	reign, _ := alone.node.Leadership()
	g.start("n1", false) // they know nothing of it
	g.start("n3", false)
	former := map[string]*cluster{"n1": g.nodes["n1"], "n3": g.nodes["n3"]}
	for committed := 0; committed < 3; { // among themselves, they are a majority
		for _, c := range former {
			if c.proposer().submit(1, []byte("of the former generation")).Err() == nil {
				committed++
			}
		}
	}
	if got := alone.log.Head(); got != head || alone.node.Err() != nil {
		t.Fatalf("the recovered node was changed: %+v, %v", got, alone.node.Err())
	}
	if got, _ := alone.node.Leadership(); got != reign {
		t.Fatalf("the recovered node was deposed: %+v, it was %+v", got, reign)
	}
	g.stop("n1")
	g.stop("n3")
	if _, err := consensus.Renew(g.config("n1", false), 0); err != nil {
		t.Fatal(err)
	}
	at, err := alone.node.Standing(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(g.dir, "n1", "events")); err != nil { // it went its own way
		t.Fatal(err)
	}
	if log, err = g.openLog("n1", cfg); err != nil {
		t.Fatal(err)
	}
	for b, err := range alone.log.Read(log.Head().Position) {
		if err == nil {
			_, err = log.Append(b.Index, []eventlog.Batch{b})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	g.seed("n1", at)
	g.start("n1", false)
	g.add("n1")
	g.promote("n1")
	g.write(3)
	g.converge()
}

func TestKilledLeaderIsReplaced(t *testing.T) {
	kills := 3
	if os.Getenv("PICLOUD_LONG") == "1" {
		kills = 50
	}
	g := form(t, 3, nil)
	var gaps []time.Duration
	for range kills {
		g.write(3)
		g.converge()
		old := g.leader()
		id := g.id(old)
		g.ends[id].Close() // as the end of a process does to its streams
		begin := time.Now()
		delete(g.nodes, id)
		g.write(1)
		gaps = append(gaps, time.Since(begin))
		old.stop()
		g.start(id, false)
	}
	slices.Sort(gaps)
	t.Logf("%d kills of the leader; until the next commit p50 %s, p95 %s, longest %s",
		kills, gaps[kills/2], gaps[kills*95/100], gaps[kills-1])
}

func TestOversizeMessageEndsItsStreamOnly(t *testing.T) {
	g := form(t, 2, nil)
	conn, err := net.Dial("tcp", g.wires.at["n1"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	message := append([]byte{0}, "\x81\xa7Entries\x91\x81\xa4Data\xc6\x7f\xff\xff\xff"...) // 2 GiB of MessagePack follow
	for err == nil {
		_, err = conn.Write(message)
		message = make([]byte, 1<<20)
	}
	g.write(3)
	g.converge()
}

func TestGarbageEndsItsStreamOnly(t *testing.T) {
	g := form(t, 2, nil)
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "\x00\xc1", "\x02\x80", "\x03\x80", "\x04\x80", "\x00\x80", "\xff"} {
		conn, err := net.Dial("tcp", g.wires.at["n1"])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(garbage)); err != nil {
			t.Fatal(err)
		}
		conn.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%q: %v", garbage, err)
		}
		conn.Close()
	}
	g.write(3)
	g.converge()
}
