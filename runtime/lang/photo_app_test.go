package lang_test

import (
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
)

const examples = "../../ontology/examples"

func TestShippedExampleReadsWithoutFault(t *testing.T) {
	d, violations := lang.Load(schema.Model, []string{filepath.Join(examples, "photo-app")}, lang.Options{Root: root})
	for _, v := range violations {
		t.Error(v)
	}
	for _, o := range d.Outside {
		t.Errorf("%s:%d:%d: %s is not declared", o.File, o.Line, o.Column, o.Target)
	}
	same, violations := lang.Load(schema.Model, []string{filepath.Join(examples, "photo-app.ttl")}, lang.Options{Root: root})
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
		t.Skip("the examples of the kinds are not there")
	}
	for _, file := range files {
		d, violations := lang.Load(schema.Model, []string{file}, lang.Options{Root: root})
		for _, v := range violations {
			if v.ID != "kind" { // of those that nobody declares
				t.Error(v)
			}
		}
		printed(t, schema.Model, d.Resources)
	}
}
