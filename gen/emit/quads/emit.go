package quads

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/expr"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/emit/payload"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/quads"

//go:embed quads.go.txt
var fixed []byte

// Emit gives all files of the package.
func Emit(p *plan.Plan) ([]write.File, error) {
	files := []*gocode.File{termsFile(p), kindsFile(p), membersFile(p)}
	for _, s := range p.Slices {
		if file := valuesFile(s); file != nil {
			files = append(files, file)
		}
	}
	for _, k := range p.Kinds {
		files = append(files, kindFile(k))
	}
	rendered, err := gocode.Render(files...)
	if err != nil {
		return nil, err
	}
	return append(rendered, write.File{Path: folder + "/quads.go", Content: fixed}), nil
}

// termsFile names every term of the vocabulary.
func termsFile(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "terms.go", "")
	var terms []gocode.Member
	for _, t := range p.Terms {
		terms = append(terms, gocode.Member{Name: t.Const, Type: expr.IRI(t.IRI)})
	}
	f.Doc("The IRIs of all terms: classes, properties, members of enumerations.")
	f.Consts("", terms)
	return f
}

// kindsFile leads to the quads of each kind.
func kindsFile(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "kinds.go", "")
	f.Func("appendResource(w *base.QuadWriter, r domain.Resource)", func(b *gocode.Block) {
		b.Switch("r := r.(type)", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				b.Case("*domain."+k.Go, func(b *gocode.Block) { b.Do("append%s(w, r)", k.Go) })
			}
		})
	})
	inferred(f, p)
	f.Doc("restricted reports whether resources of a kind lie in the graph of identities", "and rights where they belong to no product.")
	f.Func("restricted(kind domain.Kind) bool", func(b *gocode.Block) {
		b.Switch("kind", func(b *gocode.Block) {
			b.Case(restricted(p), func(b *gocode.Block) { b.Do("return true") })
		})
		b.Do("return false")
	})
	f.Func("eventClass(t domain.EventType) string", func(b *gocode.Block) {
		b.Switch("t", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				for _, e := range payload.All(k) {
					b.Case("domain."+e.Const, func(b *gocode.Block) { b.Do("return %s", e.Term) })
				}
			}
		})
		b.Do("return ClassEvent")
	})
	return f
}

// inferred writes the classes above each kind.
func inferred(f *gocode.File, p *plan.Plan) {
	terms := map[string]string{}
	for _, a := range p.Abstracts {
		terms[a.Name] = a.Term
	}
	f.Doc("AppendInferred writes what follows from the class of a resource: the classes", "above it.")
	f.Func("AppendInferred(w *base.QuadWriter, r domain.Resource)", func(b *gocode.Block) {
		b.Do("s := base.IRI(r.Common().Ref.Absolute(w.Root))")
		b.Switch("r.Kind()", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				if above := between(k, terms); len(above) > 0 {
					b.Case("domain."+k.Const, func(b *gocode.Block) {
						for _, term := range above {
							b.Do("w.Term(s, base.RDFType, %s)", term)
						}
					})
				}
			}
		})
		b.Do("w.Term(s, base.RDFType, %s)", terms[rootClass])
	})
}

const rootClass = "Resource"

// between is the classes above a kind, the root class left out.
func between(k *plan.Kind, terms map[string]string) (above []string) {
	for _, super := range k.Supers {
		if super != rootClass && terms[super] != "" {
			above = append(above, terms[super])
		}
	}
	return above
}

// restricted lists the kinds that administrators read.
func restricted(p *plan.Plan) string {
	var consts []string
	for _, k := range p.Kinds {
		if k.Restricted && k.InCluster {
			consts = append(consts, "domain."+k.Const)
		}
	}
	return strings.Join(consts, ",\n")
}

// membersFile leads from tokens to the IRIs of members.
func membersFile(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "members.go", "")
	used := map[*plan.Enum]bool{}
	visit(used, p.Head)
	for _, k := range p.Kinds {
		visit(used, k.Declared)
		visit(used, k.Observed)
	}
	for _, e := range p.Enums {
		if !used[e] {
			continue
		}
		f.Func(fmt.Sprintf("member%s(m domain.%s) string", e.Go, e.Go), func(b *gocode.Block) {
			b.Switch("m", func(b *gocode.Block) {
				for _, t := range e.Tokens {
					b.Case("domain."+t.Go, func(b *gocode.Block) { b.Do("return %s", t.Term) })
				}
			})
			b.Note("A token of a newer release.")
			b.Do("return %s+string(m)", expr.IRI(e.IRI+"-"))
		})
	}
	return f
}

