package hostile

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"text/template"
)

//go:embed queries.txt
var text string

// Query is one of the set.
type Query struct{ Name, Text string }

// Queries makes the set. An error is a mistake in queries.txt.
func Queries() ([]Query, error) {
	var queries []Query
	_, sections, _ := strings.Cut(text, "\n## ")
	for section := range strings.SplitSeq(sections, "\n## ") {
		head, body, _ := strings.Cut(section, "\n")
		name, _, _ := strings.Cut(head, ": ")
		made, err := template.New(name).Funcs(template.FuncMap{"repeat": repeat}).Parse(body)
		var b strings.Builder
		if err == nil {
			err = made.Execute(&b, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", name, err)
		}
		queries = append(queries, Query{name, b.String()})
	}
	return queries, nil
}

// repeat is a text so many times, with its number in the place of {n}.
func repeat(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.NewReplacer("{n}", strconv.Itoa(i), "{n+1}", strconv.Itoa(i+1)).Replace(text))
	}
	return b.String()
}
