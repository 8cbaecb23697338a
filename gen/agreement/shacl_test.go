package agreement

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

// validate is the program that a Python with pyshacl runs: one document a line
// in, one verdict a line out.
const validate = `
import json, sys
import rdflib, pyshacl
shapes = rdflib.Graph().parse(sys.argv[1], format="turtle")
for line in sys.stdin:
    data = rdflib.Graph().parse(data=json.loads(line), format="nt")
    conforms, _, _ = pyshacl.validate(data, shacl_graph=shapes)
    print("true" if conforms else "false", flush=True)
`

// documentShapes are the shapes of /ontology/shapes.
func documentShapes(t *testing.T) *shacl.Shapes {
	t.Helper()
	return compiled(t, shacl.Text{Name: "shapes.ttl", Content: schema.ShapesTurtle, Format: rdf.Turtle})
}

// compiled are the shapes of texts, in which every word has an effect.
func compiled(t *testing.T, texts ...shacl.Text) *shacl.Shapes {
	t.Helper()
	g, err := shacl.Read(texts...)
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := shacl.Parse(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range shapes.Notices {
		t.Error(n)
	}
	return shapes
}

// judgeGraph asks shapes about a document; the second result says what they
// refuse.
func judgeGraph(t *testing.T, shapes *shacl.Shapes, text shacl.Text) (bool, string) {
	t.Helper()
	g, err := shacl.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	report, err := shapes.Validate(t.Context(), g, shacl.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Conforms, strings.Join(report.Sentences(), "\n")
}

// noDeclaration is why shapes do not judge some examples.
const noDeclaration = "nobody declares that kind, and what is observed is ignored in a document"

// TestShapesJudgeTheExamplesAsTheyStand runs the Turtle of the examples, as
// people wrote it, through the document shapes.
func TestShapesJudgeTheExamplesAsTheyStand(t *testing.T) {
	p, all := subjects(t)
	judged, refused := 0, 0
	for _, e := range p.Model.Source.Examples {
		conforms, why := judgeGraph(t, all[0].shapes, shacl.Text{Name: e.Name, Content: e.Content, Format: rdf.Turtle})
		if judged++; !conforms {
			refused++
		}
		switch declared := slices.ContainsFunc(all, func(s *subject) bool { return s.kind.Word == e.Word }); {
		case !declared && conforms:
			t.Logf("left out: %s: %s", e.Name, noDeclaration)
		case conforms != e.Valid:
			t.Errorf("%s: the shapes say %v, want %v %s", e.Name, conforms, e.Valid, why)
		case !conforms:
			t.Log(why)
		}
	}
	t.Logf("%d examples, refused %d", judged, refused)
	deployment, err := os.ReadFile("../../ontology/examples/photo-app.ttl")
	if err != nil {
		t.Fatal(err)
	}
	if conforms, why := judgeGraph(t, all[0].shapes, shacl.Text{Name: "photo-app.ttl", Content: deployment, Format: rdf.Turtle}); !conforms {
		t.Error(why)
	}
}

// TestAnotherEngineReadsTheShapesAlike runs cases through the document shapes
// with an engine that is not ours. Every case is run with PICLOUD_LONG=1, else every
// eighth; PICLOUD_PYTHON names an interpreter that has pyshacl.
func TestAnotherEngineReadsTheShapesAlike(t *testing.T) {
	python := cmp.Or(os.Getenv("PICLOUD_PYTHON"), "python3")
	if out, err := exec.Command(python, "-c", "import pyshacl").CombinedOutput(); err != nil {
		t.Skipf("skipped: %s cannot import pyshacl (%v %s); install it, or name an interpreter that has it with PICLOUD_PYTHON", python, err, bytes.TrimSpace(out))
	}
	every := 8
	if os.Getenv("PICLOUD_LONG") != "" {
		every = 1
	}
	_, all := subjects(t)
	var cases []kase
	var input bytes.Buffer
	left := map[string]int{}
	n := 0
	for _, s := range all {
		for _, c := range mutations(t, s) {
			if reason := c.left[pySHACL]; reason != "" {
				left[reason]++
				continue
			}
			if n++; n%every != 1%every {
				continue
			}
			cases = append(cases, c)
			text, err := json.Marshal(document(t, s, c.value))
			if err != nil {
				t.Fatal(err)
			}
			input.Write(append(text, '\n'))
		}
	}
	command := exec.Command(python, "-c", validate, "../../generated/schema/shapes.ttl")
	command.Stdin, command.Stderr = &input, os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	verdicts := strings.Fields(string(output))
	if len(verdicts) != len(cases) {
		t.Fatalf("%d verdicts on %d cases", len(verdicts), len(cases))
	}
	refused := 0
	for i, c := range cases {
		if verdicts[i] == "false" {
			refused++
		}
		if verdicts[i] != strconv.FormatBool(c.valid) {
			t.Errorf("%s %s: pyshacl says %s, want %v", c.kind, c.name, verdicts[i], c.valid)
		}
	}
	t.Logf("%d of %d cases, refused %d", len(cases), n, refused)
	for reason, n := range left {
		t.Logf("left out: %s (%d)", reason, n)
	}
}

// writer writes a JSON value as the triples of the same resource. It knows
// nothing of what is valid: wrong values become wrong triples.
type writer struct {
	*testing.T
	out     strings.Builder
	decoder base.Decoder
}

func document(t *testing.T, s *subject, value tree) string {
	w := &writer{T: t, decoder: base.Decoder{Model: schema.Model, Root: root}}
	_, w.decoder.Address, _ = schema.Model.AddressOf(s.ref)
	w.object(base.IRI(s.ref.Absolute(root)), schema.Model.Kind(s.kind.Word), value)
	return w.out.String()
}

func (w *writer) triple(s base.Term, p string, o base.Term) {
	fmt.Fprintf(&w.out, "%s <%s> %s .\n", ntriples(s), p, ntriples(o))
}

func ntriples(t base.Term) string {
	if t.Kind == base.IRITerm {
		return "<" + t.Value + ">"
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\x01", `\u0001`).Replace(t.Value)
	return `"` + quoted + `"^^<` + cmp.Or(t.Datatype, base.XSDString) + ">"
}

func (w *writer) object(node base.Term, class *base.Class, value tree) {
	w.triple(node, base.RDFType, base.IRI(class.IRI))
	for _, f := range class.Fields {
		if v, present := value[f.Name]; present && !f.Observed {
			w.field(node, f, v)
		}
	}
	for name, v := range value {
		text, ok := v.(string)
		if ok && class.Field(name) == nil && !slices.Contains([]string{"iri", "kind", "name", "product"}, name) {
			w.triple(node, base.Ontology+name, base.String(text)) // unknown here, as the member is
		}
	}
}

func (w *writer) field(node base.Term, f *base.Field, v any) {
	switch v := v.(type) {
	case []any:
		if f.Form == base.List {
			w.list(node, f, v)
			return
		}
		for _, item := range v {
			w.triple(node, f.IRI, w.term(f, item))
		}
	case tree:
		class := w.decoder.Model.Class(f.Object)
		if f.Form != base.Map {
			inner := base.Fragment(node, f.Name)
			w.triple(node, f.IRI, inner)
			w.object(inner, class, v)
			return
		}
		for key, one := range v {
			w.member(node, f, class, key, one)
		}
	default:
		w.triple(node, f.IRI, w.term(f, v))
	}
}

func (w *writer) member(node base.Term, f *base.Field, class *base.Class, key string, v any) {
	inner := base.Fragment(node, f.Name, key)
	w.triple(node, f.IRI, inner)
	keyField := class.Field(f.Key)
	text := any(key)
	if keyField.Type == base.TypeRef {
		m := &base.Member{Name: key}
		text = w.decoder.KeyRef(m, keyField.Target, "").Absolute(root)
	}
	w.triple(inner, keyField.IRI, w.term(keyField, text))
	if object, ok := v.(tree); ok && f.Value == "" {
		w.object(inner, class, object)
		return
	}
	w.triple(inner, base.RDFType, base.IRI(class.IRI))
	if f.Value != "" {
		w.field(inner, class.Field(f.Value), v)
	}
}

func (w *writer) list(node base.Term, f *base.Field, items []any) {
	cell := func(i int) base.Term {
		if i == len(items) {
			return base.IRI(base.RDF + "nil")
		}
		return base.Fragment(node, f.Name, strconv.Itoa(i))
	}
	w.triple(node, f.IRI, cell(0))
	for i, item := range items {
		w.triple(cell(i), base.RDF+"first", w.term(f, item))
		w.triple(cell(i), base.RDF+"rest", cell(i+1))
		w.triple(cell(i), base.Meta+"index", base.Typed(strconv.Itoa(i), base.XSDInteger))
	}
}

// term is a simple JSON value as a term of RDF.
func (w *writer) term(f *base.Field, v any) base.Term {
	switch v := v.(type) {
	case bool:
		return base.Typed(strconv.FormatBool(v), base.XSDBoolean)
	case json.Number:
		if strings.Contains(v.String(), ".") {
			return base.Typed(v.String(), base.XSDDecimal)
		}
		return base.Typed(v.String(), base.XSDInteger)
	case string:
		switch f.Type {
		case base.TypeRef:
			return base.IRI(v)
		case base.TypeEnum:
			return w.token(f, v)
		case base.TypeDateTime:
			return base.Typed(v, base.XSD+"dateTime")
		}
		return base.String(v)
	}
	w.Fatalf("%s: %T has no term", f.Name, v)
	return base.Term{}
}

func (w *writer) token(f *base.Field, text string) base.Term {
	for _, t := range w.decoder.Model.Enum(f.Enum).Tokens {
		if t.Token == text {
			return base.IRI(t.IRI)
		}
	}
	return base.IRI(base.Ontology + "Nonsense")
}
