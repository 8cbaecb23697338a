package lang_test

import (
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
)

const examples = "../../ontology/examples"

// declared loads files and holds them to the rules of the shipped kinds.
func declared(paths ...string) (*lang.Deployment, []base.Violation) {
	return lang.Load(schema.Model, paths, lang.Options{Root: root, Check: func(d *base.Decoder, class *base.Class, v *base.Value) {
		if command := codec.DecodeDeclare(d, domain.Kind(class.Word), v, ""); command != nil {
			command.Validate(&d.Check)
		}
	}})
}

func TestShippedExampleReadsWithoutFault(t *testing.T) {
	d, violations := declared(filepath.Join(examples, "photo-app"))
	for _, v := range violations {
		t.Error(v)
	}
	for _, o := range d.Outside {
		t.Errorf("%s:%d:%d: %s is not declared", o.File, o.Line, o.Column, o.Target)
	}
	same, violations := declared(filepath.Join(examples, "photo-app.ttl"))
	for _, v := range violations {
		t.Error(v)
	}
	values := map[base.Ref]*base.Value{}
	for _, r := range same.Resources {
		values[r.Address.Ref] = r.Value
	}
	if len(values) != len(d.Resources) {
		t.Errorf("%d resources in .picloud, %d in Turtle", len(d.Resources), len(values))
	}
	for _, r := range d.Resources {
		for _, c := range base.DiffValues(r.Value, values[r.Address.Ref]) {
			t.Errorf("%s%s: .picloud %s, Turtle %s", r.Address.Ref, c.Pointer, base.AppendValue(nil, c.Before), base.AppendValue(nil, c.After))
		}
	}
}

func TestEveryKindSurvivesPrintingAndReading(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "kinds", "*.valid.ttl"))
	if err != nil || len(files) == 0 {
		t.Fatal("the examples of the kinds are not there")
	}
	for _, file := range files {
		d, violations := declared(file)
		for _, v := range violations {
			if v.ID != "kind" { // of those that nobody declares
				t.Error(v)
			}
		}
		printed(t, schema.Model, d.Resources)
	}
}

func TestEveryInvalidExampleIsRefusedWithItsPlace(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "kinds", "*.invalid.ttl"))
	if err != nil || len(files) == 0 {
		t.Fatal("the examples of the kinds are not there")
	}
	for _, file := range files {
		_, violations := declared(file)
		if len(violations) == 0 {
			t.Errorf("%s is accepted", file)
		}
		for _, v := range violations {
			if v.Line == 0 || v.Column == 0 {
				t.Errorf("no place: %s", v)
			}
			t.Log(v)
		}
	}
}

// TestExportOfLiveResourcesIsExact takes each valid example through the wire
// form, defaults filled in, prints that, and demands the same wire form again.
func TestExportOfLiveResourcesIsExact(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "kinds", "*.valid.ttl"))
	if err != nil || len(files) == 0 {
		t.Fatal("the examples of the kinds are not there")
	}
	files = append(files, filepath.Join(examples, "photo-app"))
	for _, file := range files {
		d, _ := declared(file)
		var live []*lang.Resource
		for _, r := range d.Resources {
			v, err := base.ReadJSON([]byte(wire(t, r)), base.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			live = append(live, &lang.Resource{Class: r.Class, Address: r.Address, Value: v})
		}
		text := lang.Print(schema.Model, root, live)
		f, violations := lang.Parse("export", text)
		again, more := lang.Compile(schema.Model, []*lang.File{f}, lang.Options{Root: root})
		for _, v := range append(violations, more...) {
			t.Errorf("%s: %s\n%s", file, v, text)
		}
		read := map[base.Ref]string{}
		for _, r := range again.Resources {
			read[r.Address.Ref] = wire(t, r)
		}
		for _, r := range live {
			if want := wire(t, r); read[r.Address.Ref] != want {
				t.Errorf("%s\n live %s\n read %s\n%s", file, want, read[r.Address.Ref], text)
			}
		}
	}
}

// wire is a resource as a client gets it, without status.
func wire(t *testing.T, r *lang.Resource) string {
	t.Helper()
	v := &base.Value{Kind: base.ObjectValue}
	for _, m := range r.Value.Members {
		if m.Name != "iri" && m.Name != "status" {
			v.Members = append(v.Members, m)
		}
	}
	v.Members = append(v.Members,
		&base.Member{Name: "iri", Value: text(string(r.Address.Ref))},
		&base.Member{Name: "status", Value: &base.Value{Kind: base.ObjectValue}})
	d := &base.Decoder{Model: schema.Model, Root: root, Address: r.Address}
	resource := codec.DecodeResource(d, v)
	for _, v := range d.Violations {
		if v.ID != "address" && v.ID != "dateTime" && v.ID != "event" {
			t.Errorf("%s: %s", r.Address.Ref, v)
		}
	}
	e := &base.Encoder{Root: root, Resource: r.Address.Ref}
	codec.AppendResource(e, resource)
	return string(e.Buffer)
}
