package membership_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/state"
)

func decode(t *testing.T, b eventlog.Batch) []*domain.Event {
	t.Helper()
	batch, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return batch.Events
}

func TestEnrolledNodesBecomeVoters(t *testing.T) {
	inHouse(t, func(h *house) {
		if c := h.seen("a"); c == nil {
			t.Fatal("the founder is no node")
		}
		cluster := h.leader().views.View().State.Get("/").(*domain.Cluster)
		if cluster.Status.Leader != "/nodes/a" || base.OrZero(cluster.Status.Term) == 0 {
			t.Errorf("the cluster says of its leader %+v", cluster.Status)
		}
		for i, id := range []string{"b", "c", "d", "e", "f"} {
			h.join(id)
			h.until(id+" joined", func() bool { return h.is(id, domain.RaftRoleLearner, domain.ConditionHealthy) })
			want := []int{2, 3, 3, 5, 5}[i]
			took := h.until("there are enough votes", func() bool { return h.voters() == want })
			if i < 2 && took < 9*time.Second {
				t.Errorf("%s got its vote after %s, before it had shown that it keeps up", id, took)
			}
		}
		got := h.events(ref("b"), 0)
		if want := []domain.EventType{domain.TypeNodeEnrolled, domain.TypeNodeJoined, domain.TypeNodePromoted}; !slices.Equal(got, want) {
			t.Errorf("the life of b is %v", got)
		}
	})
}

func TestNothingIsWrittenAtRest(t *testing.T) {
	inHouse(t, func(h *house) {
		h.three()
		<-time.After(time.Minute)
		at := h.leader().log.Head()
		<-time.After(time.Hour)
		if now := h.leader().log.Head(); now.Position != at.Position {
			t.Errorf("%d events were written in an hour at rest", now.Position-at.Position)
		}
	})
}

func TestSilentVoterIsReplacedAndComesBackWithoutAVote(t *testing.T) {
	inHouse(t, func(h *house) {
		for _, id := range []string{"b", "c", "d"} {
			h.join(id)
			h.until(id+" joined", func() bool {
				return h.is(id, domain.RaftRoleLearner, domain.ConditionHealthy) || h.is(id, domain.RaftRoleVoter, domain.ConditionHealthy)
			})
		}
		h.until("three vote", func() bool { return h.voters() == 3 && h.is("c", domain.RaftRoleVoter, domain.ConditionHealthy) })
		dead := "b"
		if h.leader().id == dead {
			dead = "c"
		}
		before := base.Position(h.leader().log.Head().Position)
		h.cut(dead)
		if took := h.until("it is missed", func() bool { return h.is(dead, domain.RaftRoleVoter, domain.ConditionUnreachable) }); took < 9*time.Second || took > 30*time.Second {
			t.Errorf("it was missed after %s", took)
		}
		if reason := h.seen(dead).Reason; !strings.Contains(reason, "does not answer") {
			t.Errorf("because %q", reason)
		}
		if took := h.until("another votes", func() bool { return h.is("d", domain.RaftRoleVoter, domain.ConditionHealthy) && h.voters() == 3 }); took < 9*time.Minute || took > 12*time.Minute {
			t.Errorf("it was replaced after %s", took)
		}
		h.cut()
		h.until("it is back", func() bool { return h.is(dead, domain.RaftRoleLearner, domain.ConditionHealthy) })
		h.never("it got its vote again", 20*time.Minute, func() bool { return h.voters() != 3 || h.is(dead, domain.RaftRoleVoter, domain.ConditionHealthy) })
		got := h.events(ref(dead), before)
		if want := []domain.EventType{domain.TypeNodeUnreachable, domain.TypeNodeDemoted, domain.TypeNodeReachable}; !slices.Equal(got, want) {
			t.Errorf("of the silent node was written %v", got)
		}
	})
}

func TestRemovedNodeLeavesAlsoOneOfTwoVoters(t *testing.T) {
	inHouse(t, func(h *house) {
		h.join("b")
		h.until("two vote", func() bool { return h.voters() == 2 && h.is("b", domain.RaftRoleVoter, domain.ConditionHealthy) })
		if h.leader().id != "a" {
			t.Fatal("the leadership moved")
		}
		var refusal *base.Error
		if err := h.remove("a"); !errors.As(err, &refusal) || refusal.Code != base.Conflict || !strings.Contains(refusal.Detail, "hand the leadership over first") {
			t.Errorf("removing the leader: %v", err)
		}
		h.check(h.remove("b"))
		if took := h.until("it left", func() bool { return h.seen("b") == nil }); took > 5*time.Second {
			t.Errorf("it left after %s", took)
		}
		if h.voters() != 1 {
			t.Error("it still votes")
		}
		if got := h.events(ref("b"), 0); !slices.Equal(got[len(got)-2:], []domain.EventType{domain.TypeNodeRemoved, domain.TypeNodeLeft}) {
			t.Errorf("its life is %v", got)
		}
		h.never("it came back", 10*time.Minute, func() bool { return h.seen("b") != nil || h.voters() != 1 })
		h.say("a", &domain.DeclareProduct{Ref: "/products/p", Spec: domain.ProductSpec{Version: "1.0.0"}}) // one alone decides on
	})
}

