package compaction_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/compaction"
	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is a log with what its events amount to, decided as the platform does.
type cluster struct {
	t     interface{ Fatal(...any) }
	log   *eventlog.Log
	views *projection.Projection
}

var settings = projection.Config{Root: "https://picloud.local", Model: "m1"}

func begin(t interface{ Fatal(...any) }, segmentBytes int64) *cluster {
	log, err := eventlog.Open(eventlog.Config{Dir: "/log", SegmentBytes: segmentBytes, FS: faulty.New(rand.New(rand.NewPCG(1, 2)))})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t, log, projection.New(settings, log)}
	c.do(&domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{Domain: "picloud.local", ClusterID: "0b9f3d0e-9f4f-4b1c-8f5e-2d8a7c1b6e4f", EnrollmentMode: domain.EnrollmentModeApprove}})
	return c
}

// do decides commands and appends what they gave as one batch.
func (c *cluster) do(commands ...domain.Command) {
	now := c.views.View().State
	var events []*domain.Event
	for _, command := range commands {
		payloads, err := command.Decide(now.Get(command.Subject()))
		if err != nil {
			var refused *base.Error
			if errors.As(err, &refused) {
				continue
			}
			c.t.Fatal(err)
		}
		for _, p := range payloads {
			e := &domain.Event{Subject: command.Subject(), Payload: p, Actor: "/nodes/pi-1"}
			if entry, ok := now.Entry(e.Subject); ok {
				e.Previous = entry.Event.Position
			}
			events = append(events, e)
		}
	}
	if len(events) == 0 {
		return
	}
	index := c.log.Head().Index + 1
	batches := []eventlog.Batch{{Count: uint32(len(events)), Time: time.Unix(int64(index), 0).UTC(), Payload: state.AppendBatch(nil, state.Batch{Events: events})}}
	if _, err := c.log.Append(index, batches); err != nil {
		c.t.Fatal(err)
	}
	if err := c.views.Fold(batches[0]); err != nil {
		c.t.Fatal(err)
	}
	c.views.Publish(c.log.Head())
}

func (c *cluster) verify() {
	live, rebuilt, err := c.views.Verify(c.log)
	if err != nil || live != rebuilt {
		c.t.Fatal(fmt.Sprintf("readers see %+v, the log makes %+v (%v)", live, rebuilt, err))
	}
}

func node(name string) base.Ref { return base.Ref("/nodes/" + name) }

func observed(memory int64) domain.NodeStatus {
	return domain.NodeStatus{Hostname: "pi", Metrics: &domain.NodeMetrics{MemoryUsed: &memory}}
}

func (c *cluster) found() *domain.Cluster {
	found, _ := c.views.View().State.Get("/").(*domain.Cluster)
	return found
}

func (c *cluster) config(now time.Time) compaction.Config {
	return compaction.Config{
		Log: c.log, Cluster: func() *domain.Cluster { return c.found() }, Now: func() time.Time { return now },
		Leading: func() bool { return true },
		Submit:  func(_ context.Context, command domain.Command) error { c.do(command); return nil },
	}
}

// What the log amounts to is the same before and after, in state and in graph.
func TestStateAndGraphAreTheSameAfterCompaction(t *testing.T) {
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(rt *rapid.T) {
		c := begin(rt, 2000)
		defer c.log.Close()
		for i := range rapid.IntRange(20, 80).Draw(rt, "steps") {
			name := rapid.SampledFrom(names).Draw(rt, "name")
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				c.do(&domain.EnrollNode{Ref: node(name), Status: observed(0)}, &domain.DeclareProduct{Ref: base.Ref("/products/" + name), Spec: domain.ProductSpec{Version: "1.0.0"}})
			case 1:
				c.do(&domain.JoinNode{Ref: node(name)})
			case 2:
				c.do(&domain.DrainNode{Ref: node(name)})
			case 3:
				c.do(&domain.RemoveNode{Ref: node(name)})
			case 4:
				reason := fmt.Sprint("silent ", i)
				c.do(&domain.MissNode{Ref: node(name), Reason: reason})
			default:
				var all []domain.Command
				for _, name := range names {
					all = append(all, &domain.ObserveNode{Ref: node(name), Status: observed(int64(i))})
				}
				c.do(all[rapid.IntRange(0, 2).Draw(rt, "from"):]...)
			}
			if rapid.IntRange(0, 20).Draw(rt, "compact") == 0 {
				if err := compaction.Once(context.Background(), c.config(time.Unix(1<<31, 0))); err != nil {
					rt.Fatal(err)
				}
			}
		}
		if err := compaction.Once(context.Background(), c.config(time.Unix(1<<31, 0))); err != nil {
			rt.Fatal(err)
		}
		c.verify()
	})
}

