package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/picloud/picloud/gen/base"
)

// outputFlag adds -o with its choices; the first is the default.
func (a *App) outputFlag(c *cobra.Command, choices ...string) {
	c.Flags().StringP("output", "o", choices[0], "output: "+strings.Join(choices, ", "))
	c.PreRunE = func(c *cobra.Command, _ []string) (err error) {
		if a.output, err = c.Flags().GetString("output"); err != nil {
			return err
		}
		if !slices.Contains(choices, a.output) {
			return usagef("there is no output %q; choose one of %s", a.output, strings.Join(choices, ", "))
		}
		return nil
	}
	must(c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)))
}

// must guards calls that fail for mistakes in this program only.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// table prints rows in columns as wide as their widest cell.
func (a *App) table(header []string, rows [][]string) {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], seen(cell))
		}
	}
	line := func(row []string, paint func(string) string) {
		var b strings.Builder
		for i, cell := range row {
			pad := widths[i] - seen(cell)
			b.WriteString(paint(cell))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", pad+2))
			}
		}
		fmt.Fprintln(a.Stdout, strings.TrimRight(b.String(), " "))
	}
	line(header, func(s string) string { return a.paint(bold, s) })
	for _, row := range rows {
		line(row, func(s string) string { return s })
	}
}

// seen is how many letters of a cell are seen: colours are not.
func seen(cell string) (n int) {
	for {
		before, after, coloured := strings.Cut(cell, "\x1b[")
		n += utf8.RuneCountInString(before)
		if !coloured {
			return n
		}
		_, cell, _ = strings.Cut(after, "m")
	}
}

// printJSON prints JSON indented, as it came.
func (a *App) printJSON(data []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(data), "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(a.Stdout)
	return err
}

// printYAML prints JSON as YAML, members in their order: JSON is YAML, only
// the style of its nodes changes.
func (a *App) printYAML(data []byte) error {
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return err
	}
	plain(&node)
	encoder := yaml.NewEncoder(a.Stdout)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return err
	}
	return encoder.Close()
}

func plain(node *yaml.Node) {
	node.Style = 0
	if node.Kind == yaml.ScalarNode && node.Tag == "!!str" {
		node.Style = stringStyle(node.Value)
	}
	for _, child := range node.Content {
		plain(child)
	}
}

// stringStyle keeps texts that YAML would read as something else in quotes.
func stringStyle(text string) yaml.Style {
	if strings.Contains(text, "\n") {
		return yaml.LiteralStyle
	}
	var node yaml.Node
	if yaml.Unmarshal([]byte(text), &node) != nil || len(node.Content) != 1 ||
		node.Content[0].Kind != yaml.ScalarNode || node.Content[0].Tag != "!!str" || node.Content[0].Value != text {
		return yaml.DoubleQuotedStyle
	}
	return 0
}

// copyOut prints a text as it came, with a line feed at its end.
func (a *App) copyOut(data []byte) error {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	_, err := a.Stdout.Write(data)
	return err
}

// text is a member of a JSON value as a cell of a table.
func text(v *base.Value, pointer string) string {
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		v = v.Get(step)
	}
	return cell(v)
}

func cell(v *base.Value) string {
	switch {
	case v == nil:
		return "-"
	case v.Kind == base.StringValue, v.Kind == base.NumberValue:
		return v.Text
	case v.Kind == base.BoolValue:
		return fmt.Sprint(v.Bool)
	case v.Kind == base.ArrayValue:
		items := make([]string, len(v.Items))
		for i, item := range v.Items {
			items[i] = cell(item)
		}
		return strings.Join(items, ", ")
	case v.Kind == base.ObjectValue:
		names := make([]string, len(v.Members))
		for i, m := range v.Members {
			names[i] = m.Name
		}
		return strings.Join(names, ", ")
	}
	return "-"
}

// inputBytes bounds what is read from a file or standard input, in bytes.
const inputBytes = 16 << 20

// readInput reads a named file, or standard input for "-", up to a bound.
func (a *App) readInput(name string) ([]byte, error) {
	in := a.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, inputBytes+1))
	if len(data) > inputBytes {
		return nil, usagef("%s is over %s", name, base.Quantity(inputBytes, base.ByteSyntax))
	}
	return data, err
}
