package lang_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/lang"
)

// TestWhatIsPrintedReadsBackTheSame draws resources of every kind of the test
// model with awkward texts, keys and numbers.
func TestWhatIsPrintedReadsBackTheSame(t *testing.T) {
	model := testModel()
	var kinds []*base.Class
	for _, c := range model.Classes {
		if c.Kind && c.Origin == base.Declared && !c.Singleton {
			kinds = append(kinds, c)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		d := &drawer{r, model}
		resources := map[base.Ref]*lang.Resource{}
		for range rapid.IntRange(1, 4).Draw(r, "resources") {
			resource := d.resource(rapid.SampledFrom(kinds).Draw(r, "kind"))
			resources[resource.Address.Ref] = resource
		}
		var all []*lang.Resource
		for _, resource := range resources {
			all = append(all, resource)
		}
		printed(r, model, all)
	})
}

type drawer struct {
	*rapid.T
	model *base.Model
}

func (d *drawer) name() string {
	return rapid.StringMatching(`[a-z]([a-z0-9-]{0,5}[a-z0-9])?`).Draw(d.T, "name")
}

func (d *drawer) text() string {
	return rapid.OneOf(
		rapid.StringMatching(`[ -~]{0,12}`),
		rapid.StringOfN(rapid.SampledFrom([]rune("a'\\\n\t\r{}:,/*é😀\u202e\u0007\u0085\ufeff")), 0, 8, -1),
	).Draw(d.T, "text")
}

func text(s string) *base.Value { return &base.Value{Kind: base.StringValue, Text: s} }

func (d *drawer) resource(kind *base.Class) *lang.Resource {
	product := base.Ref("")
	if kind.InProduct && (!kind.InCluster || rapid.Bool().Draw(d.T, "in product")) {
		product = base.Ref("/products/" + d.name())
	}
	name := d.name()
	r := &lang.Resource{Class: kind, Address: base.Address{Ref: kind.RefTo(product, name), Kind: kind.Word, Name: name, Product: product}}
	r.Value = d.object(kind, "", r.Address.Ref)
	head := []*base.Member{{Name: "iri", Value: text(r.Address.Ref.Absolute(root))}, {Name: "kind", Value: text(kind.Word)}, {Name: "name", Value: text(name)}}
	if product != "" {
		head = append(head, &base.Member{Name: "product", Value: text(product.Absolute(root))})
	}
	r.Value.Members = append(head, r.Value.Members...)
	return r
}

func (d *drawer) object(class *base.Class, key string, from base.Ref) *base.Value {
	v := &base.Value{Kind: base.ObjectValue}
	for _, f := range class.Fields {
		if f.Observed || f.Sensitive || f.Name == key || !f.Required && rapid.Bool().Draw(d.T, "absent") {
			continue
		}
		v.Members = append(v.Members, &base.Member{Name: f.Name, Value: d.field(f, from)})
	}
	return v
}

func (d *drawer) field(f *base.Field, from base.Ref) *base.Value {
	n := rapid.IntRange(0, 3).Draw(d.T, "n")
	switch f.Form {
	case base.Set, base.List:
		v := &base.Value{Kind: base.ArrayValue}
		for range n {
			v.Items = append(v.Items, d.scalar(f))
		}
		return v
	case base.Map:
		return d.mapping(f, n, from)
	}
	if f.Type == base.TypeObject {
		return d.object(d.model.Class(f.Object), "", from)
	}
	return d.scalar(f)
}

func (d *drawer) mapping(f *base.Field, n int, from base.Ref) *base.Value {
	class := d.model.Class(f.Object)
	v := &base.Value{Kind: base.ObjectValue}
	for range n {
		key := d.text()
		if field := class.Field(f.Key); field.Type == base.TypeRef {
			key = d.ref(field).Short(from, false)
		}
		if v.Get(key) != nil {
			continue
		}
		value := d.object(class, f.Key, from)
		if f.Value != "" {
			value = d.scalar(class.Field(f.Value))
		}
		v.Members = append(v.Members, &base.Member{Name: key, Value: value})
	}
	return v
}

func (d *drawer) ref(f *base.Field) base.Ref {
	kind := d.model.Class(rapid.SampledFrom(d.model.Class(f.Target).Kinds).Draw(d.T, "target"))
	product := base.Ref("")
	if kind.InProduct && (!kind.InCluster || rapid.Bool().Draw(d.T, "in product")) {
		product = base.Ref("/products/" + d.name())
	}
	return kind.RefTo(product, d.name())
}

func (d *drawer) scalar(f *base.Field) *base.Value {
	switch f.Type {
	case base.TypeInteger:
		n := rapid.Int64Range(0, base.MaxInteger).Draw(d.T, "integer")
		return &base.Value{Kind: base.NumberValue, Text: strconv.FormatInt(n>>rapid.IntRange(0, 50).Draw(d.T, "shift"), 10)}
	case base.TypeDouble:
		return &base.Value{Kind: base.NumberValue, Text: strconv.FormatFloat(rapid.Float64Range(-1e9, 1e9).Draw(d.T, "double"), 'g', -1, 64)}
	case base.TypeBoolean:
		return &base.Value{Kind: base.BoolValue, Bool: rapid.Bool().Draw(d.T, "boolean")}
	case base.TypeRef:
		return text(d.ref(f).Absolute(root))
	}
	return text(d.text())
}

// FuzzCompile demands that no text makes the reader panic, that every violation
// has a place, and that what reads without one survives printing.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"product 'p' = { version: '1' }\nvolume 'v' = { size: '1GB' }",
		"container 'c' = { product: 'p', image: 'x', env: { A: secret('s'), B: 'x' }, mounts: [ { volume: 'v', path: '/' } ] }",
		"volume 'v' = { product: 'p', description: '''\nraw''' // c\n size: '1.5GiB' /* d */ }",
		"role 'r' = { permissions: { a: 'x:y' }, inherits: ['r'] }\nvolume = [(((", "'\\u{1F600}' \"x\" 1e5 -",
	} {
		f.Add(seed)
	}
	model := testModel()
	f.Fuzz(func(t *testing.T, src string) {
		file, violations := lang.Parse("f.picloud", []byte(src))
		d, more := lang.Compile(model, []*lang.File{file}, lang.Options{Root: root, Check: check})
		violations = append(violations, more...)
		for _, v := range violations {
			if v.Line < 1 || v.Column < 1 || v.File == "" || v.Message == "" || !utf8.ValidString(v.Message) {
				t.Fatalf("%+v", v)
			}
			if v.Line > strings.Count(src, "\n")+1 {
				t.Fatalf("line %d is behind the end: %s", v.Line, v.Message)
			}
		}
		if len(violations) == 0 {
			printed(t, model, d.Resources)
		}
	})
}

func BenchmarkCompileThousandResources(b *testing.B) {
	var src strings.Builder
	src.WriteString("product 'p' = { version: '1' }\n")
	for i := range 1000 {
		fmt.Fprintf(&src, "container 'c%d' = {\n  product: 'p'\n  image: 'api:1'\n  args: ['--port', '8080']\n  env: { LOG: 'info' }\n  resources: { cpu: '500m', memory: '256MiB' }\n}\n", i)
	}
	model := testModel()
	b.SetBytes(int64(src.Len()))
	for b.Loop() {
		file, _ := lang.Parse("f.picloud", []byte(src.String()))
		if _, violations := lang.Compile(model, []*lang.File{file}, lang.Options{Root: root}); len(violations) > 0 {
			b.Fatal(violations[0])
		}
	}
}
