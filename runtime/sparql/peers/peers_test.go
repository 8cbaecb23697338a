package peers

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// workload is what an engine is asked to do.
type workload struct {
	Queries    []Query `json:"queries"`
	Mix        []Step  `json:"mix"`
	CapSeconds int     `json:"capSeconds"` // for the mix; each query has a tenth
}

// report is what an engine tells. Times are medians in milliseconds, the load's
// seconds.
type report struct {
	Load    float64             `json:"load"`
	RSS     int64               `json:"rss"`
	Queries map[string]*measure `json:"queries"`
	Mix     map[string]*measure `json:"mix"`
	// Steps are how many of the mix were done before the time was over.
	Steps int `json:"steps"`
}

type measure struct {
	Ms   float64 `json:"ms"`
	Runs int     `json:"runs"`
	Rows int     `json:"rows"`
	Hash string  `json:"hash"`

	times []float64
}

// engine is one of those compared.
type engine struct {
	name    string
	command []string // takes the data and the workload as last arguments
	differ  []string // takes cases as last argument
	report  *report
}

const rounds = 25 // of the mix

// TestPeers compares engines on PICLOUD_PEERS triples (sizes with commas
// between) and prints ratios. It installs the others below PICLOUD_PEERS_DIR,
// or a directory that it removes again, and passes over those that it cannot
// install. That all agree on the answers is all that it asserts.
func TestPeers(t *testing.T) {
	sizes := os.Getenv("PICLOUD_PEERS")
	if sizes == "" {
		t.Skip("it installs other engines and takes minutes: make bench-graph")
	}
	i := newInstaller(t)
	engines, servers := i.engines(), i.servers()
	for size := range strings.SplitSeq(sizes, ",") {
		triples, err := strconv.Atoi(size)
		check(t, err)
		company := workload{Queries: CompanyQueries(), Mix: []Step{}, CapSeconds: 60}
		shop := workload{Queries: []Query{}, Mix: Mix(triples, rounds), CapSeconds: 60}
		dir := t.TempDir()
		people, products := write(t, dir, "company.nt", Company(triples)), write(t, dir, "shop.nt", Shop(triples))
		compare(t, engines, fmt.Sprintf("company, %d triples", triples), people, company, triples)
		compare(t, engines, fmt.Sprintf("shop, %d triples, %d rounds of the mix", triples, rounds), products, shop, triples)
		compareHTTP(t, servers, fmt.Sprintf("over HTTP: company, %d triples", triples), people, company)
		compareHTTP(t, servers, fmt.Sprintf("over HTTP: shop, %d triples, %d rounds of the mix; a change of ours is synced to the disk, which RocksDB leaves to the system", triples, rounds), products, shop)
	}
}

// write gives the name of a new file of N-Triples.
func write(t *testing.T, dir, name string, quads []base.Quad) string {
	name = filepath.Join(dir, name)
	f, err := os.Create(name)
	check(t, err)
	check(t, rdf.Write(f, rdf.NTriples, slices.Values(quads), rdf.WriteOptions{}))
	check(t, f.Close())
	return name
}

// compare runs a workload in each engine, one after another, and prints a table.
func compare(t *testing.T, engines []*engine, title, data string, w workload, triples int) {
	dir := t.TempDir()
	work := filepath.Join(dir, "work.json")
	text, err := json.Marshal(w)
	check(t, err)
	check(t, os.WriteFile(work, text, 0o600))
	var ran []*engine
	for _, e := range engines {
		if err := e.run(dir, data, work); err != nil {
			t.Logf("%s: %v", e.name, err)
			if e.command == nil {
				t.FailNow()
			}
			continue
		}
		ran = append(ran, e)
	}
	table(t, title, ran, len(w.Mix))
	goals(ran, triples)
}

func (e *engine) run(dir, data, work string) error {
	var text []byte
	if e.command == nil {
		out := filepath.Join(dir, "ours.json")
		c := exec.Command(os.Args[0], "-test.run", "^TestOurs$")
		c.Env = append(os.Environ(), fmt.Sprintf("PICLOUD_PEERS_OURS=%s %s %s", data, work, out))
		said, err := c.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, said)
		}
		if text, err = os.ReadFile(out); err != nil {
			return err
		}
	} else {
		var err error
		if text, err = exec.Command(e.command[0], slices.Concat(e.command[1:], []string{data, work})...).Output(); err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return fmt.Errorf("%w\n%s", err, exit.Stderr)
			}
			return err
		}
	}
	e.report = &report{}
	return json.Unmarshal(text, e.report)
}

// table prints times of all engines, and those of the others in parts of ours.
func table(t *testing.T, title string, engines []*engine, steps int) {
	var b strings.Builder
	ours := engines[0].report
	row := func(what, unit string, of func(*report) float64, note func(*report) string) {
		fmt.Fprintf(&b, "%-12s", what)
		for _, e := range engines {
			fmt.Fprintf(&b, "  %11.3f %-3s %7s %-2s", of(e.report), unit, ratio(of(e.report), of(ours)), note(e.report))
		}
		b.WriteByte('\n')
	}
	none := func(*report) string { return "" }
	fmt.Fprintf(&b, "\n%s\n%-12s", title, "")
	for _, e := range engines {
		fmt.Fprintf(&b, "  %-26s", e.name)
	}
	b.WriteByte('\n')
	row("load", "s", func(r *report) float64 { return r.Load }, none)
	row("memory", "MB", func(r *report) float64 { return float64(r.RSS) / 1e6 }, none)
	each := func(pick func(*report) map[string]*measure, known map[string]*measure) {
		for _, name := range sorted(known) {
			m := func(r *report) *measure {
				if m := pick(r)[name]; m != nil {
					return m
				}
				return &measure{}
			}
			row(name, "ms", func(r *report) float64 { return m(r).Ms }, func(r *report) string {
				if m(r).Runs > 0 && (steps == 0 || r.Steps == steps) && m(r).Hash != m(ours).Hash {
					t.Errorf("%s: %s: %d rows, ours %d, or others", title, name, m(r).Rows, m(ours).Rows)
					return "≠"
				}
				return ""
			})
		}
	}
	each(func(r *report) map[string]*measure { return r.Queries }, ours.Queries)
	each(func(r *report) map[string]*measure { return r.Mix }, ours.Mix)
	if steps > 0 {
		row("mix", "ms", (*report).mix, func(r *report) string {
			if r.Steps < steps {
				return fmt.Sprintf("after %d of %d steps", r.Steps, steps)
			}
			return ""
		})
	}
	fmt.Print(b.String())
}

func ratio(of, to float64) string {
	if of == 0 || to == 0 || of == to {
		return ""
	}
	return fmt.Sprintf("×%.1f", of/to)
}

// sorted are the names in the order q1 … q12.
func sorted(m map[string]*measure) []string {
	names := []string{}
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) && a[0] == 'q' && b[0] == 'q' {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return names
}