func visit(used map[*plan.Enum]bool, fields []*plan.Field) {
	for _, f := range fields {
		if f.Enum != nil {
			used[f.Enum] = true
		}
		if f.Object != nil {
			visit(used, f.Object.Fields)
		}
	}
}

// kindFile writes the quads of one kind.
func kindFile(k *plan.Kind) *gocode.File {
	f := gocode.NewFile(folder, k.File, k.Source)
	f.Doc("append" + k.Go + " writes the triples of " + k.Article + ".")
	f.Func(fmt.Sprintf("append%s(w *base.QuadWriter, r *domain.%s)", k.Go, k.Go), func(b *gocode.Block) {
		b.Do("s := w.Begin(r.Ref, %s, %q)", k.Term, k.Word)
		properties(b, k.Declared, "r.Spec")
		b.Do("appendHead(w, s, &r.Head)")
		properties(b, k.Observed, "r.Status")
	})
	return f
}

// valuesFile writes the quads of the value objects of a slice.
func valuesFile(s *plan.Slice) *gocode.File {
	var f *gocode.File
	for _, v := range s.Values {
		if v.Scalar != nil {
			continue
		}
		if f == nil {
			f = gocode.NewFile(folder, s.ValuesFile, s.Source)
		}
		f.Doc("append" + v.Go + " writes the properties of " + v.Article + ".")
		f.Func(fmt.Sprintf("append%s(w *base.QuadWriter, s base.Term, v *domain.%s)", v.Go, v.Go), func(b *gocode.Block) {
			properties(b, v.Fields, "v")
		})
	}
	return f
}

func properties(b *gocode.Block, fields []*plan.Field, of string) {
	for _, f := range fields {
		if !f.Sensitive {
			property(b, f, of)
		}
	}
}

// property writes the triples of one field.
func property(b *gocode.Block, f *plan.Field, of string) {
	x := of + "." + f.Go
	switch {
	case f.Form == base.Map:
		b.For("key, value := range base.Sorted("+x+")", func(b *gocode.Block) { entry(b, f) })
	case f.Form == base.List:
		b.Do("w.List(s, %s, %q, base.Terms(%s, base.%s))", f.Term, f.Name, x, maker(f))
	case f.Form == base.Set:
		b.For("_, value := range "+x, func(b *gocode.Block) { b.Do("%s", single(f, "s", "value")) })
	case f.Type == base.TypeObject:
		b.When(expr.Given(f, of), func(b *gocode.Block) {
			object := x
			if !f.Pointer {
				object = "&" + x
			}
			b.Do("append%s(w, w.Nest(s, %s, %s, %q), %s)", f.Object.Go, f.Term, f.Object.Term, f.Name, object)
		})
	default:
		b.When(expr.Given(f, of), func(b *gocode.Block) { b.Do("%s", single(f, "s", expr.Value(f, of))) })
	}
}

// entry writes one member of a map.
func entry(b *gocode.Block, f *plan.Field) {
	step := "key"
	if f.GoKey == "base.Ref" {
		step = fmt.Sprintf("w.Key(key, %t)", expr.InBoth(f.Key))
	}
	b.Do("n := w.Nest(s, %s, %s, %q, %s)", f.Term, f.Object.Term, f.Name, step)
	b.Do("%s", single(f.Key, "n", "key"))
	if f.Value != nil {
		b.Do("%s", single(f.Value, "n", "value"))
		return
	}
	b.Do("append%s(w, n, &value)", f.Object.Go)
}

// maker is the function that makes a term of an item of a list.
func maker(f *plan.Field) string {
	switch f.Type {
	case base.TypeInteger:
		return "Integer"
	case base.TypeDateTime:
		return "DateTime"
	}
	return "String"
}

// single is the call that writes a single value.
func single(f *plan.Field, s, x string) string {
	verb := "Text"
	switch f.Type {
	case base.TypeInteger:
		verb = "Integer"
	case base.TypeBoolean:
		verb = "Boolean"
	case base.TypeDouble:
		verb = "Double"
	case base.TypeDateTime:
		verb = "Time"
	case base.TypeRef:
		verb = "Ref"
	case base.TypeEnum:
		verb, x = "Term", "member"+f.Enum.Go+"("+x+")"
	}
	return fmt.Sprintf("w.%s(%s, %s, %s)", verb, s, f.Term, x)
}
