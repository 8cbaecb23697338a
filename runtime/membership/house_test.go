package membership_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/projection"
)

// house is a cluster of real nodes, each with its log, consensus, fold, front
// door and loop, on virtual time. Cables between them can be pulled.
type house struct {
	t   *testing.T
	dir string

	mu    sync.Mutex
	nodes map[string]*machine
	off   map[string]bool
	lacks atomic.Bool // what a voter needs cannot be given
	level int         // of programs that are started; 0 = the first
}

// machine is one node.
type machine struct {
	h         *house
	id        string
	log       *eventlog.Log
	views     *projection.Projection
	consensus *consensus.Node
	door      *command.Door
	loop      *membership.Loop
	cable     *raft.InmemTransport
	full      atomic.Bool
	level     int
	ahead     atomic.Int64 // milliseconds, of its clock
}

// inHouse runs a test on virtual time in a house with a first node, "a".
func inHouse(t *testing.T, test func(h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, dir: t.TempDir(), nodes: map[string]*machine{}, off: map[string]bool{}}
		defer h.close()
		a := h.start("a", true)
		h.until("a leads", func() bool { l, _ := a.consensus.Leadership(); return l.Leading })
		h.say("a", &domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{Domain: "picloud.local", ClusterID: "6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31", EnrollmentMode: domain.EnrollmentModeApprove}})
		h.enroll("a", "")
		h.until("a is ready and has a vote", func() bool { return h.is("a", domain.RaftRoleVoter, domain.ConditionHealthy) })
		test(h)
	})
}

// three makes a cluster of a, b and c that all vote.
func (h *house) three() {
	h.t.Helper()
	h.join("b")
	h.join("c")
	h.until("three vote", func() bool { return h.voters() == 3 && h.is("c", domain.RaftRoleVoter, domain.ConditionHealthy) })
}

func (h *house) close() {
	for _, m := range h.all() {
		m.stop()
	}
}

func (h *house) all() (all []*machine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.nodes {
		all = append(all, m)
	}
	return all
}

func (h *house) node(id string) *machine {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nodes[id]
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err, h.picture())
	}
}

// start switches a node on.
func (h *house) start(id string, bootstrap bool) *machine {
	h.t.Helper()
	m := &machine{h: h, id: id, level: max(1, h.level)}
	var err error
	m.log, err = eventlog.Open(eventlog.Config{Dir: m.logDir()})
	h.check(err)
	m.views = projection.New(projection.Config{Root: "https://picloud.local", Model: schema.ModelDigest, Checkpoint: filepath.Join(h.dir, id, "state"), Fit: membership.Fit(m.level, "v1")}, m.log)
	_, m.cable = raft.NewInmemTransportWithTimeout(raft.ServerAddress(id), 200*time.Millisecond)
	m.consensus, err = consensus.Open(consensus.Config{Dir: m.raftDir(), ID: id, Bootstrap: bootstrap, Transport: m.cable}, m.log, m.views)
	h.check(err)
	m.door = command.New(command.Config{
		Model: schema.Model, Root: "https://picloud.local", Consensus: m.consensus, Views: m.views, Rules: []command.Rule{membership.KeepQuorum, membership.KeepLevel},
		Gate: (&membership.Loop{}).Gate, Level: m.level,
	})
	h.mu.Lock()
	h.nodes[id] = m
	delete(h.off, id)
	h.mu.Unlock()
	h.plug()
	m.loop = membership.Start(membership.Config{
		Self: id, Consensus: m.consensus, Views: m.views, Say: m.say, Ask: m.ask, Status: m.status,
		Entrust: func(context.Context, string) error {
			if h.lacks.Load() {
				return errors.New("no keys")
			}
			return nil
		},
	})
	return m
}

func (m *machine) raftDir() string { return filepath.Join(m.h.dir, m.id, "raft") }

func (m *machine) logDir() string { return filepath.Join(m.h.dir, m.id, "log") }

// stop switches a node off.
func (m *machine) stop() {
	m.h.mu.Lock()
	delete(m.h.nodes, m.id)
	m.h.mu.Unlock()
	m.h.plug()
	m.loop.Close()
	m.door.Close()
	if err := errors.Join(m.consensus.Close(), m.log.Close(), m.cable.Close()); err != nil {
		m.h.t.Error(err)
	}
}

// plug lays the cables between all that are on.
func (h *house) plug() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.nodes {
		m.cable.DisconnectAll()
		for _, other := range h.nodes {
			if m != other && !h.off[m.id] && !h.off[other.id] {
				m.cable.Connect(raft.ServerAddress(other.id), other.cable)
			}
		}
	}
}

// cut pulls the cables of nodes and lays those of all others.
func (h *house) cut(ids ...string) {
	h.mu.Lock()
	clear(h.off)
	for _, id := range ids {
		h.off[id] = true
	}
	h.mu.Unlock()
	h.plug()
}

