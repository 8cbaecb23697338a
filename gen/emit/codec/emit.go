package codec

import (
	_ "embed"
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/expr"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/emit/payload"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/codec"

//go:embed codec.go.txt
var fixed []byte

// Emit gives all files of the package.
func Emit(p *plan.Plan) ([]write.File, error) {
	files := []*gocode.File{kindsFile(p), requestFile(p)}
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
	return append(rendered, write.File{Path: folder + "/codec.go", Content: fixed}), nil
}

// kindsFile leads to the codec of each kind.
func kindsFile(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "kinds.go", "")
	f.Doc("AppendResource writes a resource.")
	f.Func("AppendResource(e *base.Encoder, r domain.Resource)", func(b *gocode.Block) {
		b.Switch("r := r.(type)", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				b.Case("*domain."+k.Go, func(b *gocode.Block) { b.Do("append%s(e, r)", k.Go) })
			}
		})
	})
	f.Doc("DecodeResource reads a resource that was written with Encoder.Stored, exactly.", "It is nil where the kind is unknown to this release.")
	f.Func("DecodeResource(d *base.Decoder, v *base.Value) domain.Resource", func(b *gocode.Block) {
		b.Switch("domain.Kind(text(d, v, \"kind\"))", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				b.Case("domain."+k.Const, func(b *gocode.Block) { b.Do("return decode%s(d, v)", k.Go) })
			}
		})
		b.Do("return nil")
	})
	f.Doc("DecodeDeclare reads what a client declares of the resource at d.Address; it is", "nil for kinds that nobody declares. What cannot be read is among d.Violations.")
	f.Func("DecodeDeclare(d *base.Decoder, kind domain.Kind, v *base.Value, deployment string) domain.Command", func(b *gocode.Block) {
		b.Switch("kind", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				if k.Declare != "" {
					b.Case("domain."+k.Const, func(b *gocode.Block) {
						b.Do("return &domain.%s{Ref: d.Address.Ref, Deployment: deployment, Spec: decode%s(d, v)}", k.Declare, k.Spec)
					})
				}
			}
		})
		b.Do("return nil")
	})
	f.Doc("NewDelete is the command of a client that deletes a resource; it is nil for kinds", "that no client deletes.")
	f.Func("NewDelete(kind domain.Kind, ref base.Ref) domain.Command", func(b *gocode.Block) {
		b.Switch("kind", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				if k.Delete != "" {
					b.Case("domain."+k.Const, func(b *gocode.Block) { b.Do("return &domain.%s{Ref: ref}", k.Delete) })
				}
			}
		})
		b.Do("return nil")
	})
	operations(f, p)
	f.Doc("AppendPayload writes the data of an event.")
	f.Func("AppendPayload(e *base.Encoder, p domain.Payload)", func(b *gocode.Block) {
		b.Do("e.Begin()")
		b.Switch("p.Kind()", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				b.Case("domain."+k.Const, func(b *gocode.Block) { b.Do("append%sPayload(e, p)", k.Go) })
			}
		})
		b.Do("e.End()")
	})
	f.Func("decodePayload(d *base.Decoder, t domain.EventType, v *base.Value) domain.Payload", func(b *gocode.Block) {
		b.Switch("t", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				for _, e := range payload.All(k) {
					b.Case("domain."+e.Const, func(b *gocode.Block) {
						if len(payload.Extra(e)) > 0 {
							b.Do("s := decode%s(d, v)", k.Status)
						}
						b.Do("return %s", decoded(k, e))
					})
				}
			}
		})
		b.Do("return nil")
	})
	return f
}

func operations(f *gocode.File, p *plan.Plan) {
	f.Doc("DecodeOperation reads what a client asks of the resource at d.Address; v is nil", "without a body. It is nil where the kind has no such operation.")
	f.Func("DecodeOperation(d *base.Decoder, kind domain.Kind, operation string, v *base.Value) domain.Command", func(b *gocode.Block) {
		b.Switch("string(kind) + \"/\" + operation", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				for _, o := range k.Operations {
					b.Case(fmt.Sprintf("%q", k.Word+"/"+o.Name), func(b *gocode.Block) {
						if o.Input == nil {
							b.Do("d.Empty(v)")
							b.Do("return &domain.%s{Ref: d.Address.Ref}", o.Go)
							return
						}
						b.If("v == nil", func(b *gocode.Block) { b.Do("v = &base.Value{Kind: base.ObjectValue}") })
						b.Do("return &domain.%s{Ref: d.Address.Ref, Input: decode%s(d, v)}", o.Go, o.Input.Go)
					})
				}
			}
		})
		b.Do("return nil")
	})
}

