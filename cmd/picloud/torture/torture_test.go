//go:build linux

package torture_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowTime is what a node may take until it serves again before it is said why.
const slowTime = 1500 * ms

// long is a run in which there is time for what takes minutes.
const long = 10 * time.Minute

// happened is one fault that was done.
type happened struct {
	fault    string
	from, to time.Duration
	outage   time.Duration // the longest time without an acknowledged write, while it lasted and until all was well
	recovery time.Duration // from its end until every node served again
}

// TestTorture tortures a cluster of three (PICLOUD_NODES) for as long as
// PICLOUD_TORTURE says.
func TestTorture(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("PICLOUD_TORTURE"))
	if err != nil {
		t.Skip("it takes minutes: make torture TORTURE=5m, or PICLOUD_TORTURE=5m")
	}
	seed, err := strconv.ParseUint(os.Getenv("PICLOUD_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: make torture TORTURE=%s SEED=%d", seed, length, seed)
	nodes, err := strconv.Atoi(os.Getenv("PICLOUD_NODES"))
	if err != nil {
		nodes = 3
	}
	c := form(t, nodes, chances(seed))
	r, err := c.send(t.Context(), c.machines[0], "PUT", "/products/torture", `{"version":"1.0.0"}`, nil)
	if err != nil || r.status != http.StatusCreated {
		t.Fatal(r, err)
	}
	rec := &record{began: time.Now(), statuses: map[int]int{}}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 8 {
		w := &worker{cluster: c, record: rec, number: i, chance: rand.New(rand.NewPCG(seed, uint64(100+i)))}
		if i < len(c.machines) { // so that some clients never wait for a node that hangs
			w.only = c.machines[i]
		}
		all.Go(func() { w.work(ctx) })
	}
	f := &follower{cluster: c, record: rec, chance: rand.New(rand.NewPCG(seed, 3))}
	all.Go(func() { f.follow(ctx, 0) })
	x := &tormentor{cluster: c, record: rec, chance: rand.New(rand.NewPCG(seed, 1))}
	defer func() { // also when it was waited in vain for a node
		stop()
		all.Wait()
		rec.report(t, x.done)
		c.judge(rec, f)
	}()
	x.torment(ctx, length)
}

// torment breaks things until the time is over, each kind in turn in an order
// by chance, and lets the cluster recover from each.
func (x *tormentor) torment(ctx context.Context, length time.Duration) {
	pause(ctx, time.Second) // in peace, to compare with
	away := length >= long
	for over := x.now() + length; x.now() < over; {
		for _, i := range x.chance.Perm(len(faults)) {
			f := faults[i]
			if x.now() >= over || !x.possible(f) {
				continue
			}
			x.one(ctx, f.name, f.run)
		}
		if away && len(x.done) > 0 {
			away = false
			x.one(ctx, "200,000 events away", func(x *tormentor, ctx context.Context) { x.Log(x.absence(ctx, 200_000)) })
		}
	}
	if length < long {
		x.one(ctx, "2,000 events away", func(x *tormentor, ctx context.Context) { x.Log(x.absence(ctx, 2000)) })
	}
}

// possible says that a fault can be done here, and is among those that
// PICLOUD_FAULTS names, such as "deaf,link down"; without it all are.
func (x *tormentor) possible(f fault) bool {
	chosen := os.Getenv("PICLOUD_FAULTS")
	return (!f.wires || x.network != nil) && (!f.small || x.small != nil) && (!f.clock || x.clocks) && (chosen == "" || slices.Contains(strings.Split(chosen, ","), f.name))
}

// one does one fault and waits until every node serves.
func (x *tormentor) one(ctx context.Context, name string, run func(*tormentor, context.Context)) {
	h := happened{fault: name, from: x.now()}
	run(x, ctx)
	h.to = x.now()
	slow := ""
	for _, m := range x.machines {
		var last error
		x.until(fmt.Sprintf("%s to serve after %q, %s after the beginning", m.name, name, h.to.Round(ms)), func() (err error) {
			if err = x.serves(ctx, m); err != nil {
				last = err
			}
			return err
		})
		if took := x.now() - h.to; last != nil && took > slowTime {
			slow += fmt.Sprintf("\n          %s only after %s, at last: %.300s", m.name, took.Round(ms), last)
		}
	}
	x.until("a write after "+name, func() error {
		if x.acknowledged(h.to) == 0 {
			return fmt.Errorf("none in %s", x.now()-h.to)
		}
		return nil
	})
	well := x.now()
	h.recovery = well - h.to
	x.mu.Lock()
	var during []request
	for _, q := range x.requests {
		if q.returned >= h.from && q.returned <= well {
			q.returned -= h.from
			during = append(during, q)
		}
	}
	x.mu.Unlock()
	from, to := longestGap(during, well-h.from)
	h.outage = to - from
	x.Logf("%8s  %-22s lasted %-8s  longest without a write %-8s  all nodes served after %s%s",
		h.from.Round(ms), name, (h.to - h.from).Round(ms), h.outage.Round(ms), h.recovery.Round(ms), slow)
	x.done = append(x.done, h)
	pause(ctx, time.Duration(200+x.chance.IntN(1500))*ms)
}

