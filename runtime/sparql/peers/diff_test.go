package peers

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// known is a difference that differences.md explains under its name.
type known struct {
	name    string
	engines string // one of them; empty is all
	// Where a pattern is given, it matches: the name of the case, the query, the
	// engine's error.
	test, query, failure *regexp.Regexp
	// lexical says that the answers are equal but for the form of their numbers.
	lexical bool
}

const oxigraphs, comunica = "pyoxigraph oxigraph-wasm", "comunica"

func (k known) explains(engine string, c Case, a Answer) bool {
	matches := func(r *regexp.Regexp, s string) bool { return r == nil || r.MatchString(s) }
	return (k.engines == "" || strings.Contains(k.engines, engine)) && (k.failure != nil) == (a.Error != "") &&
		matches(k.test, c.Name) && matches(k.query, c.Query) && matches(k.failure, a.Error) &&
		(!k.lexical || slices.Equal(c.lines(c.Ours, true), c.lines(a, true)))
}

// TestDifferences asks other engines PICLOUD_DIFF random queries and those of the
// W3C's evaluation tests, and fails where an answer differs from ours in a way
// that differences.md does not explain.
func TestDifferences(t *testing.T) {
	count := os.Getenv("PICLOUD_DIFF")
	if count == "" {
		t.Skip("it installs other engines: make diff-graph")
	}
	explained, err := os.ReadFile("differences.md")
	check(t, err)
	for _, k := range explanations {
		if !bytes.Contains(explained, []byte("**"+k.name+"**")) {
			t.Errorf("differences.md does not explain %s", k.name)
		}
	}
	file := filepath.Join(t.TempDir(), "cases.json")
	c := exec.Command("go", "test", "-count", "1", "-run", "^TestWriteCases$", "..")
	c.Env = append(os.Environ(), "PICLOUD_CASES="+count, "PICLOUD_CASES_FILE="+file)
	check(t, said(c))
	text, err := os.ReadFile(file)
	check(t, err)
	var cases []Case
	check(t, json.Unmarshal(text, &cases))
	for _, e := range newInstaller(t).engines()[1:] {
		t.Run(e.name, func(t *testing.T) { e.differences(t, cases, file) })
	}
}

func (e *engine) differences(t *testing.T, cases []Case, file string) {
	out, err := exec.Command(e.differ[0], append(e.differ[1:], file)...).Output()
	check(t, err)
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	found := map[string]int{}
	for _, c := range cases {
		var a Answer
		if !lines.Scan() {
			t.Fatalf("%s: no answer", c.Name)
		}
		check(t, json.Unmarshal(lines.Bytes(), &a))
		if a.Error == "" && slices.Equal(c.lines(c.Ours, false), c.lines(a, false)) {
			found["equal"]++
			continue
		}
		i := slices.IndexFunc(explanations, func(k known) bool { return k.explains(e.name, c, a) })
		if i >= 0 {
			found[explanations[i].name]++
			continue
		}
		found["not explained"]++
		t.Errorf("%s\n%s\n%s\nours\n%s\n%s %s\n%s", c.Name, c.Query, c.Data, strings.Join(c.lines(c.Ours, false), "\n"),
			e.name, a.Error, strings.Join(c.lines(a, false), "\n"))
	}
	for _, name := range slices.SortedFunc(maps.Keys(found), func(a, b string) int { return cmp.Compare(found[b], found[a]) }) {
		fmt.Printf("%-14s %5d %s\n", e.name, found[name], name)
	}
}

// lines are the sorted rows of an answer. Blank nodes are all the same, so what
// differs in them alone is not seen; a graph is a set.
func (c Case) lines(a Answer, numbers bool) (out []string) {
	if a.Boolean != nil {
		return []string{strconv.FormatBool(*a.Boolean)}
	}
	for _, row := range a.Rows {
		var cells []string
		for name, t := range row {
			cells = append(cells, name+"="+t.line(numbers))
		}
		slices.Sort(cells)
		out = append(out, strings.Join(cells, " "))
	}
	slices.Sort(out)
	if c.Graph {
		out = slices.Compact(out)
	}
	return out
}

// line writes a term, a number by its value if that is asked.
func (t Term) line(numbers bool) string {
	if t.Kind == "blank" {
		return "_:"
	}
	form := t.Value
	if numbers && strings.HasPrefix(t.Datatype, "http://www.w3.org/2001/XMLSchema#") {
		if f, err := strconv.ParseFloat(form, 64); err == nil && !strings.HasSuffix(t.Datatype, "#string") {
			form = fmt.Sprint(f)
		}
		if strings.HasSuffix(t.Datatype, "#boolean") {
			form = map[string]string{"1": "true", "0": "false"}[t.Value] + strings.Trim(t.Value, "01")
		}
	}
	return fmt.Sprintf("%s %q %s %s", t.Kind, form, t.Datatype, strings.ToLower(t.Lang))
}
