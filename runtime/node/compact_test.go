package node_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/node"
)

// past is a clock of machines that goes behind, and makes up for it in steps that
// are followed at once.
type past struct{ behind atomic.Int64 }

func (p *past) now() time.Time { return time.Now().Add(-time.Duration(p.behind.Load())) }

// small lets nodes keep small segments and look often for what they may drop.
func small(cfg *node.Config, clock *past) {
	cfg.Segment, cfg.Compact, cfg.Now = 32<<10, 50*time.Millisecond, clock.now
}

const patch = "Content-Type: application/merge-patch+json"

// observe writes observations of all nodes, as many intervals bring them: a batch
// each. Every tenth interval somebody changes a product, which is kept for ever.
func (c *trio) observe(intervals int) {
	c.t.Helper()
	for i := range intervals {
		c.await("an observation is written", func() bool {
			leader := c.leading()
			if leader < 0 {
				return false
			}
			n := c.nodes[leader]
			r := &command.Request{Correlation: "c", Principal: command.Principal{Actor: base.Ref(fmt.Sprint("/nodes/pi-", leader+1)), Role: command.Platform}}
			for entry := range n.Views().View().State.List("/nodes", "") {
				status := entry.Resource.(*domain.Node).Status
				status.Hostname = fmt.Sprint("interval-", i)
				status.Metrics = &domain.NodeMetrics{CPUUsed: new(float64(i%100) / 100), MeasuredAt: base.TimeOf(time.Now())}
				r.Commands = append(r.Commands, &domain.ObserveNode{Ref: entry.Resource.Common().Ref, Status: status})
			}
			_, err := n.Door().Do(c.t.Context(), r)
			return err == nil
		})
		if i%10 == 0 {
			c.want(200, c.follower(), "PATCH", "/products/kept", fmt.Sprintf(`{"description":"%d"}`, i), patch)
		}
	}
}

// stream reads all events from the first on at a node: positions, and how many are
// about the product.
func (c *trio) stream(i int) (positions []uint64, kept int) {
	c.t.Helper()
	body := c.want(200, i, "GET", "/events?after=0&follow=false", "", "Accept: application/x-ndjson").body
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		var e struct{ ID, Subject, Type string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.ID == "" {
			c.t.Fatalf("%v: %s", err, lines.Text())
		}
		position, err := strconv.ParseUint(e.ID, 10, 64)
		if err != nil {
			c.t.Fatal(err)
		}
		if positions = append(positions, position); strings.HasSuffix(e.Subject, "/products/kept") {
			kept++
		}
	}
	return positions, kept
}

// At rest, observations are all that grows the log. They leave it while the cluster
// runs, on every node, also on one that was away and one that comes later; nothing
// else does.
func TestObservationsLeaveTheLogsOfARunningCluster(t *testing.T) {
	t.Parallel()
	const intervals = 400
	var clock past
	clock.behind.Store(int64(100 * time.Minute))
	c := form(t, func(cfg *node.Config) { small(cfg, &clock) })
	c.adjust = func(cfg *node.Config) { small(cfg, &clock) }
	c.want(200, c.leader(), "PATCH", "/", `{"retention":{"observations":3600}}`, patch)
	c.written(0, "kept")
	c.observe(intervals / 2)
	away := c.follower()
	c.stop(away)
	c.observe(intervals / 2)
	grown := c.nodes[c.leader()].Events().Written()
	two := []int{(away + 1) % 3, (away + 2) % 3}
	if c.nodes[two[0]].Events().Compacted() > 0 {
		t.Fatal("observations of the last hour are dropped")
	}
	for _, behind := range []time.Duration{50 * time.Minute, 0} {
		clock.behind.Store(int64(behind))
		c.written(two[0], fmt.Sprintf("behind-%d", behind/time.Minute))
	}
	compacted := func(i int) bool { return c.nodes[i].Events().Compacted() > 0 }
	c.await("two nodes compact", func() bool { return compacted(two[0]) && compacted(two[1]) })
	c.restart(away)
	c.await("the third does so too", func() bool { return compacted(away) })
	c.written(away, "after")
	c.same()

	var first []uint64
	for i, n := range c.nodes {
		raw, archived := n.Events().Size()
		if raw+archived > grown/4 {
			t.Errorf("the log of pi-%d takes %d bytes of %d after compaction", i+1, raw+archived, grown)
		}
		if _, err := n.Events().Verify(t.Context()); err != nil {
			t.Errorf("pi-%d: %v", i+1, err)
		}
		positions, kept := c.stream(i)
		if len(positions) < 2 || positions[0] != 1 || kept != 1+intervals/10 {
			t.Errorf("pi-%d streams %d events from position %v on, %d of them about the product, want %d", i+1, len(positions), positions[:1], kept, 1+intervals/10)
		}
		if head := n.Events().Head().Position; uint64(len(positions)) > head-intervals {
			t.Errorf("pi-%d streams %d events of %d: most were observations", i+1, len(positions), head)
		}
		if i > 0 && fmt.Sprint(positions) != fmt.Sprint(first) {
			t.Errorf("pi-%d and pi-1 do not stream the same events", i+1)
		}
		first = positions
	}
	if found := c.nodes[0].Surveyor().Compare(t.Context(), true); !found.Equal || !found.Complete {
		t.Errorf("the nodes differ: %+v", found)
	}

	late := c.late(filepath.Join(t.TempDir(), "pi-4"), &clock)
	if live, rebuilt, err := late.Views().Verify(late.Events()); err != nil || live != rebuilt {
		t.Errorf("a node that came later has %+v, made anew %+v (%v)", live, rebuilt, err)
	}
}

// late lets a fourth node in, which fetches a history with gaps.
func (c *trio) late(dir string, clock *past) *node.Node {
	c.t.Helper()
	var invitation string
	c.await("the leader invites", func() bool {
		leader := c.leading()
		if leader < 0 {
			return false
		}
		var err error
		invitation, err = c.nodes[leader].Invite(c.t.Context(), "pi-4", time.Minute)
		return err == nil
	})
	cfg := config(dir)
	small(&cfg, clock)
	listener, err := listen("")
	if err != nil {
		c.t.Fatal(err)
	}
	cfg.Listener = listener
	cfg.Name, cfg.Bootstrap, cfg.Join, cfg.Token = "pi-4", false, c.ports[:], invitation
	if os.Getenv("PICLOUD_TEST_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", cfg.Name)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*patience)
	defer cancel()
	n, err := node.Open(ctx, cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = n.Close() })
	c.await("the fourth is where the others are", func() bool { return n.Events().Head() == c.nodes[0].Events().Head() })
	return n
}