// decoded is the expression that reads a payload.
func decoded(k *plan.Kind, e *plan.Event) string {
	s := "&domain." + e.Go + "{"
	add := func(name, value string) { s += name + ": " + value + ", " }
	if payload.Carries(e, "of") {
		add("Of", `base.Position(integer(d, v, "of"))`)
	}
	if payload.Carries(e, "reason") {
		add("Reason", `text(d, v, "reason")`)
	}
	if e.Dataset {
		add("Removed", `packed(d, v, "removed")`)
		add("Added", `packed(d, v, "added")`)
		add("Quads", `integer(d, v, "quads")`)
	}
	observed := e.Observation && len(payload.Observable(k)) > 0
	if e.Declaration {
		add("Spec", "decode"+k.Spec+"(d, v)")
	}
	if observed {
		add("Status", "decode"+k.Status+"(d, v)")
	}
	if e.Declaration && payload.ListsChanges(e) || observed && !e.Begins {
		add("Changed", "changed(d, v)")
	}
	for _, f := range payload.Extra(e) {
		add(f.Go, "s."+f.Go)
	}
	return s + "}"
}

// kindFile writes the codec of one kind.
func kindFile(k *plan.Kind) *gocode.File {
	f := gocode.NewFile(folder, k.File, k.Source)
	f.Doc("append" + k.Go + " writes " + k.Article + ".")
	f.Func(fmt.Sprintf("append%s(e *base.Encoder, r *domain.%s)", k.Go, k.Go), func(b *gocode.Block) {
		b.Do("e.Begin()")
		b.Do("appendAddress(e, &r.Head, domain.%s)", k.Const)
		if k.Spec != "" {
			b.Do("append%s(e, &r.Spec)", k.Spec)
		}
		b.Do("e.Object(%q)", "status")
		b.Do("appendHead(e, &r.Head)")
		if k.Status != "" {
			b.Do("append%s(e, &r.Status)", k.Status)
		}
		b.Do("e.End()")
		b.Do("e.End()")
	})
	f.Doc("decode" + k.Go + " reads a stored " + k.Label + ".")
	f.Func(fmt.Sprintf("decode%s(d *base.Decoder, v *base.Value) *domain.%s", k.Go, k.Go), func(b *gocode.Block) {
		b.Do("status := memberOf(v, %q)", "status")
		s := "Head: decodeHead(d, v, status)"
		if k.Spec != "" {
			s += ", Spec: decode" + k.Spec + "(d, v)"
		}
		if k.Status != "" {
			s += ", Status: decode" + k.Status + "(d, status)"
		}
		b.Do("return &domain.%s{%s}", k.Go, s)
	})
	if k.Spec != "" {
		spec(f, k)
	}
	if k.Status != "" {
		status(f, k)
	}
	payloads(f, k)
	return f
}

func spec(f *gocode.File, k *plan.Kind) {
	f.Doc("append" + k.Spec + " writes what is declared of " + k.Article + ".")
	f.Func(fmt.Sprintf("append%s(e *base.Encoder, s *domain.%s)", k.Spec, k.Spec), func(b *gocode.Block) {
		encodeAll(b, k.Declared, "s")
	})
	f.Doc("decode" + k.Spec + " reads what a client declares of " + k.Article + ", defaults filled in.")
	f.Func(fmt.Sprintf("decode%s(d *base.Decoder, v *base.Value) (s domain.%s)", k.Spec, k.Spec), func(b *gocode.Block) {
		defaults(b, k.Declared, "s")
		b.For("m := range d.Members(v)", func(b *gocode.Block) {
			b.Switch("m.Name", func(b *gocode.Block) {
				cases(b, k.Declared, "s")
				b.Case(`"iri", "kind", "name", "product"`, func(b *gocode.Block) { b.Do("d.Addressed(m)") })
				b.Case(`"status"`, func(b *gocode.Block) {
					b.Note("Observed: whoever reads, changes and writes back carries it along.")
				})
				b.Case("", func(b *gocode.Block) { b.Do("d.Unknown(m, %s)", expr.Quoted(names(k.Declared))) })
			})
		})
		missing(b, k.Declared)
		for _, field := range k.Declared {
			if field.Sensitive && field.Form == base.Single {
				b.Do("s.%s.Removed = d.Removes(%q)", field.Go, field.Name)
			}
		}
		b.Do("return s")
	})
}

func status(f *gocode.File, k *plan.Kind) {
	f.Doc("append" + k.Status + " writes what is observed of " + k.Article + ".")
	f.Func(fmt.Sprintf("append%s(e *base.Encoder, s *domain.%s)", k.Status, k.Status), func(b *gocode.Block) {
		encodeAll(b, k.Observed, "s")
	})
	f.Doc("decode" + k.Status + " reads what was observed of " + k.Article + ".")
	f.Func(fmt.Sprintf("decode%s(d *base.Decoder, v *base.Value) (s domain.%s)", k.Status, k.Status), func(b *gocode.Block) {
		b.For("m := range d.Members(v)", func(b *gocode.Block) {
			b.Switch("m.Name", func(b *gocode.Block) { cases(b, k.Observed, "s") })
		})
		b.Do("return s")
	})
}

