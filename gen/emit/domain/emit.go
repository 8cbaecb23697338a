package domain

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/expr"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/emit/payload"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/domain"

//go:embed domain.go.txt
var fixed []byte

// Emit gives all files of the package.
func Emit(p *plan.Plan) ([]write.File, error) {
	if err := supported(p); err != nil {
		return nil, err
	}
	files := []*gocode.File{kindsFile(p), eventsFile(p), scalarsFile(p)}
	used := uses(p)
	for _, s := range p.Slices {
		if len(s.Values)+len(s.Enums) > 0 {
			files = append(files, valuesFile(s, used))
		}
	}
	for _, k := range p.Kinds {
		file, err := kindFile(k)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	rendered, err := gocode.Render(files...)
	if err != nil {
		return nil, err
	}
	return append(rendered, write.File{Path: folder + "/domain.go", Content: fixed}), nil
}

// supported refuses the combinations that have no form in Go: they say nothing
// that another field would not say better.
func supported(p *plan.Plan) error {
	check := func(fields []*plan.Field) error {
		for _, f := range fields {
			many := f.Form == base.Set || f.Form == base.List
			switch {
			case many && (f.Type == base.TypeBoolean || f.Type == base.TypeDouble):
				return fmt.Errorf("%s: several truths or measured values have no order; use a map that says which is which", f.Shape)
			case f.Form == base.List && (f.Type == base.TypeRef || f.Type == base.TypeEnum):
				return fmt.Errorf("%s: a list holds texts, numbers or moments; use a set or a map", f.Shape)
			case f.Value != nil && (f.Value.Type == base.TypeRef || f.GoKey != "string"):
				return fmt.Errorf("%s: a map of one scalar leads from a text to a plain value; leave out pm:valueField", f.Shape)
			}
		}
		return nil
	}
	for _, k := range p.Kinds {
		if err := errors.Join(check(k.Declared), check(k.Observed)); err != nil {
			return err
		}
	}
	for _, v := range p.Values {
		if err := check(v.Fields); err != nil {
			return err
		}
	}
	return nil
}

// kindsFile lists the kinds and leads events to the fold of their kind.
func kindsFile(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "kinds.go", "")
	var kinds []gocode.Member
	for _, k := range p.Kinds {
		kinds = append(kinds, gocode.Member{Name: k.Const, Type: fmt.Sprintf("%q", k.Word), Doc: k.Comment})
	}
	f.Doc("The kinds, in alphabetical order.")
	f.Consts("Kind", kinds)
	f.Doc("Evolve folds an event into the state of its subject: before is nil when the", "event begins a resource, the answer is nil when it ends one.")
	f.Func("Evolve(before Resource, e *Event) (Resource, error)", func(b *gocode.Block) {
		b.Switch("e.Payload.Kind()", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				b.Case(k.Const, func(b *gocode.Block) { b.Do("return evolve(before, e, evolve%s)", k.Go) })
			}
		})
		b.Do("return nil, unfoldable(e, %q)", "its kind is unknown to this release")
	})
	return f
}

