package peers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

// TestOurs is our engine as a process beside the others: TestPeers starts it
// and reads what it writes.
func TestOurs(t *testing.T) {
	files := strings.Fields(os.Getenv("PICLOUD_PEERS_OURS"))
	if len(files) != 3 {
		t.Skip("runs only as a process of TestPeers")
	}
	var work workload
	text, err := os.ReadFile(files[1])
	check(t, err)
	check(t, json.Unmarshal(text, &work))
	out, err := json.Marshal((&ours{T: t, store: rdf.NewStore(), work: work}).measure(files[0]))
	check(t, err)
	check(t, os.WriteFile(files[2], out, 0o600))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ours runs a workload.
type ours struct {
	*testing.T
	store *rdf.Store
	work  workload
}

func (o *ours) measure(data string) report {
	out := report{Queries: map[string]*measure{}, Mix: map[string]*measure{}}
	started := time.Now()
	check(o.T, o.load(data))
	out.Load = time.Since(started).Seconds()
	debug.FreeOSMemory()
	out.RSS = resident("self")
	snapshot := o.store.Snapshot()
	for _, q := range o.work.Queries {
		m := o.solve(snapshot, q.Text).measure()
		var times []float64
		for end := time.Now().Add(o.cap() / 10); len(times) < 15 && (len(times) == 0 || time.Now().Before(end)); {
			at := time.Now()
			s := o.solve(snapshot, q.Text)
			times = append(times, milliseconds(at))
			runtime.KeepAlive(s)
		}
		m.Ms, m.Runs = median(times), len(times)
		out.Queries[q.Name] = m
	}
	end := time.Now().Add(o.cap())
	for i, step := range o.work.Mix {
		if time.Now().After(end) {
			break
		}
		o.step(step, out.Mix)
		out.Steps = i + 1
	}
	for _, m := range out.Mix {
		m.Ms = median(m.times)
	}
	return out
}

func median(times []float64) float64 {
	slices.Sort(times)
	return times[len(times)/2]
}

// step adds a step of the mix to the sums.
func (o *ours) step(step Step, sums map[string]*measure) {
	sum := sums[step.Name]
	if sum == nil {
		sum = &measure{}
		sums[step.Name] = sum
	}
	sum.Runs++
	at := time.Now()
	if step.Text == "" {
		o.update(step.update())
		sum.times = append(sum.times, milliseconds(at))
		return
	}
	s := o.solve(o.store.Snapshot(), step.Text)
	sum.times = append(sum.times, milliseconds(at))
	m := s.measure()
	sum.Rows += m.Rows
	sum.Hash = sha(sum.Hash + m.Hash)
}

func (o *ours) cap() time.Duration { return time.Duration(o.work.CapSeconds) * time.Second }

func (o *ours) load(data string) error {
	f, err := os.Open(data)
	if err != nil {
		return err
	}
	defer f.Close()
	o.store.Load(func(yield func(base.Quad) bool) {
		err = rdf.Parse(f, rdf.NTriples, rdf.Options{}, func(s rdf.Statement) error {
			yield(s.Quad)
			return nil
		})
	})
	return err
}

func (o *ours) update(text string) {
	u, err := sparql.ParseUpdate(text, sparql.Options{})
	check(o.T, err)
	change, err := u.Run(context.Background(), sparql.UpdateDataset{Snapshot: o.store.Snapshot()}, sparql.Limits{})
	check(o.T, err)
	o.store.Apply(change.Removed, change.Added)
}

// solved is a whole result in memory.
type solved struct {
	vars  []string
	rows  [][]base.Term
	quads []base.Quad
}

func (o *ours) solve(snapshot *rdf.Snapshot, text string) (s solved) {
	q, err := sparql.Parse(text, sparql.Options{})
	check(o.T, err)
	r, err := sparql.Execute(context.Background(), q, sparql.Dataset{Snapshot: snapshot, Default: []rdf.ID{rdf.DefaultGraph}}, sparql.Limits{})
	check(o.T, err)
	if r.Form == sparql.Select {
		s.vars = r.Vars
		for row, err := range r.Rows() {
			check(o.T, err)
			s.rows = append(s.rows, slices.Clone(row))
		}
		return s
	}
	for quad, err := range r.Quads() {
		check(o.T, err)
		s.quads = append(s.quads, quad)
	}
	return s
}

// measure is the number and the hash of the answers, as the other engines make
// it: sorted lines of name=value.
func (s solved) measure() *measure {
	var lines []string
	for _, row := range s.rows {
		var cells []string
		for i, t := range row {
			if !t.IsZero() {
				cells = append(cells, s.vars[i]+"="+cell(t))
			}
		}
		slices.Sort(cells)
		lines = append(lines, strings.Join(cells, "\t"))
	}
	for _, q := range s.quads {
		lines = append(lines, cell(q.S)+" "+cell(q.P)+" "+cell(q.O))
	}
	slices.Sort(lines)
	return &measure{Rows: len(lines), Hash: sha(strings.Join(lines, "\n"))}
}

func cell(t base.Term) string {
	if t.Kind == base.IRITerm {
		return "<" + t.Value + ">"
	}
	return t.Value
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Nanoseconds()) / 1e6 }

// resident is the memory of a process in bytes, 0 where the system does not
// tell it as Linux does.
func resident(process string) int64 {
	text, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	kib, _ := strconv.ParseInt(strings.Fields(after + " 0")[0], 10, 64)
	return kib << 10
}
