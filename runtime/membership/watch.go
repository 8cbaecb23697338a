package membership

import (
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
)

// Limits of patience that nobody needs to set.
const (
	// contactTime is how recent Raft's last contact is with a server in reach.
	// Heartbeats are far more frequent.
	contactTime = 3 * time.Second
	// behindMax is how many positions behind a node may be that keeps up: less
	// than is written in a second at full speed.
	behindMax = 5_000
	// behindTime is how long it may be further behind before it is degraded.
	behindTime = 30 * time.Second
	// calmTime is how long a node that was missed answers before it counts as
	// back.
	calmTime = 3 * time.Second
)

// watch remembers what was heard of each node since this node leads.
type watch struct {
	since time.Time // it began to listen
	seen  map[string]*sight
}

// sight is what was heard of one node. Times are zero for "not now".
type sight struct {
	first  time.Time // it was asked after
	status Status
	heard  time.Time // last
	reach  time.Time // in reach since
	steady time.Time // in reach and up to date since
	behind time.Time // too far behind since
	lag    base.Position
}

// report is what one round of questions found of one node.
type report struct {
	status Status
	err    error
	basis  base.Position // of the leader when it asked
	server *consensus.Peer
}

func newWatch(now time.Time) *watch { return &watch{since: now, seen: map[string]*sight{}} }

// take takes in what was found of a node. A member of Raft's configuration is
// in reach when Raft hears it; another one when it answers.
func (w *watch) take(now time.Time, id string, r report) *sight {
	s := w.seen[id]
	if s == nil {
		s = &sight{first: now, heard: w.since}
		w.seen[id] = s
	}
	if r.err == nil {
		s.status, s.heard = r.status, now
		s.lag = max(0, r.basis-r.status.Position)
	}
	inReach := r.err == nil
	if r.server != nil && (s.status.RaftID == "" || s.status.RaftID == r.server.ID) {
		inReach = now.Sub(r.server.LastContact) <= contactTime
		if r.server.LastContact.After(s.heard) {
			s.heard = r.server.LastContact
		}
	}
	upToDate := inReach && r.err == nil && s.lag <= behindMax
	begin(&s.reach, now, inReach)
	begin(&s.steady, now, upToDate && !s.status.Full)
	begin(&s.behind, now, inReach && r.err == nil && s.lag > behindMax)
	return s
}

// begin keeps the moment at which something began to hold.
func begin(at *time.Time, now time.Time, holds bool) {
	if !holds {
		*at = time.Time{}
	} else if at.IsZero() {
		*at = now
	}
}

// lasting is how long something holds that began at a moment.
func lasting(now, began time.Time) time.Duration {
	if began.IsZero() {
		return 0
	}
	return now.Sub(began)
}

// forget drops what was heard of nodes that are no more.
func (w *watch) forget(keep map[string]bool) {
	for id := range w.seen {
		if !keep[id] {
			delete(w.seen, id)
		}
	}
}

// member is a node as a decision sees it.
func (s *sight) member(now time.Time, node *domain.Node) Member {
	m := Member{
		ID: node.Status.ID, RaftID: s.status.RaftID, Removed: node.Phase == domain.PhaseDeleting, MayVote: mayVote(node),
		InReach: !s.reach.IsZero(), Full: s.status.Full, Steady: lasting(now, s.steady), Level: knows(s.status.Level),
	}
	if !m.InReach {
		m.Silent = now.Sub(s.heard)
	}
	return m
}

// mayVote: a machine that let itself in could be anybody's. It keeps the log, and
// no more, until an administrator vouches for it.
func mayVote(node *domain.Node) bool {
	return node.Status.EnrolledBy != domain.EnrollmentModeAuto || base.OrZero(node.Status.Trusted)
}

// condition is the command that says how a node is, nil if that is known.
func (s *sight) condition(now time.Time, node *domain.Node, silence time.Duration) domain.Command {
	known, why := node.Status.Condition, ""
	switch {
	case !s.reach.IsZero() && s.status.Full:
		why = "its disk is too full for writes"
	case !s.reach.IsZero() && lasting(now, s.behind) >= behindTime:
		why = "it falls behind the log"
	}
	switch {
	case s.reach.IsZero() && known != domain.ConditionUnreachable && now.Sub(s.heard) >= silence:
		return &domain.MissNode{Ref: node.Ref, Reason: "it does not answer the leader"}
	case s.reach.IsZero() || known == domain.ConditionUnreachable && lasting(now, s.reach) < calmTime:
		return nil
	case why != "" && (known != domain.ConditionDegraded || node.Reason != why):
		return &domain.DegradeNode{Ref: node.Ref, Reason: why}
	case why == "" && known != domain.ConditionHealthy && s.behind.IsZero():
		return &domain.ReachNode{Ref: node.Ref}
	}
	return nil
}
