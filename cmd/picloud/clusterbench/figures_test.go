package clusterbench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// TestFigures prints the figures of a cluster; nothing is asserted. Parts are
// chosen by -run TestFigures/NAME.
func TestFigures(t *testing.T) {
	if os.Getenv("PICLOUD_BENCH_CLUSTER") == "" {
		t.Skip("it takes many minutes and all of the machine: make bench-cluster, or PICLOUD_BENCH_CLUSTER=1")
	}
	for _, part := range []struct {
		name    string
		measure func(*testing.T, *table)
	}{
		{"commits", commits},
		{"visible", visible},
		{"fanout", fanout},
		{"failover", failover},
		{"start", start},
		{"catchup", catchup},
		{"rest", rest},
	} {
		t.Run(part.name, func(t *testing.T) {
			rows := &table{}
			before, again := busy(), repeated.Load()
			defer func() {
				t.Logf("load before %s, after %s; %d requests sent again\n%s", before, busy(), repeated.Load()-again, rows)
			}()
			part.measure(t, rows)
		})
	}
}

// table is rows of what was measured, its goal, the figure, and how it compares.
type table struct{ rows [][4]string }

func (r *table) add(what, goal, figure, ratio string) {
	r.rows = append(r.rows, [4]string{what, goal, figure, ratio})
}

func (r *table) String() string {
	var out strings.Builder
	columns := tabwriter.NewWriter(&out, 0, 1, 2, ' ', 0)
	fmt.Fprintln(columns, "figure\tgoal\tmeasured\tratio")
	for _, row := range r.rows {
		fmt.Fprintln(columns, strings.Join(row[:], "\t"))
	}
	_ = columns.Flush() // to memory
	return out.String()
}

// busy is the machine's load.
func busy() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// number is a setting from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number above zero", name, text)
	}
	return n
}

// duration is a setting from the environment.
func duration(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		t.Fatalf("%s=%q is no time of a second or more", name, text)
	}
	return d
}

// short writes a time for a table.
func short(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
