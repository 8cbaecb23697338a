package http_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
	"github.com/picloud/picloud/runtime/sparql/hostile"
)

// attempt is what became of a hostile query.
type attempt struct {
	name   string
	status int
	detail string // of the problem
	err    error  // that broke the answer off
	took   time.Duration
}

// attack sends a query and reads its answer to the end.
func (c *cluster) attack(q hostile.Query, authorization string) (a attempt) {
	a.name = q.Name
	began := time.Now()
	defer func() { a.took = time.Since(began) }()
	r, err := http.NewRequestWithContext(c.t.Context(), "POST", "https://picloud.local/sparql", strings.NewReader(q.Text))
	if err != nil {
		return attempt{name: q.Name, err: err}
	}
	r.Header.Set("Authorization", strings.TrimPrefix(authorization, "Authorization: "))
	r.Header.Set("Content-Type", "application/sparql-query")
	response, err := c.client.Do(r)
	if err != nil { // over HTTP/2 an answer that breaks off soon may take its head along
		return attempt{name: q.Name, err: err}
	}
	defer response.Body.Close()
	a.status = response.StatusCode
	if a.status == http.StatusOK {
		_, a.err = io.Copy(io.Discard, response.Body)
		return a
	}
	var problem struct{ Detail string }
	a.err = json.NewDecoder(response.Body).Decode(&problem)
	a.detail = problem.Detail
	return a
}

// clear reports that an attempt ended as it may: answered, broken off after the
// answer had begun, or refused with a sentence.
func (a attempt) clear() bool {
	switch a.status {
	case 0:
		return strings.Contains(a.err.Error(), "INTERNAL_ERROR") // of the stream: net/http's answer to ErrAbortHandler
	case http.StatusOK:
		return true
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusNotImplemented, http.StatusServiceUnavailable:
		return a.err == nil && len(a.detail) > 15
	}
	return false
}

// bystander asks a simple question until done is closed.
func (c *cluster) bystander(authorization string, done <-chan struct{}) (latencies []time.Duration, failed []string) {
	q := hostile.Query{Name: "bystander", Text: "PREFIX pc: <https://picloud.local/ontology#> SELECT ?name { </products/photo-app> pc:name ?name }"}
	for {
		select {
		case <-done:
			return latencies, failed
		default:
		}
		a := c.attack(q, authorization)
		latencies = append(latencies, a.took)
		if a.status != http.StatusOK || a.err != nil {
			failed = append(failed, fmt.Sprintf("%d %s %v", a.status, a.detail, a.err))
		}
	}
}

// heapInUse is the heap after a collection.
func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first one only moves what pools hold to where the second frees it
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAServerOutlivesTheHostileSet sends all hostile queries at once from four
// callers, while a fifth asks a simple question again and again.
func TestAServerOutlivesTheHostileSet(t *testing.T) {
	const pool = 64 << 20
	limits, rounds := sparql.Limits{Timeout: time.Second, MaxMemoryBytes: 16 << 20}, 1
	if os.Getenv("PICLOUD_LONG") != "" {
		limits, rounds = sparql.Limits{Timeout: 3 * time.Second, MaxMemoryBytes: pool}, 10
	}
	c := start(t, t.TempDir(), func(cfg *edge.Config) {
		cfg.Limits = limits
		cfg.Queries = desk.Config{Running: 4, RunningPerCaller: 1, Waiting: 16, Patience: time.Minute, MemoryBytes: pool}
	})
	c.want(200, c.do("POST", "/apply", example(t, "photo-app.ttl"), turtle))
	calm := c.token("calm", "read")
	var callers []string
	for i := range 4 {
		callers = append(callers, c.token(fmt.Sprint("hostile-", i), "read"))
	}
	queries, err := hostile.Queries()
	if err != nil || len(queries) < 50 {
		t.Fatalf("the set has %d queries only (%v)", len(queries), err)
	}
	before, goroutines := heapInUse(), runtime.NumGoroutine()
	done := make(chan struct{})
	var latencies []time.Duration
	var failed []string
	var watching sync.WaitGroup
	watching.Go(func() { latencies, failed = c.bystander(calm, done) })
	peak := before
	watching.Go(func() { peak = peakHeap(done) })
	work := make(chan hostile.Query)
	var mu sync.Mutex
	var attempts []attempt
	var all sync.WaitGroup
	for _, caller := range callers {
		all.Go(func() {
			for q := range work {
				a := c.attack(q, caller)
				mu.Lock()
				attempts = append(attempts, a)
				mu.Unlock()
			}
		})
	}
	for range rounds {
		for _, q := range queries {
			work <- q
		}
	}
	close(work)
	all.Wait()
	close(done)
	watching.Wait()
	for _, a := range attempts {
		if !a.clear() {
			t.Errorf("%s: %d %q %v", a.name, a.status, a.detail, a.err)
		}
		if a.took > limits.Timeout+5*time.Second { // it may have waited; the machine may be busy
			t.Errorf("%s took %s", a.name, a.took)
		}
		t.Logf("%-28s %3d %8.1f ms  %.90s", a.name, a.status, float64(a.took.Microseconds())/1000, strings.ReplaceAll(a.detail, "\n", " "))
	}
	for _, f := range failed {
		t.Error("somebody else was not answered:", f)
	}
	slices.Sort(latencies)
	t.Logf("somebody else: %d answers, median %s, 95 %% %s, slowest %s", len(latencies), latencies[len(latencies)/2], latencies[len(latencies)*95/100], latencies[len(latencies)-1])
	if left := c.listed(c.admin()); len(left) != 0 {
		t.Error("at the desk is still", left)
	}
	c.client.CloseIdleConnections()
	after := heapInUse()
	t.Logf("heap %.1f MiB before, at most %.1f MiB, %.1f MiB after; %d goroutines before, %d after", mib(before), mib(peak), mib(after), goroutines, runtime.NumGoroutine())
	if peak > before+3*pool {
		t.Errorf("the heap grew from %.1f to %.1f MiB while %.1f MiB were to be shared", mib(before), mib(peak), mib(pool))
	}
	if after > before+32<<20 {
		t.Errorf("the heap grew from %.1f to %.1f MiB", mib(before), mib(after))
	}
	if now := runtime.NumGoroutine(); now > goroutines+8 { // connections that are being closed
		t.Errorf("%d goroutines before, %d after", goroutines, now)
	}
}

// peakHeap is the most that a collection finds in use until done is closed.
func peakHeap(done <-chan struct{}) (peak uint64) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case <-done:
			tick.Stop()
			return peak
		case <-tick.C:
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
		}
	}
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
