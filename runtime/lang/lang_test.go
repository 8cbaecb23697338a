package lang_test

import (
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/lang"
)

const root = "https://picloud.local"

// printed prints resources, reads the text back and demands the same values.
func printed(t *testing.T, model *base.Model, resources []*lang.Resource) string {
	t.Helper()
	text := lang.Print(model, root, resources)
	f, violations := lang.Parse("printed.picloud", text)
	again, more := lang.Compile(model, []*lang.File{f}, lang.Options{Root: root})
	for _, v := range append(violations, more...) {
		if v.ID != "reference" {
			t.Errorf("%s\n%s", v, text)
		}
	}
	values := map[base.Ref]*base.Value{}
	for _, r := range again.Resources {
		values[r.Address.Ref] = r.Value
	}
	for _, r := range resources {
		if !base.EqualValues(r.Value, values[r.Address.Ref]) {
			t.Errorf("%s\n wrote %s\n  read %s\n    as %s", r.Address.Ref, base.AppendValue(nil, r.Value), base.AppendValue(nil, values[r.Address.Ref]), text)
		}
	}
	return string(text)
}
