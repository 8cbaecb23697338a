package agreement

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/picloud/picloud/gen"
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/example"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/generated/api"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

const root = example.Root

// subject is one kind with the statements about it.
type subject struct {
	kind    *plan.Kind
	ref     base.Ref
	example *example.Example
	json    *jsonschema.Schema
	open    *openapi3.Schema
	shapes  *shacl.Shapes // of the documents of all kinds
}

func subjects(t *testing.T) (*plan.Plan, []*subject) {
	t.Helper()
	p, err := gen.Plan(os.DirFS("../../ontology"))
	if err != nil {
		t.Fatal(err)
	}
	examples, err := example.Valid(p)
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	shapes := documentShapes(t)
	var all []*subject
	for _, k := range p.Kinds {
		if k.Declare == "" {
			continue
		}
		e := examples[k.Word]
		all = append(all, &subject{k, e.Ref, e, compile(t, k), document.Components.Schemas[k.Go+"Input"].Value, shapes})
	}
	return p, all
}

func compile(t *testing.T, k *plan.Kind) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.KindSchema(k.Word)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(root+"/schemas/"+k.Word, document); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(root + "/schemas/" + k.Word)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// judge asks a statement; the second result is its reason for refusing.
func (s *subject) judge(t *testing.T, by statement, value tree) (bool, string) {
	switch by {
	case shapes:
		return judgeGraph(t, s.shapes, shacl.Text{Format: rdf.NTriples, Content: []byte(document(t, s, value))})
	case goCode:
		return s.judgeGo(value)
	case jsonSchema:
		if err := s.json.Validate(any(value)); err != nil {
			return false, err.Error()
		}
	case openAPI:
		if err := s.open.VisitJSON(floats(value)); err != nil {
			return false, err.Error()
		}
	}
	return true, ""
}

func (s *subject) judgeGo(value tree) (bool, string) {
	text, err := json.Marshal(value)
	if err != nil {
		return false, err.Error()
	}
	v, failed := base.ReadJSON(text, base.Limits{})
	if failed != nil {
		return false, failed.Error()
	}
	_, address, violation := schema.Model.AddressOf(s.ref)
	if violation != nil {
		return false, violation.Message
	}
	d := &base.Decoder{Model: schema.Model, Root: root, Address: address}
	d.Resource = s.ref
	command := codec.DecodeDeclare(d, domain.Kind(s.kind.Word), v, "")
	command.Validate(&d.Check)
	if len(d.Violations) > 0 {
		return false, fmt.Sprint(d.Violations)
	}
	return true, ""
}

// floats turns numbers into what kin-openapi reads.
func floats(v any) any {
	switch v := v.(type) {
	case tree:
		c := tree{}
		for name, inner := range v {
			c[name] = floats(inner)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, inner := range v {
			c[i] = floats(inner)
		}
		return c
	case json.Number:
		f, _ := v.Float64() // made by us
		return f
	}
	return v
}

// read is a value as encoding/json reads it.
func read(t *testing.T, v *base.Value) tree {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(base.AppendValue(nil, v)))
	d.UseNumber()
	var read tree
	if err := d.Decode(&read); err != nil {
		t.Fatal(err)
	}
	return read
}

// mutations are the example of a kind and what follows from it.
func mutations(t *testing.T, s *subject) []kase {
	t.Helper()
	m := &mutator{model: schema.Model, kind: s.kind.Word, whole: read(t, s.example.Request())}
	m.add("the example", true, nil)
	m.object(schema.Model.Kind(s.kind.Word), m.whole, "", "")
	return m.cases
}

// TestEveryStatementOfAConstraintSaysTheSame runs every example and its
// mutations through Go, JSON Schema, OpenAPI and the shapes of documents.
func TestEveryStatementOfAConstraintSaysTheSame(t *testing.T) {
	_, all := subjects(t)
	judged, refused := map[statement]int{}, map[statement]int{}
	left := map[string]int{}
	cases := 0
	for _, s := range all {
		for _, c := range mutations(t, s) {
			cases++
			for _, by := range []statement{goCode, jsonSchema, openAPI, shapes} {
				if reason := c.left[by]; reason != "" {
					left[string(by)+": "+reason]++
					continue
				}
				judged[by]++
				valid, why := s.judge(t, by, c.value)
				if !valid {
					refused[by]++
				}
				if valid != c.valid {
					t.Errorf("%s %s: %s says %v, want %v %s", c.kind, c.name, by, valid, c.valid, short(why))
				}
			}
		}
	}
	t.Logf("%d cases of %d kinds; judged %v, refused %v", cases, len(all), judged, refused)
	for _, reason := range slices.Sorted(maps.Keys(left)) {
		t.Logf("left out: %s (%d)", reason, left[reason])
	}
}

func short(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// cannotSay are the shapes that a statement cannot express.
var cannotSay = map[statement]map[string]string{
	jsonSchema: {"DataDomain-steward": noClass, "Group-hasMember": noClass, "WorkloadIdentity-roles": noClass},
	openAPI: {
		"DataDomain-steward": noClass, "Group-hasMember": noClass, "WorkloadIdentity-roles": noClass,
		"Aggregate-key": noKeys,
	},
}

const noClass = "the class of what an address names is not seen from its text by schemas of JSON"

// TestInvalidExamplesAreRefusedByAll runs the examples that break a shape.
func TestInvalidExamplesAreRefusedByAll(t *testing.T) {
	p, all := subjects(t)
	for _, s := range all {
		for _, e := range p.Model.Source.Examples {
			if e.Word != s.kind.Word || e.Valid {
				continue
			}
			invalid, violations, err := example.Read(p, s.kind, e)
			if err != nil {
				t.Errorf("%s: %v", e.Name, err)
				continue
			}
			if len(violations) > 0 {
				t.Logf("%s is refused while it is read as RDF, so it has no JSON: %s", e.Name, violations[0])
				continue
			}
			value := read(t, invalid.Request())
			broken, _, _ := strings.Cut(string(e.Content), "\n")
			broken = broken[strings.LastIndexByte(broken, '#')+1:]
			for _, by := range []statement{goCode, jsonSchema, openAPI, shapes} {
				if reason := cannotSay[by][broken]; reason != "" {
					t.Logf("left out: %s of %s: %s", by, broken, reason)
				} else if valid, _ := s.judge(t, by, value); valid {
					t.Errorf("%s: %s says that it is valid", e.Name, by)
				}
			}
		}
	}
}
