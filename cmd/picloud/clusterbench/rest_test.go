package clusterbench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rest measures nodes that nobody asks for anything.
func rest(t *testing.T, rows *table) {
	length := duration(t, "PICLOUD_REST", time.Minute)
	c := form(t, 3)
	const resources, each = 10_000, 100
	caller := c.callers(1, nil)[0]
	for i := range resources / each {
		if err := caller.deploy(fmt.Sprint("d", i), each, 1<<30); err != nil {
			t.Fatal(err)
		}
	}
	before := make([]usage, len(c.nodes))
	pause(t, 20*time.Second) // what the load left to do
	for i, s := range c.nodes {
		before[i] = usageOf(t, s)
	}
	began := time.Now()
	pause(t, length)
	lead := c.leader()
	for i, s := range c.nodes {
		now, seconds := usageOf(t, s), time.Since(began).Seconds()
		role := "follows"
		if s == lead {
			role = "leads"
		}
		what := fmt.Sprintf("%s (%s), %d resources, %s: ", s.name, role, resources, length)
		rows.add(what+"resident memory", "≤ 80 MB", fmt.Sprintf("RSS %.1f MB, of its own %.1f MB", now.resident/1e6, now.anonymous/1e6), fmt.Sprintf("%.2f of the goal", now.resident/80e6))
		share := (now.cpu - before[i].cpu).Seconds() / seconds * 100
		rows.add(what+"share of one core", "≤ 1 %", fmt.Sprintf("%.2f %%", share), fmt.Sprintf("%.2f of the goal", share))
		daily := (now.written - before[i].written) / seconds * 86400 / 1e6
		rows.add(what+"written a day", "≤ 100 MB", fmt.Sprintf("%.1f MB", daily), fmt.Sprintf("%.2f of the goal", daily/100))
	}
}

// pause lets time pass, which is what is measured here.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// usage is what a process has taken since it began; memory is that of now.
type usage struct {
	resident, anonymous, written float64 // bytes
	cpu                          time.Duration
}

// tick is how the kernel counts the time of processes, on every machine that
// Linux runs on now.
const tick = time.Second / 100

func usageOf(t *testing.T, s *server) (u usage) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.process.Process.Pid, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	status := read("status")
	u.resident, u.anonymous = 1024*field(status, "VmRSS:"), 1024*field(status, "RssAnon:")
	u.written = field(read("io"), "write_bytes:")
	stat := read("stat")
	columns := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from the third on: proc(5)
	for _, column := range columns[11:13] {
		ticks, err := strconv.ParseInt(column, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		u.cpu += time.Duration(ticks) * tick
	}
	return u
}

// field is the number behind a word.
func field(text, word string) float64 {
	_, after, _ := strings.Cut("\n"+text, "\n"+word)
	words := strings.Fields(after)
	if len(words) == 0 {
		return 0
	}
	n, _ := strconv.ParseFloat(words[0], 64)
	return n
}
