package schema

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

// literals writes the model as Go, one file per slice.
func literals(p *plan.Plan) []write.File {
	var files []write.File
	var classes, enums bytes.Buffer
	for _, s := range p.Slices {
		var b bytes.Buffer
		name := strings.ToUpper(s.Name[:1]) + s.Name[1:]
		fmt.Fprintf(&b, "package schema\n\nimport \"github.com/picloud/picloud/gen/base\"\n\n")
		fmt.Fprintf(&b, "func classes%s() []*base.Class {\nreturn []*base.Class{\n", name)
		for _, c := range p.Model.Model.Classes {
			if p.Model.Origins[c.Name] == s.Name {
				literal(&b, reflect.ValueOf(*c))
				b.WriteString(",\n")
			}
		}
		fmt.Fprintf(&b, "}\n}\n\nfunc enums%s() []*base.Enum {\nreturn []*base.Enum{\n", name)
		for _, e := range p.Model.Enums {
			if p.Model.Origins[e.Name] == s.Name {
				literal(&b, reflect.ValueOf(*e))
				b.WriteString(",\n")
			}
		}
		b.WriteString("}\n}\n")
		files = append(files, write.File{Path: folder + "model_" + s.Name + ".go", Content: b.Bytes(), Source: s.Source})
		fmt.Fprintf(&classes, "classes%s(),\n", name)
		fmt.Fprintf(&enums, "enums%s(),\n", name)
	}
	return append(files, scalars(p), model(classes.String(), enums.String()))
}

func model(classes, enums string) write.File {
	var b bytes.Buffer
	fmt.Fprintf(&b, `package schema

import (
	"slices"

	"github.com/picloud/picloud/gen/base"
)

// Model describes every kind. It never changes.
var Model = base.NewModel(
slices.Concat(
%s),
slices.Concat(
%s),
scalars(),
)

// limit is the address of a bound.
func limit(n int64) *int64 { return &n }
`, classes, enums)
	return write.File{Path: folder + "model.go", Content: b.Bytes()}
}

func scalars(p *plan.Plan) write.File {
	var b bytes.Buffer
	b.WriteString("package schema\n\nimport \"github.com/picloud/picloud/gen/base\"\n\nfunc scalars() []*base.Scalar {\nreturn []*base.Scalar{\n")
	for _, s := range p.Model.Scalars {
		literal(&b, reflect.ValueOf(*s))
		b.WriteString(",\n")
	}
	b.WriteString("}\n}\n")
	return write.File{Path: folder + "model_scalars.go", Content: b.Bytes(), Source: plan.Source + "/meta.ttl"}
}

// literal writes a value of package base as a composite literal without its
// type where Go infers it, and without the fields that are zero.
func literal(b *bytes.Buffer, v reflect.Value) {
	if name := constant(v.Interface()); name != "" {
		b.WriteString("base." + name)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		b.WriteString("{\n")
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() && v.Type().Field(i).IsExported() {
				fmt.Fprintf(b, "%s: ", v.Type().Field(i).Name)
				literal(b, f)
				b.WriteString(",\n")
			}
		}
		b.WriteString("}")
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Int64 {
			fmt.Fprintf(b, "limit(%d)", v.Elem().Int())
			return
		}
		literal(b, v.Elem())
	case reflect.Slice:
		list(b, v)
	default:
		fmt.Fprintf(b, "%#v", v.Interface())
	}
}

func list(b *bytes.Buffer, v reflect.Value) {
	b.WriteString(strings.ReplaceAll(v.Type().String(), "interface {}", "any") + "{")
	words := v.Type().Elem().Kind() == reflect.String
	for i := range v.Len() {
		if i > 0 || !words {
			b.WriteString(map[bool]string{true: " ", false: "\n"}[words])
		}
		literal(b, v.Index(i))
		if i < v.Len()-1 || !words {
			b.WriteString(",")
		}
	}
	if !words {
		b.WriteString("\n")
	}
	b.WriteString("}")
}

// constant is the name of a constant of package base, "" for other values.
func constant(v any) string {
	switch v := v.(type) {
	case base.Form:
		return [...]string{"Single", "Set", "Map", "List"}[v]
	case base.Type:
		return [...]string{"TypeString", "TypeInteger", "TypeBoolean", "TypeDouble", "TypeDateTime", "TypeEnum", "TypeRef", "TypeObject"}[v]
	case base.OnDelete:
		return [...]string{"Restrict", "Cascade", "Clear"}[v]
	case base.Lifecycle:
		return [...]string{"Declarative", "Reconciled", "OwnLifecycle"}[v]
	case base.Origin:
		return [...]string{"Declared", "Reported", "Derived"}[v]
	case base.Syntax:
		return map[base.Syntax]string{
			base.PlainSyntax: "PlainSyntax", base.ByteSyntax: "ByteSyntax", base.CPUSyntax: "CPUSyntax",
			base.SecondsSyntax: "SecondsSyntax", base.MillisSyntax: "MillisSyntax", base.CompoundSyntax: "CompoundSyntax",
		}[v]
	}
	return ""
}

// digest names the fold model: what Evolve and the checkpoints depend on.
// Comments, labels and messages may change without it.
func digest(p *plan.Plan) []byte {
	h := sha256.New()
	fields := func(of string, all []*base.Field) {
		for _, f := range all {
			fmt.Fprintf(h, "field %s.%s %d %d %s %s %s %s %s %s %q %t %t %t %q\n", of, f.Name, f.Form, f.Type, f.Scalar,
				f.Enum, f.Object, f.Target, f.Key, f.Value, f.Default, f.Observed, f.Sensitive, f.Required, f.StampedBy)
		}
	}
	for _, c := range p.Model.Model.Classes {
		fmt.Fprintf(h, "class %s %q %q %t %t %d %d %t %t\n", c.Name, c.Word, c.Segment, c.InCluster, c.InProduct, c.Lifecycle, c.Origin, c.Reconciler, c.Dataset)
		fields(c.Name, c.Fields)
	}
	fields("Event", p.Model.Envelope)
	for _, e := range p.Model.Enums {
		for _, t := range e.Tokens {
			fmt.Fprintf(h, "token %s.%s %q\n", e.Name, t.Name, t.Token)
		}
	}
	for _, e := range p.Model.Events {
		fmt.Fprintf(h, "event %s %s %q %s %t %t %t %t %q %v %t %d\n", e.Name, e.Kind, e.From, e.To,
			e.Begins, e.Ends, e.Declaration, e.Observation, e.Carries, e.Sets, e.Latest, e.Version)
	}
	return fmt.Appendf(nil, `package schema

// ModelDigest is the SHA-256 of the fold model: kinds, fields, tokens, events,
// phases and references, without comments. Checkpoints carry it; under another
// digest they are made anew from the log.
const ModelDigest = "%x"

// Level is the highest level of the platform that this release knows.
const Level = %d
`, h.Sum(nil), p.Model.Level())
}
