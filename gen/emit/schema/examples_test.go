package schema_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/example"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/generated/schema"
)

// beyondSchemas are shapes that a JSON Schema of a request cannot break, each
// with its reason.
var beyondSchemas = map[string]string{
	"Alert-message":              "observed fields are ignored in requests",
	"Enrollment-code":            "observed fields are ignored in requests",
	"EnrollmentRefusal-attempts": "observed fields are ignored in requests",
	"Keyring-wrapKey":            "observed fields are ignored in requests",
	"Node-addresses":             "observed fields are ignored in requests",
	"DataDomain-steward":         "a reference may be a name, which shows no kind",
	"Group-hasMember":            "a reference may be a name, which shows no kind",
	"WorkloadIdentity-roles":     "a reference may be a name, which shows no kind",
}

var breaks = regexp.MustCompile(`(?m)^# breaks: https://picloud\.local/ontology#([A-Za-z0-9-]+)$`)

// Each valid example is valid by the JSON Schema of its kind, each invalid one
// is not.
func TestSchemasAgreeWithTheExamples(t *testing.T) {
	p, _ := shipped(t)
	used := map[string]bool{}
	for _, e := range p.Model.Source.Examples {
		var kind *plan.Kind
		for _, k := range p.Kinds {
			if k.Word == e.Word {
				kind = k
			}
		}
		one, violations, err := example.Read(p, kind, e)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(base.AppendValue(nil, one.Request())))
		if err != nil {
			t.Fatal(err)
		}
		err = compile(t, e.Word+".json", schema.KindSchema(e.Word)).Validate(instance)
		valid := err == nil && len(violations) == 0
		if e.Valid == valid {
			continue
		}
		broken := ""
		if m := breaks.FindSubmatch(e.Content); m != nil {
			broken = string(m[1])
		}
		if beyondSchemas[broken] == "" {
			t.Errorf("%s (breaks %q): valid %t (%v, %v)", e.Name, broken, valid, err, violations)
		}
		used[broken] = true
	}
	for shape := range beyondSchemas {
		if !used[shape] {
			t.Errorf("%s is broken by no example that a schema lets pass; remove it from the table", shape)
		}
	}
}