// payloads writes the data of the events of a kind.
func payloads(f *gocode.File, k *plan.Kind) {
	f.Func(fmt.Sprintf("append%sPayload(e *base.Encoder, p domain.Payload)", k.Go), func(b *gocode.Block) {
		b.Switch("p := p.(type)", func(b *gocode.Block) {
			for _, e := range payload.All(k) {
				if !empty(k, e) {
					b.Case("*domain."+e.Go, func(b *gocode.Block) { encodePayload(b, k, e) })
				}
			}
		})
	})
}

func empty(k *plan.Kind, e *plan.Event) bool {
	return !e.Declaration && !e.Dataset && !payload.Carries(e, "of") && !payload.Carries(e, "reason") &&
		len(payload.Extra(e)) == 0 && (!e.Observation || len(payload.Observable(k)) == 0)
}

func encodePayload(b *gocode.Block, k *plan.Kind, e *plan.Event) {
	if payload.Carries(e, "of") {
		b.Do("e.Integer(%q, int64(p.Of))", "of")
	}
	if payload.Carries(e, "reason") {
		b.Do("optional(e, %q, p.Reason)", "reason")
	}
	if e.Dataset {
		b.Do("appendPacked(e, %q, p.Removed)", "removed")
		b.Do("appendPacked(e, %q, p.Added)", "added")
		b.Do("e.Integer(%q, p.Quads)", "quads")
	}
	observed := e.Observation && len(payload.Observable(k)) > 0
	if e.Declaration && payload.ListsChanges(e) || observed && !e.Begins {
		b.Do("e.Texts(%q, p.Changed)", "changed")
	}
	if e.Declaration {
		b.Do("append%s(e, &p.Spec)", k.Spec)
	}
	if observed {
		b.Do("append%s(e, &p.Status)", k.Status)
	}
	encodeAll(b, payload.Extra(e), "p")
}

// valuesFile writes the codec of the value objects of a slice.
func valuesFile(s *plan.Slice) *gocode.File {
	var f *gocode.File
	for _, v := range s.Values {
		if v.Scalar != nil {
			continue
		}
		if f == nil {
			f = gocode.NewFile(folder, s.ValuesFile, s.Source)
		}
		valueClass(f, v)
	}
	return f
}

func valueClass(f *gocode.File, v *plan.Value) {
	f.Doc("append" + v.Go + " writes " + v.Article + ".")
	f.Func(fmt.Sprintf("append%s(e *base.Encoder, s *domain.%s)", v.Go, v.Go), func(b *gocode.Block) {
		b.Do("e.Begin()")
		encodeAll(b, v.Fields, "s")
		b.Do("e.End()")
	})
	f.Doc("decode" + v.Go + " reads " + v.Article + ".")
	f.Func(fmt.Sprintf("decode%s(d *base.Decoder, v *base.Value) (s domain.%s)", v.Go, v.Go), func(b *gocode.Block) {
		defaults(b, v.Fields, "s")
		b.For("m := range d.Members(v)", func(b *gocode.Block) {
			b.Switch("m.Name", func(b *gocode.Block) {
				cases(b, v.Fields, "s")
				b.Case("", func(b *gocode.Block) { b.Do("d.Unknown(m, %s)", expr.Quoted(names(v.Fields))) })
			})
		})
		missing(b, v.Fields)
		b.Do("return s")
	})
}

func encodeAll(b *gocode.Block, fields []*plan.Field, of string) {
	for _, f := range fields {
		encode(b, f, of)
	}
}

func defaults(b *gocode.Block, fields []*plan.Field, to string) {
	for _, f := range fields {
		if f.GoDefault != "" && fill(f) != "false" && fill(f) != "0" {
			b.Do("%s.%s = %s", to, f.Go, fill(f))
		}
	}
}

func cases(b *gocode.Block, fields []*plan.Field, to string) {
	for _, f := range fields {
		b.Case(fmt.Sprintf("%q", f.Name), func(b *gocode.Block) { decode(b, f, to) })
	}
}

func missing(b *gocode.Block, fields []*plan.Field) {
	for _, f := range fields {
		if f.Required {
			b.Do("d.Missing(v, %q, %s)", f.Name, expr.Rule(f))
		}
	}
}

func names(fields []*plan.Field) (n []string) {
	for _, f := range fields {
		n = append(n, f.Name)
	}
	return n
}
