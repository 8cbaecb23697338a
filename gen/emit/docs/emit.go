package docs

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/example"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/docs/"

//go:embed *.md.tmpl
var texts embed.FS

// Emit makes generated/docs and generated/README.md.
func Emit(p *plan.Plan) ([]write.File, error) {
	templates, err := template.New("").Funcs(template.FuncMap{
		"field": row, "nested": nested, "from": from, "command": command, "code": code,
		"head": head, "picloud": picloud,
		"lower": strings.ToLower, "lead": func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
		"reconciled": func(k *plan.Kind) bool { return k.Lifecycle == base.Reconciled },
		"declared":   func(k *plan.Kind) bool { return k.Declare != "" },
	}).ParseFS(texts, "*.md.tmpl")
	if err != nil {
		return nil, err
	}
	examples, err := example.Valid(p)
	if err != nil {
		return nil, err
	}
	var files []write.File
	add := func(path, name string, data any) error {
		var b bytes.Buffer
		err := templates.ExecuteTemplate(&b, name, data)
		files = append(files, write.File{Path: path, Content: b.Bytes()})
		return err
	}
	for _, k := range p.Kinds {
		if err := add(folder+k.Doc, "kind.md.tmpl", page{k, examples[k.Word], p}); err != nil {
			return nil, err
		}
	}
	if err := add(folder+"README.md", "index.md.tmpl", p); err != nil {
		return nil, err
	}
	return files, add("generated/README.md", "generated.md.tmpl", p)
}

// page is what a page of a kind is made from.
type page struct {
	*plan.Kind
	Example *example.Example
	Plan    *plan.Plan
}

func picloud(p page) (string, error) {
	text, err := p.Example.Picloud(p.Plan.Model.Model)
	return string(text), err
}

// head are the fields that every resource has under status, the phase with
// those that this kind can be in.
func head(p page) (fields []*plan.Field) {
	for _, f := range p.Plan.Head {
		if f.Name == "phase" {
			own := *f
			own.Enum = &plan.Enum{Enum: f.Enum.Enum, Tokens: phases(p.Kind, f.Enum.Tokens)}
			f = &own
		}
		fields = append(fields, f)
	}
	return fields
}

