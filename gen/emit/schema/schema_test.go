package schema_test

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/picloud/picloud/gen"
	"github.com/picloud/picloud/gen/base"
	emit "github.com/picloud/picloud/gen/emit/schema"
	"github.com/picloud/picloud/gen/gentest"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/rdf"
)

func shipped(t *testing.T) (*plan.Plan, map[string][]byte) {
	t.Helper()
	p, err := gen.Plan(gentest.Ontology(t))
	if err != nil {
		t.Fatal(err)
	}
	files, err := emit.Emit(p)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string][]byte{}
	for _, f := range files {
		made[strings.TrimPrefix(f.Path, "generated/schema/")] = f.Content
	}
	return p, made
}

func triples(t *testing.T, text []byte) []base.Quad {
	t.Helper()
	quads, err := rdf.ParseAll(bytes.NewReader(text), rdf.Turtle, rdf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return quads
}

// The served ontology says everything that the files say, and beyond that only
// what follows.
func TestServedOntologyHoldsEveryStatement(t *testing.T) {
	p, made := shipped(t)
	served := map[base.Quad]bool{}
	blanks := 0
	for _, q := range triples(t, made["ontology.ttl"]) {
		served[q] = true
		if q.S.Kind == base.BlankTerm {
			blanks++
		}
	}
	for _, f := range p.Model.Source.Files {
		if f.Name == "meta-shapes.ttl" {
			continue
		}
		for _, s := range f.Statements {
			switch {
			case s.S.Kind == base.BlankTerm:
				blanks--
			case s.O.Kind != base.BlankTerm && !served[base.Quad{S: s.S, P: s.P, O: s.O}]:
				t.Errorf("%s: %v is not served", s.Subject, s.Triple)
			}
		}
	}
	if blanks != 0 {
		t.Errorf("%d nameless statements more are served than written", blanks)
	}
	for _, e := range p.Events {
		if !served[base.Quad{S: base.IRI(e.IRI), P: base.IRI(base.RDFS + "subClassOf"), O: base.IRI(base.Ontology + e.Supers[0])}] {
			t.Errorf("%s ⊑ %s is not served", e.Name, e.Supers[0])
		}
	}
}

// Each event class leads up to Event, so that subscribers to a superclass get it.
func TestEventClassesLeadToEvent(t *testing.T) {
	_, made := shipped(t)
	super := map[string]string{}
	for _, q := range triples(t, made["ontology.ttl"]) {
		if q.P.Value == base.RDFS+"subClassOf" {
			super[q.S.Value] = q.O.Value
		}
	}
	for _, name := range []string{"ContainerReady", "VolumeDeclared", "NodeRemoved", "AlertFired"} {
		steps := 0
		for at := base.Ontology + name; at != base.Ontology+"Event"; at = super[at] {
			if steps++; at == "" || steps > 9 {
				t.Errorf("%s does not lead to Event", name)
				break
			}
		}
	}
}

func TestDocumentShapesNeedNoOtherGraph(t *testing.T) {
	_, made := shipped(t)
	quads := triples(t, made["shapes.ttl"])
	described := map[base.Term]bool{}
	for _, q := range quads {
		described[q.S] = true
	}
	closed := map[base.Term]bool{}
	for _, q := range quads {
		switch local := path.Base(q.P.Value); local {
		case "shacl#node":
			if !described[q.O] {
				t.Errorf("%s is referred to and not described", q.O.Value)
			}
		case "shacl#closed":
			closed[q.S] = true
		case "shacl#class", "shacl#message":
			t.Errorf("%s is used; document shapes need no other graph and word no message", local)
		}
	}
	for _, q := range quads {
		if q.P.Value == base.RDFType && !closed[q.S] {
			t.Errorf("%s is not closed", q.S.Value)
		}
	}
}

func compile(t *testing.T, name string, text []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	address := "https://picloud.local/" + name
	if err := c.AddResource(address, document); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s, err := c.Compile(address)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func TestEverySchemaIsOne(t *testing.T) {
	_, made := shipped(t)
	n := 0
	for name, text := range made {
		if path.Ext(name) == ".json" {
			compile(t, name, text)
			n++
		}
	}
	if n < 100 {
		t.Errorf("only %d schemas", n)
	}
}

func TestKindSchemaJudgesDocuments(t *testing.T) {
	for _, c := range []struct {
		kind, document string
		valid          bool
	}{
		{"volume", `{"size": 1048576}`, true},
		{"volume", `{"size": 1048576, "kind": "volume", "name": "v", "status": {"anything": 1}}`, true},
		{"volume", `{}`, false},
		{"volume", `{"size": 5}`, false},
		{"volume", `{"size": 1048576.5}`, false},
		{"volume", `{"size": 1048576, "kind": "container"}`, false},
		{"volume", `{"size": 1048576, "colour": "red"}`, false},
		{"volume", `{"size": 1048576, "mode": "square"}`, false},
		{"container", `{"image": "a:1", "env": {"LOG": {"value": "info"}, "DB": {"secret": "db"}}}`, true},
		{"container", `{"image": "a:1", "env": {"LOG": {"value": "info", "secret": "db"}}}`, false},
		{"container", `{"image": "a:1", "env": {"LOG": {}}}`, false},
		{"container", `{"image": "a:1", "env": {"not a name": {"value": "x"}}}`, false},
		{"container", `{"image": "a:1", "args": ["--port", "8080", "--port"]}`, true},
		{"container", `{"image": "a:1", "tags": {"team": "backend"}}`, true},
		{"secret", `{"value": "s"}`, true},
		{"secret", `{"data": {"a": "b"}}`, true},
		{"secret", `{"data": {"a": 1}}`, false},
	} {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(c.document))
		if err != nil {
			t.Fatal(err)
		}
		err = compile(t, c.kind+".json", schema.KindSchema(c.kind)).Validate(instance)
		if (err == nil) != c.valid {
			t.Errorf("%s %s: valid %t, want %t (%v)", c.kind, c.document, err == nil, c.valid, err)
		}
	}
}

// Every property that is not a string has its type in the context, so that
// other readers of JSON-LD see the same literals.
func TestContextTypesEveryProperty(t *testing.T) {
	var context struct {
		Terms map[string]json.RawMessage `json:"@context"`
	}
	if err := json.Unmarshal(schema.ContextJSONLD, &context); err != nil {
		t.Fatal(err)
	}
	for _, c := range schema.Model.Classes {
		for _, f := range c.Fields {
			name := f.IRI[strings.IndexByte(f.IRI, '#')+1:]
			if _, typed := context.Terms[name]; typed != (f.Type != base.TypeString || f.Form == base.List) {
				t.Errorf("%s of %s: typed %t", name, c.Name, typed)
			}
		}
	}
	for _, name := range []string{"label", "first", "rest", "index"} {
		if context.Terms[name] == nil {
			t.Errorf("the context lacks %s", name)
		}
	}
}

func TestModelIsThatOfThePlan(t *testing.T) {
	p, _ := shipped(t)
	for _, want := range p.Model.Model.Classes {
		got := schema.Model.Class(want.Name)
		if got == nil {
			t.Errorf("no class %s", want.Name)
			continue
		}
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		if !bytes.Equal(a, b) {
			t.Errorf("class %s:\n got %s\nwant %s", want.Name, b, a)
		}
	}
	if len(schema.Model.Classes) != len(p.Model.Model.Classes) {
		t.Errorf("%d classes, want %d", len(schema.Model.Classes), len(p.Model.Model.Classes))
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(schema.ModelDigest) {
		t.Errorf("digest %q", schema.ModelDigest)
	}
}

func TestUnknownDocumentIsNil(t *testing.T) {
	if schema.KindSchema("../schema") != nil || schema.KindSchema("nothing") != nil || schema.EventSchema("VolumeReady", 9) != nil {
		t.Error("a document that does not exist was found")
	}
	if !slices.Contains([]byte(schema.EventSchema("VolumeReady", 1)), '{') {
		t.Error("VolumeReady v1 was not found")
	}
}
