package lang_test

import (
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/lang"
)

const root = "https://picloud.local"

// reporter is what a test and a drawn case of a property have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// printed prints resources, reads the text back and demands the same values.
func printed(t reporter, model *base.Model, resources []*lang.Resource) string {
	t.Helper()
	text := lang.Print(model, root, resources)
	f, violations := lang.Parse("printed.picloud", text)
	again, more := lang.Compile(model, []*lang.File{f}, lang.Options{Root: root})
	for _, v := range append(violations, more...) {
		if v.ID != "reference" && v.ID != "cycle" { // which are none of the printer's
			t.Errorf("%s\n%s", v, text)
		}
	}
	values := map[base.Ref]*base.Value{}
	for _, r := range again.Resources {
		values[r.Address.Ref] = r.Value
	}
	for _, r := range resources {
		if !base.EqualValues(public(r), values[r.Address.Ref]) {
			t.Errorf("%s\n wrote %s\n  read %s\n    as %s", r.Address.Ref, base.AppendValue(nil, public(r)), base.AppendValue(nil, values[r.Address.Ref]), text)
		}
	}
	return string(text)
}

// public is the value of a resource without what is never printed.
func public(r *lang.Resource) *base.Value {
	v := *r.Value
	v.Members = slices.DeleteFunc(slices.Clone(v.Members), func(m *base.Member) bool {
		f := r.Class.Field(m.Name)
		return f != nil && f.Sensitive
	})
	return &v
}