// eventsFile says what the types of events have in common.
func eventsFile(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "events.go", "")
	var latest, all []*plan.Event
	for _, k := range p.Kinds {
		for _, e := range payload.All(k) {
			all = append(all, e)
			if e.Latest {
				latest = append(latest, e)
			}
		}
	}
	f.Doc("PermanentEvent reports whether events of a type are kept for ever; of others", "the latest of each subject is enough.")
	f.Func("PermanentEvent(t EventType) bool", func(b *gocode.Block) {
		b.Switch("t", func(b *gocode.Block) {
			b.Case(consts(latest), func(b *gocode.Block) { b.Do("return false") })
		})
		b.Do("return true")
	})
	f.Doc("Supertypes lists the types that a type of event specialises, nearest first.")
	f.Func("Supertypes(t EventType) []string", func(b *gocode.Block) {
		b.Switch("t", func(b *gocode.Block) {
			for _, e := range all {
				b.Case(e.Const, func(b *gocode.Block) { b.Do("return []string{%s}", expr.Quoted(e.Supers)) })
			}
		})
		b.Do("return nil")
	})
	f.Doc("EventTypes lists the types of events of a kind, in the order of its life.")
	f.Func("EventTypes(kind Kind) []EventType", func(b *gocode.Block) {
		b.Switch("kind", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				b.Case(k.Const, func(b *gocode.Block) {
					b.Do("return []EventType{%s}", strings.ReplaceAll(consts(payload.All(k)), "\n", " "))
				})
			}
		})
		b.Do("return nil")
	})
	newer := map[int][]*plan.Event{}
	highest := 1
	for _, e := range all {
		newer[e.Version] = append(newer[e.Version], e)
		highest = max(highest, e.Version)
	}
	f.Doc("SchemaVersion is the version of the schema that events of a type are written in.")
	f.Func("SchemaVersion(t EventType) int", func(b *gocode.Block) {
		if highest > 1 {
			b.Switch("t", func(b *gocode.Block) {
				for v := 2; v <= highest; v++ {
					if len(newer[v]) > 0 {
						b.Case(consts(newer[v]), func(b *gocode.Block) { b.Do("return %d", v) })
					}
				}
			})
		}
		b.Do("return 1")
	})
	levels(f, all)
	return f
}

// levels says which types of events came later.
func levels(f *gocode.File, all []*plan.Event) {
	later := map[int][]*plan.Event{}
	for _, e := range all {
		if e.Level > 1 {
			later[e.Level] = append(later[e.Level], e)
		}
	}
	f.Doc("Level is the level of the platform with which a type of event came: releases", "below it do not know it.")
	f.Func("Level(t EventType) int", func(b *gocode.Block) {
		if len(later) > 0 {
			b.Switch("t", func(b *gocode.Block) {
				for _, level := range slices.Sorted(maps.Keys(later)) {
					b.Case(consts(later[level]), func(b *gocode.Block) { b.Do("return %d", level) })
				}
			})
		}
		b.Do("return 1")
	})
}

func consts(events []*plan.Event) string {
	var names []string
	for _, e := range events {
		names = append(names, e.Const)
	}
	return strings.Join(names, ",\n")
}

// scalarsFile holds the patterns of strings.
func scalarsFile(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "scalars.go", "")
	var patterns []gocode.Member
	for _, s := range p.Scalars {
		if s.Pattern != "" && s.Scalar.Pattern != "" {
			patterns = append(patterns, gocode.Member{
				Name: s.Pattern, Type: "base.NewPattern(" + literal(s.Scalar.Pattern) + ")", Doc: s.Comment,
			})
		}
	}
	f.Doc("The patterns of strings, each compiled at its first use.")
	f.Vars(patterns)
	return f
}

func literal(s string) string {
	if strings.Contains(s, "`") || strings.ContainsAny(s, "\n\r\t") {
		return fmt.Sprintf("%q", s)
	}
	return "`" + s + "`"
}

// valuesFile holds the value objects and enumerations of a slice.
func valuesFile(s *plan.Slice, used use) *gocode.File {
	f := gocode.NewFile(folder, s.ValuesFile, s.Source)
	for _, e := range s.Enums {
		if used.enums[e] {
			enum(f, e)
		}
	}
	for _, v := range s.Values {
		if v.Scalar == nil {
			valueClass(f, v, used.declared[v])
		}
	}
	return f
}

// use is what the fields of kinds need of the shared types.
type use struct {
	enums    map[*plan.Enum]bool
	declared map[*plan.Value]bool
}

func uses(p *plan.Plan) use {
	u := use{map[*plan.Enum]bool{}, map[*plan.Value]bool{}}
	u.visit(p.Head, false)
	for _, k := range p.Kinds {
		u.visit(k.Declared, true)
		u.visit(k.Observed, false)
	}
	return u
}

func (u use) visit(fields []*plan.Field, declared bool) {
	for _, f := range fields {
		if f.Enum != nil {
			u.enums[f.Enum] = true
		}
		if f.Object != nil {
			u.declared[f.Object] = u.declared[f.Object] || declared
			u.visit(f.Object.Fields, declared)
		}
	}
}

