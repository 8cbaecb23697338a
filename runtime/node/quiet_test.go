package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/picloud/picloud/runtime/node"
)

// loud keeps what is logged above INFO.
type loud struct {
	mu    sync.Mutex
	lines []string
}

// slowness is what Raft says when a machine is too busy to answer in time.
var slowness = []string{
	"heartbeat timeout reached, starting election", "Election timeout reached, restarting election", "failed to contact",
	"failed to contact quorum of nodes, stepping down", "failed to heartbeat to", "failed to appendEntries to", "failed to make requestVote RPC",
	"rejecting pre-vote request since we have a leader", "rejecting vote request since we have a leader", "peer has newer term, stopping replication",
}

func (l *loud) Enabled(_ context.Context, level slog.Level) bool { return level > slog.LevelInfo }
func (l *loud) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *loud) WithGroup(string) slog.Handler                    { return l }

func (l *loud) Handle(_ context.Context, r slog.Record) error {
	if slices.Contains(slowness, r.Message) {
		return nil
	}
	line := fmt.Sprint(r.Level, " ", r.Message)
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

func (l *loud) none(t *testing.T, when string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		t.Errorf("%s: %s", when, line)
	}
	l.lines = nil
}

// Who reads the log of a healthy cluster is not alarmed.
func TestNothingIsAmissWhereAClusterForms(t *testing.T) {
	said := &loud{}
	listening := func(cfg *node.Config) { cfg.Logger = slog.New(said) }
	c := form(t, listening)
	for i := range c.nodes {
		c.written(i, fmt.Sprint("product-", i))
	}
	said.none(t, "three nodes form a cluster")
	again := c.follower()
	c.stop(again)
	c.start(again, listening)
	c.written(again, "afterwards")
	said.none(t, "one of them starts again")
}