func (m *machine) status() membership.Status {
	head := m.log.Head()
	return membership.Status{
		ID: m.id, RaftID: m.consensus.Stats().RaftID, Position: base.Position(m.views.View().Position), Chain: membership.Chain(head.Digest), Full: m.full.Load(), Level: m.level,
		Clock: time.Now().UnixMilli() + m.ahead.Load(),
	}
}

// ask reaches the other's status over its cable.
func (m *machine) ask(_ context.Context, id string) (membership.Status, error) {
	m.h.mu.Lock()
	other := m.h.nodes[id]
	off := other == nil || m.h.off[id] || m.h.off[m.id]
	m.h.mu.Unlock()
	if off {
		return membership.Status{}, errors.New("no route to it")
	}
	return other.status(), nil
}

// say brings a command of the platform to this node's door.
func (m *machine) say(ctx context.Context, c domain.Command) error {
	_, err := m.door.Do(ctx, &command.Request{
		Principal: command.Principal{Actor: base.Ref("/nodes/" + m.id), Role: command.Platform}, Commands: []domain.Command{c}, Correlation: "test",
	})
	return err
}

func (h *house) say(id string, c domain.Command) {
	h.t.Helper()
	h.check(h.node(id).say(h.t.Context(), c))
}

// remove is an operator's wish.
func (h *house) remove(id string) error {
	_, err := h.leader().door.Do(h.t.Context(), &command.Request{
		Principal: command.Principal{Actor: "/tokens/admin", Role: command.Admin}, Commands: []domain.Command{&domain.RemoveNode{Ref: ref(id)}}, Correlation: "test",
	})
	return err
}

func (h *house) enroll(id string, by domain.EnrollmentMode) {
	h.t.Helper()
	h.check(h.leader().say(h.t.Context(), &domain.EnrollNode{Ref: ref(id), Status: domain.NodeStatus{ID: id, EnrolledBy: by}}))
}

func ref(id string) base.Ref { return base.Ref("/nodes/" + id) }

// join enrols a node and switches it on.
func (h *house) join(id string) {
	h.t.Helper()
	h.enroll(id, domain.EnrollmentModeApprove)
	h.start(id, false)
}

func (h *house) leader() *machine {
	h.t.Helper()
	var found *machine
	h.until("somebody leads", func() bool {
		for _, m := range h.all() {
			if l, _ := m.consensus.Leadership(); l.Leading {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// until lets time pass until something holds; an hour of it is too much.
func (h *house) until(what string, holds func() bool) (took time.Duration) {
	h.t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > time.Hour {
			h.t.Fatalf("it never came about that %s: %s", what, h.picture())
		}
		<-time.After(50 * time.Millisecond)
	}
	return time.Since(began)
}

// never lets time pass in which something must not hold.
func (h *house) never(what string, d time.Duration, holds func() bool) {
	h.t.Helper()
	for began := time.Now(); time.Since(began) < d; <-time.After(time.Second) {
		if holds() {
			h.t.Fatalf("%s: %s", what, h.picture())
		}
	}
}

func (h *house) seen(id string) *domain.Node {
	node, _ := h.leader().views.View().State.Get(ref(id)).(*domain.Node)
	return node
}

// is reports what the leader's graph says of a node.
func (h *house) is(id string, role domain.RaftRole, condition domain.Condition) bool {
	node := h.seen(id)
	return node != nil && node.Phase == domain.PhaseReady && node.Status.RaftRole == role && node.Status.Condition == condition
}

func (h *house) voters() (n int) {
	servers, _, err := h.leader().consensus.Servers()
	h.check(err)
	for _, s := range servers {
		if s.Voter {
			n++
		}
	}
	return n
}

func (h *house) picture() string {
	text := ""
	for _, m := range h.all() {
		servers, _, _ := m.consensus.Servers()
		text += fmt.Sprintf("\n%s %+v: %v (fault: %v)", m.id, m.consensus.Stats(), servers, m.consensus.Err())
		for entry := range m.views.View().State.List("/nodes", "") {
			n := entry.Resource.(*domain.Node)
			text += fmt.Sprintf("\n  %s %s %s %s %q", n.Ref, n.Phase, n.Status.RaftRole, n.Status.Condition, n.Reason)
		}
	}
	return text
}

// events are the types of what was written about a subject since a position.
func (h *house) events(about base.Ref, after base.Position) (types []domain.EventType) {
	tail := h.leader()
	for b, err := range tail.log.Read(uint64(after)) {
		h.check(err)
		for _, e := range decode(h.t, b) {
			if e.Subject == about {
				types = append(types, e.Payload.Type())
			}
		}
	}
	return types
}
