package consensus_test

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

// slow is a disk that can be made to stand still until some moment.
type slow struct{ until atomic.Int64 }

func (s *slow) stand(d time.Duration) { s.until.Store(time.Now().Add(d).UnixNano()) }

func (s *slow) disk(seed uint64) *faulty.Disk {
	d := faulty.New(rand.New(rand.NewPCG(seed, 1)))
	d.Stall = func(faulty.Op, string) time.Duration { return time.Until(time.Unix(0, s.until.Load())) }
	return d
}

// formSlow is form on disks that can stand still.
func formSlow(t *testing.T, change func(*consensus.Config)) (*group, map[string]*slow) {
	stalls, disks := map[string]*slow{}, map[string]*faulty.Disk{}
	g := form(t, 3, func(id string, c *consensus.Config) {
		if stalls[id] == nil {
			stalls[id] = &slow{}
			disks[id] = stalls[id].disk(1)
		}
		c.FS = disks[id]
		change(c)
	})
	return g, stalls
}

func TestStalledDiskCausesNoElection(t *testing.T) {
	g, stalls := formSlow(t, func(*consensus.Config) {})
	leader := g.leader()
	before, _ := leader.node.Leadership()
	for _, id := range []string{g.id(leader), g.other(leader)} {
		d := leader.proposer()
		stalls[id].stand(500 * time.Millisecond)
		for range 20 {
			if err := d.submit(1, []byte("x")).Err(); err != nil {
				t.Fatalf("the disk of %s stood still: %v", id, err)
			}
		}
	}
	if after, _ := leader.node.Leadership(); after != before {
		t.Errorf("the leadership was %+v and is %+v", before, after)
	}
}

func TestLeaderWhoseEventLogHangsGivesWay(t *testing.T) {
	var hangs atomic.Value
	hangs.Store("")
	released := make(chan struct{})
	g := form(t, 3, func(id string, c *consensus.Config) {
		d := faulty.New(rand.New(rand.NewPCG(1, 1)))
		d.Stall = func(op faulty.Op, path string) time.Duration {
			if op == faulty.OpWrite && strings.Contains(path, "/"+hangs.Load().(string)+"/events/") {
				<-released
			}
			return 0
		}
		c.FS, c.HangLimit = d, 300*time.Millisecond
	})
	g.write(5)
	old := g.leader()
	hangs.Store(g.id(old))
	if err := old.proposer().submit(1, []byte("hung")).Err(); !errors.Is(err, consensus.ErrUncertain) {
		t.Errorf("a write that hangs is answered %v", err)
	}
	g.write(5)
	if g.leader() == old {
		t.Error("the node whose event log hangs leads")
	}
	hangs.Store("")
	close(released)
	g.converge()
}

func TestLeaderWithAHungDiskGivesWay(t *testing.T) {
	hangs, limit := 4*time.Second, 400*time.Millisecond
	if os.Getenv("PICLOUD_LONG") == "1" {
		hangs, limit = time.Minute, 2*time.Second
	}
	g, stalls := formSlow(t, func(c *consensus.Config) { c.HangLimit = limit })
	g.write(5)
	old := g.leader()
	id := g.id(old)
	reign, changed := old.node.Leadership()
	d := old.proposer()
	stalls[id].stand(hangs)
	begin, over := time.Now(), time.After(hangs)
	hung := d.submit(1, []byte("hung"))
	if err := hung.Err(); !errors.Is(err, consensus.ErrUncertain) {
		t.Fatalf("a write that hangs is answered %v", err)
	}
	<-changed
	if leads, _ := old.node.Leader(); leads == old.node.RaftID() {
		t.Error("a node whose disk hangs takes itself for the leader")
	}
	if err := d.submit(1, nil).Err(); !errors.Is(err, consensus.ErrNotLeader) {
		t.Errorf("the next write is answered %v", err)
	}
	g.write(5)
	t.Logf("others lead and commit %s after the disk began to hang", time.Since(begin))
	next := g.leader()
	if next == old {
		t.Fatal("the node whose disk hangs leads")
	}
	<-over
	g.converge()
	if after, _ := next.node.Leadership(); after.Term > reign.Term+2 {
		t.Errorf("one hang cost the terms %d to %d", reign.Term, after.Term)
	}
}

func TestOnlyVoterOnASlowDiskStandsForElectionOnce(t *testing.T) {
	d := faulty.New(rand.New(rand.NewPCG(1, 1)))
	d.Stall = func(op faulty.Op, path string) time.Duration {
		if op == faulty.OpSync && strings.HasSuffix(path, "stable") {
			return 600 * time.Millisecond // longer than the election timeout
		}
		return 0
	}
	var log bytes.Buffer
	c := start(t, t.TempDir(), func(cfg *consensus.Config) {
		cfg.FS = d
		cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	c.lead(testContext(t))
	c.stop()
	if strings.Contains(log.String(), "election") {
		t.Error(log.String())
	}
}

func TestLeaderWithAFullDiskGivesWay(t *testing.T) {
	var full sync.Map
	g := form(t, 3, func(id string, c *consensus.Config) {
		c.Disk = consensus.DiskMark{MinFree: 1 << 20, Interval: 5 * time.Millisecond, Measure: func(string) (uint64, uint64, error) {
			if _, is := full.Load(id); is {
				return 0, 1 << 30, nil
			}
			return 1 << 29, 1 << 30, nil
		}}
	})
	g.write(3)
	old := g.leader()
	full.Store(g.id(old), true)
	g.wait("the full node leads", func() bool { l, _ := old.node.Leadership(); return !l.Leading })
	g.write(3)
	g.converge()
}

func TestEventLogThatFailsWhileItIsFilledEndsTheNode(t *testing.T) {
	var broken atomic.Bool
	g := form(t, 2, func(id string, c *consensus.Config) {
		d := faulty.New(rand.New(rand.NewPCG(1, 1)))
		d.Fault = func(op faulty.Op, path string, _ int) (int, error) {
			if broken.Load() && op == faulty.OpWrite && strings.Contains(path, "n2") && strings.Contains(path, "events-") {
				return 0, faulty.ErrIO
			}
			return 0, nil
		}
		c.FS = d
	})
	g.converge()
	to := g.nodes["n2"]
	g.wires.isolate("n2")
	batch := g.foreign(to)
	broken.Store(true)
	if err := to.node.Accept(testContext(t), batch.Index, []eventlog.Batch{batch}); err == nil {
		t.Fatal("accepted")
	}
	select {
	case <-to.node.Failed():
	case <-testContext(t).Done():
		t.Fatal("the node goes on with a log that cannot be written")
	}
}

// foreign is a batch that continues the log of c, as another member might have it.
func (g *group) foreign(c *cluster) eventlog.Batch {
	g.t.Helper()
	log, err := eventlog.Open(eventlog.Config{Dir: g.t.TempDir()})
	if err != nil {
		g.t.Fatal(err)
	}
	defer log.Close()
	for b, err := range c.log.Read(0) {
		if err == nil {
			_, err = log.Append(b.Index, []eventlog.Batch{b})
		}
		if err != nil {
			g.t.Fatal(err)
		}
	}
	next := []eventlog.Batch{{Count: 1, Time: c.log.Head().Time, Payload: []byte("next")}}
	if _, err := log.Append(c.log.Head().Index+1000, next); err != nil {
		g.t.Fatal(err)
	}
	return next[0]
}