func enum(f *gocode.File, e *plan.Enum) {
	f.Doc(e.Go + ": " + lower(e.Comment))
	f.Go("type %s string", e.Go)
	f.Line()
	var tokens []gocode.Member
	for _, t := range e.Tokens {
		tokens = append(tokens, gocode.Member{Name: t.Go, Type: fmt.Sprintf("%q", t.Token.Token), Doc: t.Comment})
	}
	f.Doc("The members of " + e.Go + ".")
	f.Consts(e.Go, tokens)
}

// valueClass writes one class of nested objects. Only references of what is
// declared are gathered.
func valueClass(f *gocode.File, v *plan.Value, declared bool) {
	f.Doc(v.Go + ": " + lower(v.Comment))
	if v.Key != nil {
		f.Doc("Its " + v.Key.Name + " is the key of the map that holds it.")
	}
	f.Struct(v.Go, members(v.Fields))
	const r = "v"
	f.Doc("Validate notes every shape that it breaks.")
	f.Func(fmt.Sprintf("(%s *%s) Validate(c *base.Check)", r, v.Go), func(b *gocode.Block) {
		for _, field := range v.Fields {
			validate(b, field, r)
		}
		oneOf(b, v.IRI, v.Alternatives, r)
	})
	f.Doc("Equal reports whether two say the same.")
	f.Func(fmt.Sprintf("(%s %s) Equal(o %s) bool", r, v.Go, v.Go), func(b *gocode.Block) {
		b.Do("return %s", conjunction(v.Fields, r, "o"))
	})
	if declared && deep(v) {
		f.Func(fmt.Sprintf("(%s *%s) references(r *base.References)", r, v.Go), func(b *gocode.Block) {
			for _, field := range v.Fields {
				references(b, field, r)
			}
		})
	}
}

func conjunction(fields []*plan.Field, a, o string) string {
	if len(fields) == 0 {
		return "true"
	}
	var parts []string
	for _, f := range fields {
		parts = append(parts, equal(f, a, o))
	}
	return strings.Join(parts, " &&\n")
}

// oneOf checks that exactly one of some fields is given.
func oneOf(b *gocode.Block, rule string, alternatives [][]*plan.Field, of string) {
	for _, fields := range alternatives {
		b.Do("c.OneOf(%s, []string{%s}, base.Count(%s))", expr.IRI(rule), expr.Quoted(names(fields)), conditions(fields, of))
	}
}

func conditions(fields []*plan.Field, of string) string {
	var c []string
	for _, f := range fields {
		c = append(c, expr.Given(f, of))
	}
	return strings.Join(c, ", ")
}

func names(fields []*plan.Field) (n []string) {
	for _, f := range fields {
		n = append(n, f.Name)
	}
	return n
}

// lower begins a sentence in lower case, unless its first word is an
// abbreviation.
func lower(s string) string {
	if len(s) > 1 && s[1] >= 'a' || len(s) > 1 && s[1] == ' ' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// field finds a field of a kind by name.
func field(fields []*plan.Field, name string) *plan.Field {
	for _, f := range fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// clearable is the declared references that a deletion clears.
func clearable(k *plan.Kind) (fields []*plan.Field, err error) {
	for _, f := range k.Declared {
		if f.Type == base.TypeRef && f.OnDelete == base.Clear {
			fields = append(fields, f)
		}
		if f.Object != nil && hasClear(f.Object) {
			return nil, fmt.Errorf("%s: a reference inside %s cannot be cleared; use pm:Restrict or pm:Cascade, or refer from the kind itself", k.IRI, f.Object.Name)
		}
	}
	return fields, nil
}

func hasClear(v *plan.Value) bool {
	for _, f := range v.Fields {
		if f.Type == base.TypeRef && f.OnDelete == base.Clear || f.Object != nil && hasClear(f.Object) {
			return true
		}
	}
	return v.Key != nil && v.Key.OnDelete == base.Clear
}
