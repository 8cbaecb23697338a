package membership_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

// reached is the level in the log.
func (h *house) reached() int { return membership.LevelOf(h.leader().views.View().State) }

// restart stops a node and starts another release in its place.
func (h *house) restart(id string, level int) {
	h.t.Helper()
	h.node(id).stop()
	h.level = level
	h.start(id, false)
}

func TestLevelRisesWhenTheLastNodeIsUpgradedAndNoSooner(t *testing.T) {
	inHouse(t, func(h *house) {
		h.three()
		h.restart("b", 3)
		h.restart("c", 2)
		h.never("the level rises while a is of the first", 10*time.Minute, func() bool { return h.reached() != 1 })
		if h.leader().id == "a" {
			h.check(h.leader().consensus.TransferLeadership(h.t.Context(), ""))
		}
		h.node("a").stop()
		h.never("the level rises while a does not answer", 10*time.Minute, func() bool { return h.reached() != 1 })
		h.level = 2
		h.start("a", false)
		h.until("the level is what the least of them knows", func() bool { return h.reached() == 2 })
		h.never("it rises further", time.Hour, func() bool { return h.reached() != 2 })

		// a program of the first level comes too late
		m := h.node("c")
		m.stop()
		log, err := eventlog.Open(eventlog.Config{Dir: m.logDir()})
		h.check(err)
		at := log.Head()
		old := projection.New(projection.Config{Root: "https://picloud.local", Model: schema.ModelDigest, Fit: membership.Fit(1, "v1")}, log)
		for b, err := range log.Read(0) {
			h.check(err)
			if err = old.Fold(b); err == nil {
				continue
			}
			if !errors.Is(err, codec.ErrNewer) || !strings.Contains(err.Error(), "level 2") {
				t.Errorf("it goes no further because of: %v", err)
			}
			at.Position = 0
			break
		}
		if at.Position != 0 {
			t.Error("a program of level 1 folded what a cluster of level 2 wrote")
		}
		h.check(log.Close())
		h.level = 2
		h.start("c", false)
		h.until("the newer release goes on with its log", func() bool { return h.node("c").log.Head() == h.leader().log.Head() })
	})
}

func TestLevelIsNeverTakenBack(t *testing.T) {
	inHouse(t, func(h *house) {
		h.restart("a", 4)
		h.until("the level rises", func() bool { return h.reached() == 4 })
		var refused *base.Error
		if err := h.leader().say(h.t.Context(), &domain.RaiseCluster{Ref: "/", Level: new(int64(3))}); !errors.As(err, &refused) || refused.Code != base.Conflict {
			t.Errorf("the level was taken back: %v", err)
		}
	})
}

func TestNodeOfALowerLevelIsNotLetIn(t *testing.T) {
	inHouse(t, func(h *house) {
		h.restart("a", 2)
		h.until("the level rises", func() bool { return h.reached() == 2 })
		h.enroll("b", "")
		h.level = 1
		h.start("b", false)
		h.never("it gets a part in the consensus", 10*time.Minute, func() bool {
			servers, _, err := h.leader().consensus.Servers()
			h.check(err)
			return len(servers) > 1
		})
		h.restart("b", 2)
		h.until("its successor votes", func() bool { return h.voters() == 2 })
	})
}

func TestRefusalNamesTheNodesThatLag(t *testing.T) {
	builder := state.New().Build()
	said := []domain.Payload{
		&domain.NodeEnrolled{Status: domain.NodeStatus{ID: "1", Version: "v0.1.0"}}, &domain.NodeJoined{Status: domain.NodeStatus{ID: "1", Version: "v0.1.0"}},
		&domain.NodeEnrolled{}, &domain.NodeJoined{Status: domain.NodeStatus{ID: "2", Version: "v0.2.0", Level: new(int64(2))}},
	}
	for i, p := range said {
		builder.Fold(&domain.Event{Subject: []base.Ref{"/nodes/old", "/nodes/new"}[i/2], Position: base.Position(i + 1), Payload: p})
	}
	var refused *base.Error
	if err := (&membership.Loop{}).Gate(builder.State(), 2); !errors.As(err, &refused) || refused.Code != base.Unavailable ||
		!strings.Contains(refused.Detail, "old (v0.1.0)") || strings.Contains(refused.Detail, "new") {
		t.Errorf("it is refused with %v", err)
	}
	if err := (&membership.Loop{}).Gate(builder.State(), 1); err != nil {
		t.Errorf("what every release knows is refused: %v", err)
	}
}
