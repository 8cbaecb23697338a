package clusterbench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// commits compares durable commits with etcd's in rounds one after the other,
// so that both meet the same machine.
func commits(t *testing.T, rows *table) {
	limit, rounds := duration(t, "PICLOUD_ROUND", 5*time.Second), number(t, "PICLOUD_ROUNDS", 3)
	rows.add("disk: fdatasync of 512-byte appends", "", fmt.Sprintf("%.0f/s", fdatasyncs(t)), "")
	c := form(t, 3)
	other := startEtcd(t, c.dir)
	roots, address := empty(t)
	etcds := map[int][]figures{}
	for _, writers := range []int{1, 16, 256} {
		goal := map[int]string{1: "≥ 1.2 × etcd", 16: "≥ 1 × etcd", 256: "≥ 1 × etcd"}[writers]
		callers := c.callers(writers, nil)
		var ours []figures
		var spent cost
		for range rounds {
			before := c.spent()
			ours = append(ours, load(t, writers, limit, func(w, i int) error { return callers[w].put(w, i) }))
			spent.more(before, c.spent())
			if other != nil {
				etcds[writers] = append(etcds[writers], other.load(t, writers, limit))
			}
		}
		ceiling := make([]*caller, writers)
		for i := range ceiling {
			ceiling[i] = newCaller(roots, "example.com", "", address)
			defer ceiling[i].http.CloseIdleConnections()
		}
		what := fmt.Sprintf("commits, %d writers", writers)
		rows.compare(what, goal, ours, etcds[writers], 1)
		rows.add(what+", what one takes", "", spent.each(ours), "")
		rows.add(what+", etcd", "", best(etcds[writers]).String(), "")
		top := load(t, writers, limit, func(w, i int) error { return ceiling[w].put(w, i) })
		rows.add(what+", empty HTTPS handler", "ceiling", top.String(), fmt.Sprintf("%.2f of it reached", best(ours).rate()/top.rate()))
	}
	for _, writers := range []int{16, 256} {
		goal := map[int]string{256: "≥ 4 × etcd"}[writers]
		callers := c.callers(writers, nil)
		var ours []figures
		var spent cost
		for range rounds {
			before := c.spent()
			ours = append(ours, load(t, writers, limit, func(w, i int) error { return callers[w].apply(w, i+int(time.Now().UnixNano()%1e9)) }))
			spent.more(before, c.spent())
		}
		what := fmt.Sprintf("100 events a request, %d writers", writers)
		rows.compare(what, goal, ours, etcds[writers], 100)
		rows.add(what+", what a request takes", "", spent.each(ours), "")
	}
	for _, s := range c.nodes { // the layer has the machine for itself, as the others had
		c.kill(s)
	}
	for i, writers := range []int{1, 16, 256} {
		rate := bare(t, writers)
		rows.add(fmt.Sprintf("consensus alone, three nodes, %d proposers", writers), []string{"≥ 1.3 × etcd", "≥ 2 × etcd", "≥ 4 × etcd"}[i],
			fmt.Sprintf("%8.0f/s", rate), ratio(rate, best(etcds[writers]).rate()))
	}
}

// compare adds a row for rounds that alternated with etcd's; each write of ours
// was so many events.
func (r *table) compare(what, goal string, ours, etcds []figures, events float64) {
	text := ratio(events*best(ours).rate(), best(etcds).rate())
	if len(etcds) > 0 {
		text = fmt.Sprintf("%s of the best, %s of the medians", text, ratio(events*median(ours), median(etcds)))
	}
	measured := best(ours).String()
	if events > 1 {
		measured = fmt.Sprintf("%8.0f events/s in %s requests", events*best(ours).rate(), measured)
	}
	r.add(what, goal, measured, text)
}

func best(rounds []figures) (most figures) {
	for _, f := range rounds {
		if most.Writes == 0 || f.rate() > most.rate() {
			most = f
		}
	}
	return most
}

// median is the rate in the middle.
func median(rounds []figures) float64 {
	var rates []float64
	for _, f := range rounds {
		rates = append(rates, f.rate())
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

func ratio(ours, theirs float64) string {
	if !(theirs > 0) {
		return ""
	}
	return fmt.Sprintf("%.2f ×", ours/theirs)
}

var rateOf = regexp.MustCompile(`(\S+) commits/s`)

// bare is the rate of the consensus layer without an edge, measured where it is.
func bare(t *testing.T, proposers int) float64 {
	t.Helper()
	command := exec.Command("go", "test", "-run", "^$", "-benchtime", "3s", "-count", "2",
		"-bench", fmt.Sprintf("^BenchmarkCommitOfThree$/^proposers=%d$", proposers), "./runtime/consensus")
	command.Dir = filepath.Join("..", "..", "..")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Logf("no figure of the consensus layer: %v\n%s", err, out)
		return 0
	}
	most := 0.0
	for _, found := range rateOf.FindAllSubmatch(out, -1) {
		if rate, err := strconv.ParseFloat(string(found[1]), 64); err == nil {
			most = max(most, rate)
		}
	}
	return most
}

// fdatasyncs is how often a second the disk keeps an append.
func fdatasyncs(t *testing.T) float64 {
	t.Helper()
	f, err := os.Create(filepath.Join(directory(t), "yardstick"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const room = 8 << 20
	if _, err := f.Write(make([]byte, room)); err != nil || f.Sync() != nil {
		t.Fatal("the disk takes nothing: ", err)
	}
	block := make([]byte, 512)
	n, began := 0, time.Now()
	for time.Since(began) < time.Second {
		_, err := f.WriteAt(block, int64(n)*int64(len(block))%room)
		if err == nil {
			err = syscall.Fdatasync(int(f.Fd()))
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return float64(n) / time.Since(began).Seconds()
}
