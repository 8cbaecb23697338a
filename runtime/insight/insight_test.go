package insight

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/state"
)

// house is a cluster of nodes that report, with a fold in the place of the log.
// Requests of members reach the other's handler.
type house struct {
	t *testing.T

	mu      sync.Mutex
	builder *state.Builder
	state   *state.State
	batches []int // how many events each had
	leader  int
	changed chan struct{}
	nodes   []*Insight
	kernels []*kernel
}

// kernel is a machine's own report of itself, which changes while it is read.
type kernel struct {
	mu         sync.Mutex
	busy, idle int
}

func (k *kernel) Open(name string) (fs.File, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return files(map[string]string{
		"proc/stat": fmt.Sprintf("cpu %d 0 0 %d 0\n", k.busy, k.idle), "proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 500 kB\n",
	}).Open(name)
}

func (k *kernel) work(percent int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy, k.idle = k.busy+percent*100, k.idle+(100-percent)*100
}

type caller struct{}

func id(i int) string { return fmt.Sprintf("%064d", i) }

func ref(i int) base.Ref { return base.Ref(fmt.Sprintf("/nodes/pi-%d", i)) }

func newHouse(t *testing.T, n int) *house {
	h := &house{t: t, builder: state.New().Build(), changed: make(chan struct{})}
	h.say(&domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{Domain: "picloud.local"}})
	for i := range n {
		h.say(&domain.EnrollNode{Ref: ref(i), Status: domain.NodeStatus{ID: id(i), WrapKey: "w", EnrolledBy: domain.EnrollmentModeToken}})
	}
	h.batches = nil
	for i := range n {
		<-time.After(time.Second)
		h.start(i, func() string { h.mu.Lock(); defer h.mu.Unlock(); return id(h.leader) })
	}
	<-time.After(2500 * time.Millisecond) // from here on between two measurements
	return h
}

// start begins the reports of a node, which hears of the leader what it is told.
func (h *house) start(i int, leader func() string) {
	for len(h.kernels) <= i {
		h.kernels = append(h.kernels, &kernel{})
	}
	node := Start(Config{
		Self: id(i),
		Own: func() domain.NodeStatus {
			return domain.NodeStatus{Hostname: fmt.Sprintf("pi-%d", i), ID: "another", EnrolledBy: domain.EnrollmentModeApprove}
		},
		Authority: func() string { return "ca" },
		Meter:     &Meter{Root: h.kernels[i], Now: time.Now, Disk: func() (int64, int64, bool) { return 1 << 30, 1 << 20, true }},
		Leader:    leader,
		Leading: func() (bool, <-chan struct{}) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.leader == i, h.changed
		},
		State: func() *state.State { h.mu.Lock(); defer h.mu.Unlock(); return h.state },
		Say: func(_ context.Context, c ...domain.Command) error {
			h.say(c...)
			return nil
		},
		Peers:  &http.Client{Transport: wire{h, i}},
		Caller: func(ctx context.Context) string { s, _ := ctx.Value(caller{}).(string); return s },
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes = append(h.nodes, node)
}

// say decides and folds as one batch.
func (h *house) say(commands ...domain.Command) {
	h.mu.Lock()
	defer h.mu.Unlock()
	events := 0
	for _, c := range commands {
		payloads, err := c.Decide(h.builder.Peek().Get(c.Subject()))
		if err != nil {
			h.t.Error(err)
		}
		for _, p := range payloads {
			events++
			at := h.builder.Peek().Position + 1
			h.builder.Fold(&domain.Event{Position: at, Subject: c.Subject(), Time: base.TimeOf(time.Now()), Payload: p})
			h.builder.Move(state.Head{Position: at})
		}
	}
	if events > 0 {
		h.batches = append(h.batches, events)
	}
	h.state = h.builder.State()
}

func (h *house) lead(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leader = i
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *house) written() (batches []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	batches, h.batches = h.batches, nil
	return batches
}

func (h *house) node(i int) *domain.Node {
	h.mu.Lock()
	defer h.mu.Unlock()
	node, _ := h.state.Get(ref(i)).(*domain.Node)
	return node
}

func (h *house) close() {
	for _, n := range h.nodes {
		n.Close()
	}
}

// wire brings requests of a member to the handler of another.
type wire struct {
	h    *house
	from int
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.h.mu.Lock()
	nodes := w.h.nodes
	w.h.mu.Unlock()
	for i, n := range nodes {
		if id(i) == r.URL.Host && n != nil {
			recorder := httptest.NewRecorder()
			n.ServeHTTP(recorder, r.WithContext(context.WithValue(r.Context(), caller{}, id(w.from))))
			return recorder.Result(), nil
		}
	}
	return nil, fmt.Errorf("no such node")
}

// after lets time pass in steps of a measurement; each node is as busy as given.
func (h *house) after(d time.Duration, percent ...int) {
	for range int(d / (15 * time.Second)) {
		for i, p := range percent {
			h.kernels[i].work(p)
		}
		<-time.After(15 * time.Second)
		synctest.Wait()
	}
}

// Whoever looks at a node that just joined finds its figures, also when nobody
// led in its first moments.
func TestFiguresOfANewNodeAreThereWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 3)
		defer h.close()
		h.say(&domain.EnrollNode{Ref: ref(3), Status: domain.NodeStatus{ID: id(3), WrapKey: "w", EnrolledBy: domain.EnrollmentModeToken}})
		h.written()
		var led atomic.Bool
		h.start(3, func() string { // it hears of the leader after three seconds
			if led.Load() {
				return id(0)
			}
			return ""
		})
		<-time.After(3 * time.Second)
		if h.node(3).Status.Metrics != nil {
			t.Fatal("a node that found no leader is known all the same")
		}
		led.Store(true)
		for range 5 {
			h.kernels[3].work(10)
			<-time.After(time.Second)
		}
		synctest.Wait()
		if m := h.node(3).Status.Metrics; m == nil || m.CPUUsed == nil || m.DiskUsed == nil {
			t.Errorf("five seconds after it found the leader its figures are %+v", m)
		}
		if got := h.written(); len(got) > 2 {
			t.Errorf("a node that joined led to batches of %v events, want at most two", got)
		}
	})
}

func TestAllReportsOfAnIntervalAreOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 3)
		defer h.close()
		h.after(time.Minute, 10, 10, 10)
		h.written()
		const rounds = 10
		for i := range rounds {
			h.after(3*time.Minute, 60-30*(i%2), 70-30*(i%2), 80-30*(i%2))
		}
		got, events := h.written(), 0
		for _, n := range got {
			events += n
		}
		if len(got) < rounds || len(got) > 4*rounds || events < 2*len(got) {
			t.Errorf("three nodes do something else every three minutes, %d times, and batches of %v events were written", rounds, got)
		}
		h.after(5*time.Minute, 60, 70, 80)
		for i, want := range []float64{0.6, 0.7, 0.8} {
			if got := base.OrZero(h.node(i).Status.Metrics.CPUUsed); math.Abs(got-want) > 0.05 {
				t.Errorf("node %d is busy by %v, want %v", i, got, want)
			}
		}
	})
}

// A machine that others use, or that does something every minute, is at rest.
func TestAMachineThatSwingsDoesNotWriteForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 3)
		defer h.close()
		h.after(5*time.Minute, 50, 50, 50)
		h.written()
		chance := rand.New(rand.NewPCG(1, 2))
		for range 4 * 60 * 4 { // the busiest plausible ones, for four hours
			h.after(15*time.Second, chance.IntN(100), chance.IntN(100), chance.IntN(100))
		}
		if got := h.written(); len(got) > 4*75 {
			t.Errorf("three machines that swing from nothing to all wrote %d batches in four hours, much more than one a minute", len(got))
		}
		for range 4 * 60 * 4 {
			h.after(15*time.Second, 5+chance.IntN(15), 5+chance.IntN(15), 5+chance.IntN(15))
		}
		if got := h.written(); len(got) > 4*20 {
			t.Errorf("three machines with a little to do wrote %d batches in four hours", len(got))
		}
	})
}

func TestNothingIsWrittenAtRestButOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 3)
		defer h.close()
		h.after(10*time.Minute, 10, 10, 10)
		h.written()
		h.after(45*time.Minute, 12, 9, 11)
		if got := h.written(); len(got) != 0 {
			t.Errorf("at rest batches of %v events were written", got)
		}
		h.after(24*time.Hour, 10, 10, 10)
		if got := h.written(); len(got) < 23 || len(got) > 27 {
			t.Errorf("in a day at rest there were %d batches: %v", len(got), got)
		}
	})
}

func TestAReportChangesOnlyWhatTheNodeKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 2)
		defer h.close()
		h.say(&domain.JoinNode{Ref: ref(1)})
		h.say(&domain.DrainNode{Ref: ref(1)})
		h.after(time.Minute, 10, 10)
		s := h.node(1).Status
		if s.Hostname != "pi-1" || s.ID != id(1) || s.EnrolledBy != domain.EnrollmentModeToken || s.WrapKey != "w" {
			t.Errorf("%+v", s)
		}
		if s.Cordoned == nil || !*s.Cordoned || s.Condition != domain.ConditionHealthy || *s.IsLeader {
			t.Errorf("the report undid what others said: %+v", s)
		}
	})
}

func TestANewLeaderIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 3)
		defer h.close()
		h.after(time.Minute, 10, 10, 10)
		h.written()
		h.lead(2)
		synctest.Wait()
		if got := h.written(); len(got) != 1 || got[0] != 2 {
			t.Errorf("batches of %v events", got)
		}
		if *h.node(0).Status.IsLeader || !*h.node(2).Status.IsLeader {
			t.Error("the graph names the former leader")
		}
		h.after(5*time.Minute, 10, 10, 90)
		if got := base.OrZero(h.node(2).Status.Metrics.CPUUsed); got < 0.85 {
			t.Errorf("the new leader wrote %v", got)
		}
		if got := base.OrZero(h.node(0).Status.Metrics.CPUUsed); got != 0.1 {
			t.Errorf("of the former leader it wrote %v", got)
		}
	})
}

func TestARemovedNodeDoesNotComeBackByItsReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 2)
		defer h.close()
		h.after(time.Minute, 10, 10)
		h.say(&domain.RemoveNode{Ref: ref(1)})
		h.say(&domain.EndNode{Ref: ref(1)})
		h.after(time.Minute, 10, 90)
		if h.node(1) != nil {
			t.Error("it is back")
		}
	})
}

func TestAStrangerReportsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1)
		defer h.close()
		for method, want := range map[string]int{http.MethodPost: http.StatusForbidden, http.MethodGet: http.StatusMethodNotAllowed} {
			request, err := http.NewRequest(method, "https://"+id(0)+Path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if method == http.MethodPost {
				request, _ = http.NewRequest(method, "https://"+id(0)+Path, bytes.NewReader(encode(domain.NodeStatus{Hostname: "x"})))
			}
			response, err := wire{h, 7}.RoundTrip(request)
			if err != nil || response.StatusCode != want {
				t.Errorf("%s: %v %v", method, response.Status, err)
			}
		}
	})
}