func TestObservationsAreDroppedAndNothingElse(t *testing.T) {
	c := begin(t, 20_000)
	defer c.log.Close()
	c.do(&domain.EnrollNode{Ref: node("pi"), Status: observed(0)})
	c.do(&domain.JoinNode{Ref: node("pi")})
	for i := range 1000 {
		c.do(&domain.ObserveNode{Ref: node("pi"), Status: observed(int64(i))})
		if i == 500 {
			c.do(&domain.DrainNode{Ref: node("pi")})
		}
	}
	head := c.log.Head()
	young := head.Time.Add(7 * 24 * time.Hour).Add(-500 * time.Second)
	before, _ := c.log.Size()
	if err := compaction.Once(context.Background(), c.config(young)); err != nil {
		t.Fatal(err)
	}
	dropped, kept := 0, 0
	for b, err := range c.log.Read(0) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Dropped {
			if dropped++; b.Time.After(head.Time.Add(-500 * time.Second)) {
				t.Fatalf("the batch of %s is too young to go", b.Time)
			}
			if previous, err := state.PreviousLeft(b.Payload, 0); err != nil || previous != base.Position(b.First)-1 {
				t.Fatalf("before %d was %d, %v", b.First, previous, err)
			}
			continue
		}
		kept++
	}
	if dropped < 300 || dropped > 500 {
		t.Errorf("%d dropped, %d kept", dropped, kept)
	}
	raw, archived := c.log.Size()
	if raw+archived > before*2/3 || archived == 0 {
		t.Errorf("of %d bytes %d and %d are left", before, raw, archived)
	}
	if through := c.found().Status.CompactedThrough; through == nil || uint64(*through) != c.log.Compacted() {
		t.Error("the log does not say how far it is compacted")
	}
	c.verify()
}

// A node that follows does what the log says and says nothing itself.
func TestFollowerCompactsWhenTold(t *testing.T) {
	c := begin(t, 2000)
	defer c.log.Close()
	c.do(&domain.EnrollNode{Ref: node("pi"), Status: observed(0)})
	for i := range 100 {
		c.do(&domain.ObserveNode{Ref: node("pi"), Status: observed(int64(i))})
	}
	cfg := c.config(time.Unix(1<<31, 0))
	cfg.Leading = func() bool { return false }
	head := c.log.Head()
	if err := compaction.Once(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	if c.log.Head() != head || c.log.Compacted() != 0 {
		t.Fatal("a follower compacted on its own")
	}
	through := int64(c.log.Compactable(time.Unix(1<<31, 0)))
	c.do(&domain.CompactCluster{Ref: "/", CompactedThrough: &through})
	if err := compaction.Once(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	if c.log.Compacted() != uint64(through) {
		t.Errorf("compacted through %d, told %d", c.log.Compacted(), through)
	}
	c.verify()
}

func TestWhatCannotBeReadOrHasAReceiptStays(t *testing.T) {
	c := compaction.Through(10)
	status := observed(1)
	event := &domain.Event{Subject: node("pi"), Actor: "/nodes/pi", Payload: &domain.NodeObserved{Status: status}}
	plain := state.Batch{Events: []*domain.Event{event}}
	keyed := state.Batch{Events: []*domain.Event{event}, Receipt: &state.Receipt{Status: 200}}
	mixed := state.Batch{Events: []*domain.Event{event, {Subject: node("pi"), Actor: "/nodes/pi", Payload: &domain.NodeCordoned{}}}}
	batch := func(first uint64, b state.Batch) eventlog.Batch {
		return eventlog.Batch{First: first, Count: uint32(len(b.Events)), Time: time.Unix(1, 0), Payload: state.AppendBatch(nil, b)}
	}
	unknown := eventlog.Batch{First: 8, Count: 1, Time: time.Unix(1, 0), Payload: []byte(`{"events":[{"t":"NodeHummed"}]}`)}
	all := []eventlog.Batch{batch(1, plain), batch(2, keyed), batch(3, mixed), batch(6, plain), unknown}
	for _, b := range all {
		if err := c.Note(b); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []eventlog.Fate{eventlog.Drop, eventlog.Keep, eventlog.Keep, eventlog.Later, eventlog.Keep} {
		if _, fate := c.Judge(all[i]); fate != want {
			t.Errorf("batch %d: %v, not %v", i, fate, want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	c := begin(t, 2000)
	defer c.log.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { compaction.Run(ctx, c.config(time.Now())); close(done) }()
	cancel()
	<-done
}
