package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// binding is a row of SPARQL 1.1 Query Results in JSON (W3C Recommendation,
// 2013), by the names of its variables.
type binding map[string]struct {
	Type     string `json:"type"`
	Value    string `json:"value"`
	Datatype string `json:"datatype"`
	Lang     string `json:"xml:lang"`
}

type results struct {
	Head struct {
		Vars []string `json:"vars"`
	} `json:"head"`
	Boolean *bool `json:"boolean"`
	Results struct {
		Bindings []binding `json:"bindings"`
	} `json:"results"`
}

func (a *App) printResults(ctx context.Context, in io.Reader, q question) error {
	var r results
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		if errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError)) {
			return fmt.Errorf("the answer is no SPARQL result in JSON: %w", err)
		}
		return brokenOff(ctx, err)
	}
	if r.Boolean != nil {
		_, err := fmt.Fprintln(a.Stdout, *r.Boolean)
		return err
	}
	cells := q.cells()
	rows := make([][]string, len(r.Results.Bindings))
	for i, b := range r.Results.Bindings {
		rows[i] = cells.row(r.Head.Vars, b)
	}
	a.fittedTable(r.Head.Vars, rows)
	if a.Interactive {
		fmt.Fprintf(a.Stderr, "%d rows\n", len(rows))
	}
	return nil
}

// cells writes terms as people read them.
type cells struct {
	root     string
	prefixes [][2]string
}

// prefixLine finds the prefixes that a query declares (SPARQL 1.1, production
// 6), good enough for what is only shown.
var prefixLine = regexp.MustCompile(`(?i)\bPREFIX\s+([^\s:<>]*:)\s*<([^<>\s]+)>`)

func (q question) cells() cells {
	c := cells{root: q.cluster.Root()}
	for _, m := range prefixLine.FindAllStringSubmatch(q.text, -1) {
		c.prefixes = append(c.prefixes, [2]string{m[1], m[2]})
	}
	c.prefixes = append(c.prefixes, usualPrefixes...)
	return c
}

func (c cells) row(vars []string, b binding) []string {
	row := make([]string, len(vars))
	for i, name := range vars {
		value, bound := b[name]
		switch {
		case !bound:
		case value.Type == "uri":
			row[i] = shorter(value.Value, c.root, c.prefixes)
		case value.Type == "bnode":
			row[i] = "_:" + value.Value
		default:
			row[i] = oneLine(value.Value)
			if value.Lang != "" {
				row[i] += "@" + value.Lang
			}
		}
	}
	return row
}

// oneLine keeps a text from breaking a table, or from speaking to the terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return '\uFFFD'
		}
		return r
	}, text)
}

// narrow is the least width that a column is cut to.
const narrow = 8

// fittedTable prints a table that is no wider than the terminal, if there is
// one: the widest columns give way.
func (a *App) fittedTable(header []string, rows [][]string) {
	if a.Width == nil || a.Width() <= 0 {
		a.table(header, rows)
		return
	}
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fit(widths, a.Width()-2*max(0, len(widths)-1))
	fitted := make([][]string, len(rows))
	for i, row := range rows {
		fitted[i] = make([]string, len(row))
		for j, cell := range row {
			fitted[i][j] = clip(cell, widths[j])
		}
	}
	a.table(header, fitted)
}

// fit takes from the widest column until all have room, or none is wide.
func fit(widths []int, room int) {
	total := 0
	for _, w := range widths {
		total += w
	}
	for ; total > room; total-- {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if len(widths) == 0 || widths[widest] <= narrow {
			return
		}
		widths[widest]--
	}
}

func clip(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
