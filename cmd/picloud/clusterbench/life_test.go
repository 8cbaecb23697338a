package clusterbench

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/picloud/picloud/generated/domain"
)

// failover kills the leader again and again under a client that knows all
// nodes, and measures how long nothing is committed.
func failover(t *testing.T, rows *table) {
	kills := number(t, "PICLOUD_KILLS", 20)
	c := form(t, 3)
	var gaps []time.Duration
	for i := range kills {
		leader := c.leader()
		write := func(name string) error {
			_, _, err := c.client.PutProduct(t.Context(), name, &domain.ProductSpec{Version: "1.0.0"})
			return err
		}
		if err := write(fmt.Sprint("before", i)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c.kill(leader)
		for write(fmt.Sprint("after", i)) != nil {
			if time.Since(began) > patience {
				t.Fatal("nothing is committed")
			}
		}
		gaps = append(gaps, time.Since(began))
		c.start(leader, "ready ")
		c.whole()
	}
	slices.Sort(gaps)
	rows.add(fmt.Sprintf("leader killed → next commit, %d kills", kills), "p95 ≤ 1.5 s",
		fmt.Sprintf("p50 %s  p95 %s  longest %s", short(percentile(gaps, 50)), short(percentile(gaps, 95)), short(gaps[kills-1])), "")
}

// start measures a cluster that is switched on.
func start(t *testing.T, rows *table) {
	for _, mode := range []string{"auto", "token"} {
		rows.add("three new nodes from first start to ready, mode "+mode, "≤ 5 s", short(firstStart(t, mode)), "")
	}
	c := form(t, 3)
	rows.add("first start of the first node → three voters, init and tokens between", "", short(c.formed), "")
	var starts []time.Duration
	for range number(t, "PICLOUD_ROUNDS", 3) {
		for _, s := range c.nodes {
			c.kill(s)
		}
		began := time.Now()
		for _, s := range c.nodes {
			c.launch(s)
		}
		for _, s := range c.nodes {
			c.heard(s, "ready ")
		}
		starts = append(starts, time.Since(began))
	}
	slices.Sort(starts)
	rows.add("three nodes from start to ready, after all were killed", "≤ 5 s", fmt.Sprintf("best %s  longest %s", short(starts[0]), short(starts[len(starts)-1])), "")
}

// firstStart switches three new servers on, has the first found a cluster, and
// is how long it takes until all serve. In mode token the others are switched on
// when they have theirs, else at once.
func firstStart(t *testing.T, mode string) time.Duration {
	c := &cluster{T: t, binary: build(t), dir: directory(t)}
	began := time.Now()
	first, others := c.add(), []*server{c.add(), c.add()}
	c.launch(first)
	join := func(s *server, more ...string) { c.launch(s, append(more, "--join", first.address)...) }
	if mode == "auto" {
		for _, s := range others {
			join(s)
		}
	}
	c.heard(first, "waiting: ")
	c.picloud("cluster", "init", "--dir", first.dir, "--enrollment", mode)
	if mode == "token" {
		for _, s := range others {
			join(s, "--token", c.picloud("node", "token", s.name))
		}
	}
	for _, s := range c.nodes {
		c.heard(s, "ready ")
	}
	took := time.Since(began)
	for _, s := range c.nodes {
		c.kill(s)
	}
	return took
}

var carried = regexp.MustCompile(`"msg":"caught up".*"bytes":(\d+)`)

// catchup lets a fresh node join a cluster with many events.
func catchup(t *testing.T, rows *table) {
	events := number(t, "PICLOUD_EVENTS", 100_000)
	c := form(t, 3)
	const writers, each = 16, 100
	callers := c.callers(writers, nil)
	took := pace(t, events/each, 1_000_000, writers, func(hand, i int) error { return callers[hand].apply(hand, i) })
	is, err := c.overview()
	if err != nil {
		t.Fatal(err)
	}
	rows.add(fmt.Sprintf("%d events in requests of %d, %d writers", is.Position, each, writers), "", fmt.Sprintf("%.0f events/s", float64(events)/took.Seconds()), "")
	s := c.add()
	token := c.picloud("node", "token", s.name)
	began := time.Now()
	c.start(s, "ready ", "--join", c.nodes[0].address, "--token", token)
	reached := c.callers(1, s)[0]
	wait(t, "the fresh node shows all events", patience, func() error {
		position, _, err := reached.send("GET", "/products/d0", nil)
		if err == nil && position < is.Position {
			err = fmt.Errorf("it shows %d of %d", position, is.Position)
		}
		return err
	})
	took = time.Since(began)
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	bytes := "not said"
	if found := carried.FindSubmatch(text); found != nil {
		bytes = string(found[1])
	}
	rows.add("a fresh node has them and serves", "", fmt.Sprintf("%s, %s bytes carried, %.1f MiB on its disk (%.1f on the founder's)",
		short(took), bytes, mebibytes(t, s.dir), mebibytes(t, c.nodes[0].dir)), fmt.Sprintf("%.0f events/s", float64(is.Position)/took.Seconds()))
}

// mebibytes are what the files of a directory hold.
func mebibytes(t *testing.T, dir string) float64 {
	t.Helper()
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // files come and go
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return float64(sum) / (1 << 20)
}
