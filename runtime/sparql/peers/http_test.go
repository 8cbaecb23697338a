package peers

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/results"
)

const (
	clients = 8               // at once, each with a connection of its own
	window  = 2 * time.Second // in which requests are counted
)

// rate is how many requests a second one client has answered, and how many
// several at once have together.
type rate struct{ one, many float64 }

// served is a server with what was measured of it.
type served struct {
	engine
	rates map[string]rate
}

// compareHTTP runs a workload against each server, one after another, and prints
// medians of one client and requests a second.
func compareHTTP(t *testing.T, all []server, title, data string, w workload) {
	var ran []*engine
	var measured []*served
	for i, s := range all {
		if s.readOnly && len(w.Mix) > 0 {
			continue
		}
		var m *served
		var err error
		t.Run(s.name, func(t *testing.T) { // so that it ends before the next begins
			var e *endpoint
			if e, err = s.start(t, data); err == nil {
				m, err = e.measure(t, w)
			}
		})
		if err != nil {
			t.Logf("%s: %v", s.name, err)
		}
		if i == 0 && (err != nil || len(m.report.Queries) < len(w.Queries)) {
			t.FailNow()
		}
		if err != nil {
			continue
		}
		m.name = s.name
		ran, measured = append(ran, &m.engine), append(measured, m)
	}
	table(t, title, ran, len(w.Mix))
	ceiling := &served{engine: engine{name: "empty (TLS)"}}
	t.Run("empty", func(t *testing.T) {
		e, err := startEmpty(t, data)
		check(t, err)
		r, err := e.rate(w.requests("")[:1])
		check(t, err)
		ceiling.rates = map[string]rate{}
		for name := range measured[0].rates {
			ceiling.rates[name] = r
		}
	})
	printRates(append(measured, ceiling))
}

// requests are the steps of a name; all those of the mix are "mix".
func (w workload) requests(name string) (out []Step) {
	for _, q := range w.Queries {
		if q.Name == name || name == "" {
			out = append(out, Step{Query: q})
		}
	}
	if name == "mix" || name == "" {
		out = append(out, w.Mix...)
	}
	return out
}

// measure passes over queries that the server does not answer in time.
func (e *endpoint) measure(t *testing.T, w workload) (*served, error) {
	out := &served{engine: engine{report: &report{Load: e.load.Seconds(), RSS: e.resident(), Queries: map[string]*measure{}, Mix: map[string]*measure{}}}, rates: map[string]rate{}}
	for _, q := range w.Queries {
		body, err := e.ask(q.Text)
		if err != nil {
			t.Logf("%s: %v", q.Name, err)
			continue
		}
		s, err := read(body)
		if err != nil {
			return nil, err
		}
		m := s.measure()
		if m.times, err = e.times(Step{Query: q}); err != nil {
			return nil, err
		}
		m.Ms, m.Runs = median(m.times), len(m.times)
		out.report.Queries[q.Name] = m
		if m.Ms > float64(window.Milliseconds())/2 {
			continue // a rate would take minutes
		}
		if out.rates[q.Name], err = e.rate([]Step{{Query: q}}); err != nil {
			return nil, err
		}
	}
	if len(w.Mix) == 0 {
		return out, nil
	}
	if err := e.mix(w, out.report); err != nil {
		return nil, err
	}
	r, err := e.rate(w.Mix)
	out.rates["mix"] = r
	return out, err
}

// times are those of up to 15 requests, in milliseconds.
func (e *endpoint) times(s Step) (out []float64, err error) {
	for end := time.Now().Add(2 * window); len(out) < 15 && (len(out) == 0 || time.Now().Before(end)); {
		at := time.Now()
		if _, err := e.do(s); err != nil {
			return nil, err
		}
		out = append(out, milliseconds(at))
	}
	return out, nil
}

// mix does the steps one after another.
func (e *endpoint) mix(w workload, out *report) error {
	end := time.Now().Add(time.Duration(w.CapSeconds) * time.Second)
	for i, step := range w.Mix {
		if time.Now().After(end) {
			break
		}
		at := time.Now()
		body, err := e.do(step)
		if err != nil {
			return err
		}
		sum := out.Mix[step.Name]
		if sum == nil {
			sum = &measure{}
			out.Mix[step.Name] = sum
		}
		sum.times = append(sum.times, milliseconds(at))
		sum.Runs++
		out.Steps = i + 1
		if step.Text == "" {
			continue
		}
		s, err := read(body)
		if err != nil {
			return err
		}
		m := s.measure()
		sum.Rows += m.Rows
		sum.Hash = sha(sum.Hash + m.Hash)
	}
	for m := range maps.Values(out.Mix) {
		m.Ms = median(m.times)
	}
	return nil
}

// rate asks round and round for the window, with one client and with several,
// each of which begins elsewhere.
func (e *endpoint) rate(steps []Step) (r rate, err error) {
	if r.one, err = e.drive(1, steps); err == nil {
		r.many, err = e.drive(clients, steps)
	}
	return r, err
}

func (e *endpoint) drive(clients int, steps []Step) (float64, error) {
	var all sync.WaitGroup
	done, failed := make([]int, clients), make([]error, clients)
	began := time.Now()
	for c := range clients {
		all.Go(func() {
			for i := c * len(steps) / clients; failed[c] == nil && time.Since(began) < window; i++ {
				_, failed[c] = e.do(steps[i%len(steps)])
				done[c]++
			}
		})
	}
	all.Wait()
	total := 0
	for _, n := range done {
		total += n
	}
	return float64(total) / time.Since(began).Seconds(), errors.Join(failed...)
}

// read gives what an answer in JSON or N-Triples says.
func read(body []byte) (s solved, err error) {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		answer, err := results.ReadJSON(bytes.NewReader(body))
		if err != nil {
			return s, err
		}
		return solved{vars: answer.Vars, rows: answer.Rows}, nil
	}
	seen := map[base.Quad]bool{} // a graph is a set, which not every server keeps
	err = rdf.Parse(bytes.NewReader(body), rdf.NTriples, rdf.Options{}, func(st rdf.Statement) error {
		if !seen[st.Quad] {
			s.quads = append(s.quads, st.Quad)
		}
		seen[st.Quad] = true
		return nil
	})
	return s, err
}

func printRates(all []*served) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-12s", fmt.Sprintf("1 | %d clients", clients))
	for _, s := range all {
		fmt.Fprintf(&b, "  %-22s", s.name)
	}
	for _, name := range slices.Sorted(maps.Keys(all[0].rates)) {
		fmt.Fprintf(&b, "\n%-12s", name)
		for _, s := range all {
			r, ok := s.rates[name]
			if !ok {
				fmt.Fprintf(&b, "  %-22s", "")
				continue
			}
			fmt.Fprintf(&b, "  %8.0f | %8.0f /s", r.one, r.many)
		}
	}
	fmt.Println(b.String())
}