// judge compares what was recorded with what every node has; once the test has
// failed because a node does not serve, with what those have that do.
func (c *cluster) judge(rec *record, f *follower) {
	serving := slices.Clone(c.machines)
	if c.Failed() {
		serving = slices.DeleteFunc(serving, func(m *machine) bool { return c.serves(c.Context(), m) != nil })
		if len(serving) == 0 {
			c.Error("nobody serves, so nothing can be judged")
			return
		}
	} else {
		c.ready()
	}
	logs := c.logs(serving)
	log := logs[serving[0].name]
	var v verdict
	judgeLogs(&v, logs)
	judgeWrites(&v, rec.requests, log)
	judgeOrder(&v, rec.requests, log)
	keys, undecided := judgeRegisters(&v, rec.requests, log, time.Minute)
	judgeFollower(&v, f.seen, log)
	c.Logf("judged: %d keys are registers (%d undecided); %d events in each log; a follower saw %d of them at %d places; lost %d, doubled %d, refused and yet done %d, out of order %d",
		keys, undecided, len(log), len(f.seen), f.moves, v.lost, v.doubled, v.ghosts, v.disordered)
	for _, finding := range append(v.findings, rec.wrong...) {
		c.Error(finding)
	}
	c.sums(serving)
	for _, m := range c.machines {
		for _, ending := range m.endings {
			c.Log(ending)
		}
	}
}

// logs reads the log of every node. What clients no longer waited for may still
// be under way, so it reads again until all have the same length, for a while.
func (c *cluster) logs(machines []*machine) map[string][]entry {
	for over := time.Now().Add(patience); ; pause(c.Context(), 100*ms) {
		logs, lengths := map[string][]entry{}, map[int]bool{}
		for _, m := range machines {
			c.must(c.events(c.Context(), m, 0, false, func(e entry) { logs[m.name] = append(logs[m.name], e) }))
			lengths[len(logs[m.name])] = true
		}
		if len(lengths) == 1 || time.Now().After(over) {
			return logs
		}
	}
}

// sums compares what each node makes of its log, and the nodes.
func (c *cluster) sums(machines []*machine) {
	type verified struct {
		Position uint64
		Equal    bool
		Live     map[string]string
	}
	// A position at which all are compared: nobody writes any more but the
	// platform itself, so it is tried until they agree on one.
	c.until("all nodes to be the same", func() error {
		var first verified
		for i, m := range machines {
			ctx, cancel := context.WithTimeout(c.Context(), patience)
			r, err := c.send(ctx, m, "GET", "/-/verify", "", nil)
			cancel()
			var is verified
			if err == nil {
				err = json.Unmarshal([]byte(r.body), &is)
			}
			switch {
			case err != nil:
				return fmt.Errorf("%s: %d %w", m.name, r.status, err)
			case !is.Equal:
				return fmt.Errorf("%s is not what its log says: %s", m.name, r.body)
			case i == 0:
				first = is
			case fmt.Sprint(is) != fmt.Sprint(first):
				return fmt.Errorf("%s: %v, %s: %v", machines[0].name, first, m.name, is)
			}
		}
		c.Logf("every node is at position %d with chain %.16s, state %.16s, graph %.16s, and made all that again from its log",
			first.Position, first.Live["chain"], first.Live["state"], first.Live["graph"])
		return nil
	})
}

// report prints the summary.
func (r *record) report(t *testing.T, done []happened) {
	kinds := map[string][]happened{}
	for _, h := range done {
		kinds[h.fault] = append(kinds[h.fault], h)
	}
	var b strings.Builder
	total := 0
	for _, n := range r.statuses {
		total += n
	}
	fmt.Fprintf(&b, "%d requests in %s, by status of the answer:", total, r.now().Round(time.Second))
	for _, status := range slices.Sorted(keysOf(r.statuses)) {
		fmt.Fprintf(&b, " %s %d", map[bool]string{true: "none", false: strconv.Itoa(status)}[status == 0], r.statuses[status])
	}
	fmt.Fprintf(&b, "\n%d faults\n%-24s %5s  %-10s %-10s\n", len(done), "fault", "times", "outage ≤", "recovery ≤")
	for _, name := range slices.Sorted(keysOf(kinds)) {
		var outage, recovery time.Duration
		for _, h := range kinds[name] {
			outage, recovery = max(outage, h.outage), max(recovery, h.recovery)
		}
		fmt.Fprintf(&b, "%-24s %5d  %-10s %-10s\n", name, len(kinds[name]), outage.Round(ms), recovery.Round(ms))
	}
	from, to := longestGap(r.requests, r.now())
	fmt.Fprintf(&b, "longest time without an acknowledged write: %s, from %s", (to - from).Round(ms), from.Round(ms))
	t.Log(b.String())
}
