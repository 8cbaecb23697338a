package write

import (
	"fmt"
	"io"
	"strings"
)

// Limits of a diff: enough to see what is meant, not to read it all.
const (
	diffContext = 2
	diffLines   = 24 // of one file
)

// Diff writes a change in the manner of a unified diff: the first region in
// which old and new differ, with a little around it.
func Diff(w io.Writer, c Change) {
	switch {
	case c.Old == nil:
		fmt.Fprintf(w, "+++ %s (missing, %d lines)\n", c.Path, strings.Count(string(c.New), "\n"))
		return
	case c.New == nil:
		fmt.Fprintf(w, "--- %s (stale: nothing generates it)\n", c.Path)
		return
	}
	before, after := strings.SplitAfter(string(c.Old), "\n"), strings.SplitAfter(string(c.New), "\n")
	first := 0
	for first < len(before) && first < len(after) && before[first] == after[first] {
		first++
	}
	last := 0
	for last < len(before)-first && last < len(after)-first && before[len(before)-1-last] == after[len(after)-1-last] {
		last++
	}
	from := max(first-diffContext, 0)
	fmt.Fprintf(w, "--- %s (on disk)\n+++ %s (generated)\n@@ -%d,%d +%d,%d @@\n",
		c.Path, c.Path, from+1, len(before)-last-from, from+1, len(after)-last-from)
	lines(w, " ", before[from:first])
	lines(w, "-", before[first:len(before)-last])
	lines(w, "+", after[first:len(after)-last])
	lines(w, " ", after[len(after)-last:min(len(after), len(after)-last+diffContext)])
}

func lines(w io.Writer, mark string, all []string) {
	for i, line := range all {
		if i == diffLines {
			fmt.Fprintf(w, "%s … %d more lines\n", mark, len(all)-i)
			return
		}
		if line != "" {
			fmt.Fprintf(w, "%s%s\n", mark, strings.TrimSuffix(line, "\n"))
		}
	}
}
