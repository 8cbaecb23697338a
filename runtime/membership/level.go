package membership

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/state"
)

// LevelOf is the level that a cluster has reached.
func LevelOf(s *state.State) int {
	cluster, _ := s.Get("/").(*domain.Cluster)
	if cluster == nil {
		return 1
	}
	return max(1, int(base.OrZero(cluster.Status.Level)))
}

// Fit gives the law under which a program of a level and a version takes part: it
// refuses a state of a cluster that has gone beyond, with codec.ErrNewer. What the
// program has of the log stays as it is.
func Fit(level int, version string) func(*state.State) error {
	return func(s *state.State) error {
		if reached := LevelOf(s); reached > level {
			return tooOld(reached, level, version, running(s, reached))
		}
		return nil
	}
}

// Outdated is the same law by the word of a member: what it answered.
func Outdated(said Status, level int, version string) error {
	if said.Reached <= level {
		return nil
	}
	return tooOld(said.Reached, level, version, []string{said.Version})
}

func tooOld(reached, level int, version string, with []string) error {
	such := ""
	if len(with) > 0 {
		such = " (" + strings.Join(with, ", ") + ")"
	}
	return fmt.Errorf("%w: the cluster has reached level %d of the platform, this is %s, which knows up to level %d; start a release of level %d%s on this directory, nothing is lost",
		codec.ErrNewer, reached, version, level, reached, such)
}

// running are the versions of the nodes that have a level.
func running(s *state.State, level int) (versions []string) {
	for _, node := range nodes(s) {
		if knows(base.OrZero(node.Status.Level)) >= level && node.Status.Version != "" {
			versions = append(versions, node.Status.Version)
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// Gate refuses, as a command.Config.Gate, what came with a level that the cluster
// has not reached. It names the nodes that lag, as they answered the loop last.
func (l *Loop) Gate(s *state.State, level int) error {
	heard, _ := l.heard.Load().(map[string]report)
	return gate(s, level, heard)
}

func gate(s *state.State, level int, heard map[string]report) error {
	reached := LevelOf(s)
	if level <= reached {
		return nil
	}
	var lagging []string
	for _, node := range nodes(s) {
		known, version := knows(base.OrZero(node.Status.Level)), node.Status.Version
		if r, asked := heard[node.Status.ID]; asked && r.err == nil {
			known, version = knows(r.status.Level), r.status.Version
		}
		if known < level && node.Phase == domain.PhaseReady {
			lagging = append(lagging, strings.TrimSuffix(fmt.Sprintf("%s (%s)", node.Ref.Name(), version), " ()"))
		}
	}
	why := "it is raised as soon as every node is heard"
	if len(lagging) > 0 {
		why = "these nodes run an older release: " + strings.Join(lagging, ", ") + "; upgrade them first"
	}
	return &base.Error{
		Code: base.Unavailable, RetryAfter: 5,
		Detail: fmt.Sprintf("this needs level %d of the platform, and the cluster is at level %d: %s", level, reached, why),
	}
}

// knows is the level of a release that says n; the first says nothing.
func knows[N int | int64](n N) int { return max(1, int(n)) }

// level is the command that raises the cluster to what every server of Raft's
// configuration has, as each answered just now, and every node that keeps the log;
// nil while one of them is not heard, or has no more than the cluster.
func level(s *state.State, servers []consensus.Server, reports map[string]report) domain.Command {
	lowest := 0
	hear := func(id string) bool {
		r, asked := reports[id]
		if !asked || r.err != nil {
			return false
		}
		if known := knows(r.status.Level); lowest == 0 || known < lowest {
			lowest = known
		}
		return true
	}
	for _, server := range servers {
		if !hear(consensus.NodeOf(server.ID)) {
			return nil
		}
	}
	for _, node := range nodes(s) {
		if node.Phase == domain.PhaseReady && !hear(node.Status.ID) {
			return nil
		}
	}
	if lowest <= LevelOf(s) || s.Get("/") == nil {
		return nil
	}
	return &domain.RaiseCluster{Ref: "/", Level: new(int64(lowest))}
}

// KeepLevel refuses to take back what nodes were promised: no release below the
// cluster's level runs any more. It is a command.Rule.
func KeepLevel(before, after *state.State, _ base.Time) error {
	if was, is := LevelOf(before), LevelOf(after); is < was {
		return &base.Error{Code: base.Conflict, Ref: "/", Detail: fmt.Sprintf("the cluster is at level %d of the platform and never goes back to level %d", was, is)}
	}
	return nil
}
