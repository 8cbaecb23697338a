package membership_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/membership"
)

// surveyor looks from a node; logs are put in the place of those of others.
func (h *house) surveyor(from string, logs map[string]*eventlog.Log) *membership.Surveyor {
	m := h.node(from)
	log := m.log
	if other := logs[from]; other != nil {
		log = other
	}
	return &membership.Surveyor{
		Self: from, Consensus: m.consensus, Views: m.views, Log: log, Status: m.status, Peers: &http.Client{Transport: route{h, from, logs}},
	}
}

// route brings requests of a node to what another one mounts.
type route struct {
	h    *house
	from string
	logs map[string]*eventlog.Log
}

func (r route) RoundTrip(request *http.Request) (*http.Response, error) {
	to := request.URL.Host
	r.h.mu.Lock()
	off := r.h.nodes[to] == nil || r.h.off[to] || r.h.off[r.from]
	r.h.mu.Unlock()
	if off {
		return nil, errors.New("no route to it")
	}
	mux := http.NewServeMux()
	r.h.surveyor(to, r.logs).Mount(mux)
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, request)
	return recorder.Result(), nil
}

// forged is the log of a node with another word in it.
func (h *house) forged(of string) *eventlog.Log {
	log, err := eventlog.Open(eventlog.Config{Dir: filepath.Join(h.dir, "forged")})
	h.check(err)
	h.t.Cleanup(func() { _ = log.Close() })
	for b, err := range h.node(of).log.Read(0) {
		h.check(err)
		b.Payload = []byte(strings.Replace(string(b.Payload), "picloud.local", "picloud.cloud", 1))
		copied := eventlog.Batch{Time: b.Time, Count: b.Count, Payload: b.Payload}
		_, err = log.Append(b.Index, []eventlog.Batch{copied})
		h.check(err)
	}
	return log
}

func TestSurveyTellsWhatTheClusterBears(t *testing.T) {
	inHouse(t, func(h *house) {
		h.three()
		<-time.After(time.Minute)
		lead := h.leader().id
		h.node("c").ahead.Store(90_000)
		o, err := h.surveyor(lead, nil).Survey(h.t.Context())
		h.check(err)
		if o.Leader != lead || o.Voters != 3 || o.InReach != 3 || o.Quorum != 2 || o.MayLose != 1 || !o.Writes || len(o.Nodes) != 3 || o.Position == 0 {
			t.Errorf("%+v", o)
		}
		two := membership.Bearing{Voters: 2, InReach: 2, Quorum: 2}
		for _, n := range o.Nodes {
			if n.Without != two {
				t.Errorf("without %s it would bear %+v, want %+v", n.Name, n.Without, two)
			}
		}
		alone := "a"
		if lead == "a" {
			alone = "b"
		}
		h.cut(alone)
		<-time.After(time.Minute)
		o, err = h.surveyor(alone, nil).Survey(h.t.Context())
		h.check(err)
		if o.Leader != "" || o.InReach != 1 || o.MayLose != 0 || o.Writes || o.Asked != alone {
			t.Errorf("cut off it says %+v", o)
		}
		o, err = h.surveyor(h.leader().id, nil).Survey(h.t.Context())
		h.check(err)
		if o.InReach != 2 || o.MayLose != 0 || !o.Writes {
			t.Errorf("the majority says %+v", o)
		}
		for _, n := range o.Nodes {
			want := two // who does not answer is no loss
			if n.Name != alone {
				want.InReach = 1
			}
			if n.Without != want {
				t.Errorf("with %s away and without %s it would bear %+v, want %+v", alone, n.Name, n.Without, want)
			}
		}
		for _, n := range o.Nodes {
			if n.Answers == (n.Name == alone) || n.Answers == (n.Fault != "") || n.Answers == (n.Since != "") {
				t.Errorf("of %s it says %+v", n.Name, n)
			}
			if n.Answers && (n.ClockAhead == nil || *n.ClockAhead != map[string]int64{"c": 90_000}[n.Name]) && o.Leader != "c" {
				t.Errorf("of the clock of %s it says %+v", n.Name, n)
			}
		}
	})
}

