package plan

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/picloud/picloud/gen/base"
)

// Print writes the plan for people: what there is, and what it is called.
func (p *Plan) Print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	for _, k := range p.Kinds {
		line("kind %s\t%s\t%s\t%s", k.Word, k.Go, k.File, k.Comment)
		printFields(line, "declared", k.Declared)
		printFields(line, "observed", k.Observed)
		for _, e := range k.Events {
			line("  event %s\t%s\t%s", e.Go, phases(e), strings.Join(e.Supers, " ⊑ "))
		}
		for _, r := range k.Routes {
			line("  %s %s\t%s", r.Method, r.Path, r.ID)
		}
		for _, r := range k.DatasetRoutes {
			line("  %s %s\t%s", r.Method, r.Path, r.ID)
		}
		for _, o := range k.Operations {
			line("  operation %s\t%s\t%s", o.Name, o.Go, o.Permission)
		}
		var columns []string
		for _, c := range k.Columns {
			columns = append(columns, c.Title)
		}
		line("  columns %s\n", strings.Join(columns, ", "))
	}
	for _, v := range p.Values {
		line("value %s\t%s\t%s", v.Name, v.Go, v.Comment)
		if v.Key != nil {
			line("  key %s\t%s", v.Key.Name, v.Key.GoElem)
		}
		printFields(line, "field", v.Fields)
		line("")
	}
	for _, e := range p.Enums {
		line("enumeration %s\t%s\t%s", e.Name, e.Go, e.Comment)
		for _, t := range e.Tokens {
			line("  %s\t%s\t%s", t.Token.Token, t.Go, t.Comment)
		}
		line("")
	}
	for _, s := range p.Scalars {
		line("scalar %s\t%s\t%s", s.Name, s.Go, s.Comment)
	}
	return out.Flush()
}

func printFields(line func(string, ...any), what string, fields []*Field) {
	for _, f := range fields {
		line("  %s %s\t%s\t%s\t%s", what, f.Name, f.Go, f.GoType, limits(f))
	}
}

// limits says in a few words what a value must keep to.
func limits(f *Field) string {
	var words []string
	add := func(holds bool, format string, args ...any) {
		if holds {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(f.Required, "required")
	add(f.Default != "", "default %s", f.Default)
	add(f.Scalar != nil, "%s", scalarName(f))
	add(f.Target != nil, "→ %s", targetName(f))
	if f.Min != nil && f.Max != nil {
		add(true, "%d…%d", *f.Min, *f.Max)
	}
	add(f.Form != base.Single, "%d…%d values", f.MinItems, f.MaxItems)
	add(f.Immutable, "immutable")
	add(f.Sensitive, "sensitive")
	add(f.OnDelete == base.Cascade, "cascade")
	add(f.OnDelete == base.Clear, "clear")
	return strings.Join(words, ", ")
}

func scalarName(f *Field) string {
	if f.Scalar == nil {
		return ""
	}
	return f.Scalar.Name
}

func targetName(f *Field) string {
	if f.Target == nil {
		return ""
	}
	return f.Target.Class.Name
}

func phases(e *Event) string {
	from := "any"
	if len(e.From) > 0 {
		var names []string
		for _, t := range e.From {
			names = append(names, t.Token.Token)
		}
		from = strings.Join(names, "|")
	}
	to := "unchanged"
	if e.Begins {
		from = "–"
	}
	if e.To != nil {
		to = e.To.Token.Token
	}
	if e.Ends {
		to = "gone"
	}
	return from + " → " + to
}