// phases are those that the events of a kind lead to.
func phases(k *plan.Kind, all []*plan.Token) (tokens []*plan.Token) {
	for _, t := range all {
		if t == k.Initial || slices.ContainsFunc(k.Events, func(e *plan.Event) bool { return e.To == t }) {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

// row is one field as a row of a table.
func row(f *plan.Field) string {
	required := ""
	if f.Required {
		required = "yes"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s |", f.Name, typeOf(f), required, standard(f), strings.Join(append([]string{cell(f.Comment)}, notes(f)...), " "))
}

func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ") }

func standard(f *plan.Field) string {
	if f.Default == "" {
		return ""
	}
	return "`" + shown(f, f.Default) + "`"
}

// shown is a value as people write it.
func shown(f *plan.Field, lexical string) string {
	var n int64
	if f.Type == base.TypeInteger && f.Syntax != base.PlainSyntax {
		if _, err := fmt.Sscan(lexical, &n); err == nil {
			return base.Quantity(n, f.Syntax)
		}
	}
	return lexical
}

func typeOf(f *plan.Field) string {
	one := single(f)
	switch f.Form {
	case base.Set:
		return "set of " + one
	case base.List:
		return "list of " + one
	case base.Map:
		return "map of " + one + " by `" + f.Key.Name + "`"
	}
	return one
}

func single(f *plan.Field) string {
	switch f.Type {
	case base.TypeObject:
		if f.Value != nil {
			return single(f.Value)
		}
		return "[" + f.Object.Label + "](#" + anchor(f.Object.Label) + ")"
	case base.TypeEnum:
		var tokens []string
		for _, t := range f.Enum.Tokens {
			tokens = append(tokens, "`"+t.Token.Token+"`")
		}
		return strings.Join(tokens, ", ")
	case base.TypeRef:
		return reference(f)
	}
	return kindOfValue(f)
}

func reference(f *plan.Field) string {
	if f.Target == nil {
		return "address"
	}
	var links []string
	for _, k := range f.Target.Kinds {
		links = append(links, "["+k.Label+"]("+k.Doc+")")
	}
	return "reference to " + strings.Join(links, ", ")
}

func kindOfValue(f *plan.Field) string {
	switch f.Type {
	case base.TypeInteger:
		if f.Unit != "" {
			return "number of " + f.Unit + "s"
		}
		return "whole number"
	case base.TypeDouble:
		return "number"
	case base.TypeBoolean:
		return "true or false"
	case base.TypeDateTime:
		return "moment"
	}
	return "text"
}

// notes are the bounds of a field and what is special about it.
func notes(f *plan.Field) (all []string) {
	if f.Type == base.TypeInteger && f.Min != nil && f.Max != nil {
		all = append(all, fmt.Sprintf("From %s to %s.", base.Quantity(*f.Min, f.Syntax), base.Quantity(*f.Max, f.Syntax)))
	}
	if f.Type == base.TypeString && f.Value == nil && !f.Sensitive {
		if f.Scalar.Scalar.Pattern != "" {
			all = append(all, cell(f.Scalar.Scalar.Comment))
		}
		all = append(all, fmt.Sprintf("At most %d characters.", f.MaxLength))
	}
	if f.Form != base.Single {
		all = append(all, fmt.Sprintf("At most %d.", f.MaxItems))
	}
	if f.Immutable {
		all = append(all, "Never changes.")
	}
	if f.Sensitive {
		all = append(all, "Write-only: kept sealed, never shown.")
	}
	if f.OnDelete != base.Restrict {
		all = append(all, map[base.OnDelete]string{base.Cascade: "Deleted with what it names.", base.Clear: "Cleared when what it names is deleted."}[f.OnDelete])
	}
	return all
}

func anchor(label string) string { return strings.ReplaceAll(strings.ToLower(label), " ", "-") }

// nested are the value classes that fields hold, at any depth, each once.
func nested(fields ...[]*plan.Field) (values []*plan.Value) {
	seen := map[*plan.Value]bool{}
	var walk func([]*plan.Field)
	walk = func(fields []*plan.Field) {
		for _, f := range fields {
			if f.Object != nil && f.Value == nil && !seen[f.Object] {
				seen[f.Object] = true
				values = append(values, f.Object)
				walk(f.Object.Fields)
			}
		}
	}
	for _, list := range fields {
		walk(list)
	}
	return values
}

// from are the phases in which an event may happen.
func from(e *plan.Event) string {
	var phases []string
	for _, t := range e.From {
		phases = append(phases, t.Token.Token)
	}
	switch {
	case e.Begins:
		return strings.Join(append([]string{"new"}, phases...), ", ")
	case len(phases) == 0:
		return "any"
	}
	return strings.Join(phases, ", ")
}

// Names is how the resource of the page is named on the command line.
func (p page) Names() string {
	if p.Singleton {
		return p.Word
	}
	if p.Example == nil {
		return p.Word + " NAME"
	}
	name := p.Word + " " + p.Example.Ref.Name()
	if product := p.Example.Ref.Product(); product != "" {
		name += " -p " + product.Name()
	}
	return name
}

// Store is how a dataset is named on the command line, of the example.
func (p page) Store() string { return p.Example.Ref.Product().Name() + "/" + p.Example.Ref.Name() }

// command is the line that asks for an operation.
func command(p page, verb string) string {
	name := strings.TrimPrefix(p.Names(), p.Word)
	return strings.TrimSpace("picloud " + p.Word + " " + verb + name)
}

// code lays JSON out for people.
func code(v *base.Value) (string, error) {
	var b bytes.Buffer
	err := json.Indent(&b, base.AppendValue(nil, v), "", "  ")
	return b.String(), err
}

// Query finds the resources of the kind in the graph.
func (p page) Query() string {
	return fmt.Sprintf("PREFIX pc: <%s>\nSELECT ?name ?phase ?reason WHERE {\n  ?r a pc:%s ; pc:name ?name ; pc:phase ?phase .\n  OPTIONAL { ?r pc:reason ?reason }\n} ORDER BY ?name", base.Ontology, p.Name)
}