func TestComparisonFindsAnotherHistory(t *testing.T) {
	inHouse(t, func(h *house) {
		h.three()
		<-time.After(time.Minute)
		for _, rebuild := range []bool{false, true} {
			c := h.surveyor("a", nil).Compare(h.t.Context(), rebuild)
			if !c.Equal || !c.Complete || len(c.Nodes) != 3 || c.Position != base.Position(h.node("a").log.Head().Position) {
				t.Errorf("of equal logs it says %+v", c)
			}
		}
		c := h.surveyor("a", map[string]*eventlog.Log{"b": h.forged("b")}).Compare(h.t.Context(), false)
		if c.Equal || !c.Complete || c.Nodes[1].Equal || !c.Nodes[2].Equal {
			t.Errorf("of another history it says %+v", c)
		}
		h.cut("c")
		c = h.surveyor("a", nil).Compare(h.t.Context(), false)
		if !c.Equal || c.Complete || c.Nodes[2].Fault != "no route to it" || c.Nodes[2].Chain != nil {
			t.Errorf("with a node away it says %+v", c)
		}
	})
}

// Whoever is told that the leadership is handed over can remove who led.
func TestHandingOverIsAnsweredWhenTheLogSaysWhoLeads(t *testing.T) {
	inHouse(t, func(h *house) {
		h.three()
		<-time.After(time.Minute)
		former := h.leader()
		h.check(h.surveyor(former.id, nil).HandOver(h.t.Context(), ""))
		if cluster := former.views.State().Get("/").(*domain.Cluster); cluster.Status.Leader == ref(former.id) {
			t.Errorf("the log says still that %s leads", former.id)
		}
		h.check(h.remove(former.id))
	})
}

// A client repeats what is unavailable; who is silent stays so for longer than that.
func TestWhoIsSilentIsNamedInsteadOfLeading(t *testing.T) {
	inHouse(t, func(h *house) {
		h.three()
		<-time.After(time.Minute)
		lead := h.leader().id
		silent := "b"
		if lead == "b" {
			silent = "c"
		}
		h.cut(silent)
		h.until("it is missed", func() bool { return h.is(silent, domain.RaftRoleVoter, domain.ConditionUnreachable) })
		var refused *base.Error
		err := h.surveyor(lead, nil).HandOver(h.t.Context(), ref(silent))
		if !errors.As(err, &refused) || refused.Code != base.Conflict || !strings.Contains(refused.Detail, "/nodes/"+silent+" does not answer") {
			t.Errorf("%v", err)
		}
		h.check(h.surveyor(lead, nil).HandOver(h.t.Context(), "")) // the third
	})
}

// Between two generations of positions lie many that no event has; to count them
// would say that a node is millions of millions of events behind.
func TestWhoKnowsNothingOfAGenerationIsBehindByThat(t *testing.T) {
	inHouse(t, func(h *house) {
		h.join("b")
		h.until("it has the log", func() bool { return h.is("b", domain.RaftRoleVoter, domain.ConditionHealthy) })
		s := h.surveyor("a", nil)
		now := s.Status
		s.Status = func() membership.Status {
			status := now()
			status.Position = 3<<eventlog.GenerationBits + 7
			return status
		}
		o, err := s.Survey(h.t.Context())
		h.check(err)
		if a, b := o.Nodes[0], o.Nodes[1]; a.Behind != 0 || a.Outdated != 0 || b.Behind != 7 || b.Outdated != 3 {
			t.Errorf("the one is %d behind and %d generations, the other %d and %d", a.Behind, a.Outdated, b.Behind, b.Outdated)
		}
	})
}

func TestDiskIsToldAsItIsNow(t *testing.T) {
	inHouse(t, func(h *house) {
		s := h.surveyor("a", nil)
		now := s.Status
		s.Status = func() membership.Status {
			status := now()
			status.DiskSize, status.DiskUsed = 1000, 250
			return status
		}
		o, err := s.Survey(h.t.Context())
		h.check(err)
		if n := o.Nodes[0]; n.DiskSize != 1000 || n.DiskUsed != 250 {
			t.Errorf("of 1000 bytes, 250 in use, it says %d of %d", n.DiskUsed, n.DiskSize)
		}
	})
}

func TestWhoCouldLeadIsNamedToWhoNamesAnother(t *testing.T) {
	inHouse(t, func(h *house) {
		var refused *base.Error
		if err := h.surveyor("a", nil).HandOver(h.t.Context(), ""); !errors.As(err, &refused) || refused.Code != base.Conflict {
			t.Errorf("alone: %v", err)
		}
		h.three()
		lead := h.leader().id
		others := strings.Join(slices.DeleteFunc([]string{"a", "b", "c"}, func(id string) bool { return id == lead }), ", ")
		err := h.surveyor(lead, nil).HandOver(h.t.Context(), ref("nope"))
		if !errors.As(err, &refused) || refused.Code != base.NotFound || !strings.Contains(refused.Detail, "no node nope to lead; who could: "+others) {
			t.Errorf("%v", err)
		}
	})
}