func TestRemovalThatWouldEndTheMajorityIsRefused(t *testing.T) {
	inHouse(t, func(h *house) {
		h.join("b")
		h.join("c")
		h.until("three vote", func() bool {
			return h.voters() == 3 && h.is("b", domain.RaftRoleVoter, domain.ConditionHealthy) && h.is("c", domain.RaftRoleVoter, domain.ConditionHealthy)
		})
		others := slices.DeleteFunc([]string{"a", "b", "c"}, func(id string) bool { return id == h.leader().id })
		h.cut(others[0])
		h.until("it is missed", func() bool { return h.is(others[0], domain.RaftRoleVoter, domain.ConditionUnreachable) })
		var refusal *base.Error
		if err := h.remove(others[1]); !errors.As(err, &refusal) || refusal.Code != base.Conflict || !strings.Contains(refusal.Detail, "no majority") {
			t.Errorf("removing the one that answers: %v", err)
		}
		h.check(h.remove(others[0]))
		h.until("the silent one left", func() bool { return h.seen(others[0]) == nil && h.voters() == 2 })
	})
}

func TestNewLeaderGoesOnAndIsWritten(t *testing.T) {
	inHouse(t, func(h *house) {
		h.join("b")
		h.join("c")
		h.until("three vote", func() bool { return h.voters() == 3 })
		former := h.leader()
		h.check(former.consensus.TransferLeadership(h.t.Context(), ""))
		h.until("another leads", func() bool { return h.leader().id != former.id })
		h.until("the log says so", func() bool {
			cluster := h.leader().views.View().State.Get("/").(*domain.Cluster)
			return cluster.Status.Leader == ref(h.leader().id)
		})
		h.join("d")
		h.until("d joined", func() bool { return h.is("d", domain.RaftRoleLearner, domain.ConditionHealthy) })
		former = h.leader()
		former.stop()
		h.until("another leads", func() bool { return h.leader().id != former.id })
		h.until("the former leader is missed", func() bool { return h.is(former.id, domain.RaftRoleVoter, domain.ConditionUnreachable) })
		changes := 0
		for _, e := range h.events("/", 0) {
			if e == domain.TypeLeaderChanged {
				changes++
			}
		}
		if changes < 3 {
			t.Errorf("%d changes of the leader are in the log", changes)
		}
	})
}

func TestWhoLetItselfInGetsAVoteWhenSomebodyVouches(t *testing.T) {
	inHouse(t, func(h *house) {
		h.enroll("b", domain.EnrollmentModeAuto)
		h.start("b", false)
		h.until("b joined", func() bool { return h.is("b", domain.RaftRoleLearner, domain.ConditionHealthy) })
		h.never("it got a vote", 10*time.Minute, func() bool { return h.voters() != 1 })
		h.say("a", &domain.TrustNode{Ref: ref("b")})
		h.until("it votes", func() bool { return h.voters() == 2 })
	})
}

func TestNodeThatLostItsRaftStoreComesBackUnderAnotherRaftID(t *testing.T) {
	inHouse(t, func(h *house) {
		h.three()
		lost := "c"
		if h.leader().id == "c" {
			lost = "b"
		}
		<-time.After(time.Minute)
		standing, err := h.leader().consensus.Standing(h.t.Context())
		h.check(err)
		m := h.node(lost)
		h.until("its log is there", func() bool { return m.log.Head().Position >= standing.Position })
		m.stop()
		cfg := consensus.Config{Dir: m.raftDir(), ID: lost}
		_, err = consensus.Renew(cfg, 0)
		h.check(err)
		log, err := eventlog.Open(eventlog.Config{Dir: m.logDir()})
		h.check(err)
		h.check(errors.Join(consensus.Seed(cfg, log, standing), log.Close()))
		h.start(lost, false)
		h.until("it votes again", func() bool {
			servers, _, err := h.leader().consensus.Servers()
			h.check(err)
			return slices.Contains(servers, consensus.Server{ID: lost + "/1", Voter: true}) && h.voters() == 3
		})
		if h.seen(lost).Phase != domain.PhaseReady {
			t.Error("it is no longer ready")
		}
	})
}

func TestFullLeaderHandsOver(t *testing.T) {
	inHouse(t, func(h *house) {
		h.three()
		former := h.leader()
		former.full.Store(true)
		h.until("another leads", func() bool { return h.leader() != former })
		h.until("it is degraded", func() bool { return h.is(former.id, domain.RaftRoleVoter, domain.ConditionDegraded) })
	})
}

func TestNobodyVotesWithoutWhatAVoterNeeds(t *testing.T) {
	inHouse(t, func(h *house) {
		h.lacks.Store(true)
		h.join("b")
		h.until("b joined", func() bool { return h.is("b", domain.RaftRoleLearner, domain.ConditionHealthy) })
		h.never("it got a vote", time.Minute, func() bool { return h.voters() != 1 })
		h.lacks.Store(false)
		h.until("it votes", func() bool { return h.voters() == 2 })
	})
}
