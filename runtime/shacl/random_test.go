package shacl_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/shacl"
)

// other is the program that a Python with pyshacl runs: shapes and data a line
// in, the results a line out.
const other = `
import json, sys
import rdflib, pyshacl
rdflib.NORMALIZE_LITERALS = False
SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")
for line in sys.stdin:
    shapes, data = json.loads(line)
    shapes = rdflib.Graph().parse(data=shapes, format="turtle")
    data = rdflib.Graph().parse(data=data, format="turtle")
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes)
    results = []
    for r in report.subjects(rdflib.RDF.type, SH.ValidationResult):
        if (None, SH.detail, r) in report: continue
        value = report.value(r, SH.value)
        results.append(" ".join([report.value(r, SH.focusNode).n3(), value.n3() if value is not None else "-",
            report.value(r, SH.sourceShape).n3(), report.value(r, SH.sourceConstraintComponent).n3()]))
    print(json.dumps(sorted(results)), flush=True)
`

// maker makes random shapes and data over few names, so that they meet. What it
// compares differs by mode: the other engine also orders IRIs, truth values and
// texts of a language, which SPARQL, and so SHACL, does not.
type maker struct {
	*rand.Rand
	mode     int // 0: all values, nothing compared; 1: numbers and nodes, with bounds; 2: numbers, with sh:lessThan too
	shapes   strings.Builder
	property [shapeCount]bool
	inverse  bool // of any path, not of predicates only
}

const shapeCount = 6

func (m *maker) one(of ...string) string { return of[m.IntN(len(of))] }

func (m *maker) node() string { return fmt.Sprintf("ex:n%d", m.IntN(6)) }

func (m *maker) literal() string {
	if m.mode > 0 {
		return m.one("0", "1", "2", "3", "1.5", "2.0", "-1")
	}
	return m.one("0", "1", "2", "3", `"a"`, `"ab"`, `"abc"`, `"a"@en`, `"b"@en`, `"b"@de-AT`, `"x"^^xsd:integer`, "true", "1.5",
		`"2026-01-01"^^xsd:date`, `"2026-01-02T00:00:00+00:00"^^xsd:dateTime`)
}

func (m *maker) value() string {
	if m.mode < 2 && m.IntN(2) == 0 {
		return m.node()
	}
	return m.literal()
}

func (m *maker) predicate() string { return fmt.Sprintf("ex:p%d", m.IntN(3)) }

func (m *maker) class() string { return fmt.Sprintf("ex:C%d", m.IntN(3)) }

func (m *maker) data() string {
	var b strings.Builder
	b.WriteString(prefixes + "ex:C1 rdfs:subClassOf ex:C0 .\n")
	for range 6 + m.IntN(20) {
		if m.IntN(4) == 0 {
			fmt.Fprintf(&b, "%s a %s .\n", m.node(), m.class())
		} else {
			fmt.Fprintf(&b, "%s %s %s .\n", m.node(), m.predicate(), m.value())
		}
	}
	return b.String()
}

// path is the inverse of a list only where that is asked for: pyshacl walks it
// in the wrong order, and TestPathsLeadWhereSPARQLSays looks at it instead.
func (m *maker) path(depth int) string {
	if depth == 0 || m.mode == 2 || m.IntN(2) == 0 {
		return m.predicate()
	}
	inner, turned := m.path(depth-1), m.predicate()
	if m.inverse {
		turned = inner
	}
	return m.one(
		"[ sh:inversePath "+turned+" ]", "[ sh:zeroOrMorePath "+inner+" ]", "[ sh:oneOrMorePath "+inner+" ]", "[ sh:zeroOrOnePath "+inner+" ]",
		"( "+inner+" "+m.path(depth-1)+" )", "[ sh:alternativePath ( "+inner+" "+m.path(depth-1)+" ) ]",
	)
}

// below is a shape with a greater number, so that none refers to itself.
func (m *maker) below(i int) string { return fmt.Sprintf("ex:s%d", i+1+m.IntN(shapeCount-i-1)) }

// nodeBelow is one that is a node shape, as the last but one always is.
func (m *maker) nodeBelow(i int) string {
	for {
		if s := m.below(i); !m.property[s[len(s)-1]-'0'] {
			return s
		}
	}
}

func (m *maker) make() string {
	m.shapes.WriteString(prefixes)
	for i := range shapeCount {
		m.property[i] = i == shapeCount-1 || i != shapeCount-2 && m.IntN(2) == 0
	}
	for i, property := range m.property {
		fmt.Fprintf(&m.shapes, "ex:s%d a sh:%s", i, map[bool]string{true: "PropertyShape", false: "NodeShape"}[property])
		if property {
			m.shapes.WriteString(" ; sh:path " + m.path(2))
		}
		if i < 3 {
			m.shapes.WriteString(" ; " + m.one("sh:targetNode "+m.node()+", "+m.literal(), "sh:targetClass "+m.class(), "sh:targetSubjectsOf "+m.predicate(), "sh:targetObjectsOf "+m.predicate()))
		}
		used := map[string]bool{}
		for range 1 + m.IntN(3) {
			c := m.constraint(i, property)
			if word, _, _ := strings.Cut(c, " "); !used[word] {
				used[word] = true
				m.shapes.WriteString(" ; " + c)
			}
		}
		m.shapes.WriteString(" .\n")
	}
	return m.shapes.String()
}

func (m *maker) constraint(i int, property bool) string {
	some := []string{
		"sh:class " + m.class(), "sh:datatype xsd:" + m.one("integer", "string", "date", "boolean"), "sh:datatype rdf:langString",
		"sh:nodeKind sh:" + m.one("IRI", "Literal", "BlankNodeOrIRI", "IRIOrLiteral"), fmt.Sprintf("sh:minLength %d", m.IntN(4)), fmt.Sprintf("sh:maxLength %d", m.IntN(4)),
		`sh:pattern "` + m.one("^a", "b$", "n[0-3]$", "A") + `" ; sh:flags "i"`, `sh:languageIn ( "en" "de" )`, "sh:equals " + m.predicate(), "sh:disjoint " + m.predicate(),
		"sh:hasValue " + m.value(), "sh:in ( " + m.value() + " " + m.value() + " " + m.value() + " )", "sh:closed true ; sh:ignoredProperties ( rdf:type " + m.predicate() + " )",
	}
	if property {
		some = append(some, fmt.Sprintf("sh:minCount %d", m.IntN(3)), fmt.Sprintf("sh:maxCount %d", m.IntN(3)), "sh:uniqueLang true")
	}
	if m.mode > 0 {
		some = append(some, fmt.Sprintf("sh:minInclusive %d", m.IntN(4)), fmt.Sprintf("sh:maxExclusive %d", m.IntN(4)), "sh:minExclusive 1.0", "sh:maxInclusive 2")
	}
	if m.mode == 2 && property {
		some = append(some, "sh:lessThan "+m.predicate(), "sh:lessThanOrEquals "+m.predicate())
	}
	if i < shapeCount-1 {
		some = append(some, "sh:not "+m.below(i), "sh:and ( "+m.below(i)+" "+m.below(i)+" )", "sh:or ( "+m.below(i)+" "+m.below(i)+" )",
			"sh:xone ( "+m.below(i)+" "+m.below(i)+" )", fmt.Sprintf("sh:property ex:s%d", shapeCount-1))
		if i < shapeCount-2 {
			some = append(some, "sh:node "+m.nodeBelow(i))
		}
		if property {
			some = append(some, fmt.Sprintf("sh:qualifiedValueShape %s ; sh:qualifiedMinCount %d ; sh:qualifiedMaxCount %d", m.below(i), m.IntN(2), m.IntN(2)))
		}
	}
	return m.one(some...)
}

// TestAnotherEngineReportsTheSame runs random shapes on random data through
// pyshacl: 150 pairs, 3,000 with PICLOUD_LONG=1. PICLOUD_PYTHON names an
// interpreter that has it.
func TestAnotherEngineReportsTheSame(t *testing.T) {
	python := cmp.Or(os.Getenv("PICLOUD_PYTHON"), "python3")
	if out, err := exec.Command(python, "-c", "import pyshacl").CombinedOutput(); err != nil {
		t.Skipf("skipped: %s cannot import pyshacl (%v %s); install it, or name an interpreter that has it with PICLOUD_PYTHON", python, err, bytes.TrimSpace(out))
	}
	pairs := 150
	if os.Getenv("PICLOUD_LONG") != "" {
		pairs = 3000
	}
	var input bytes.Buffer
	var texts [][2]string
	for seed := range pairs {
		m := &maker{Rand: rand.New(rand.NewPCG(uint64(seed), 3)), mode: seed % 3}
		texts = append(texts, [2]string{m.make(), m.data()})
		if err := json.NewEncoder(&input).Encode(texts[seed]); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(python, "-c", other)
	command.Stdin, command.Stderr = &input, os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(output), []byte("\n"))
	results := 0
	for seed, pair := range texts {
		var want []string
		if err := json.Unmarshal(lines[seed], &want); err != nil {
			t.Fatal(err)
		}
		got := reported(t, pair)
		results += len(got)
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: the reports differ\n ours %s\nother %s\n%s\n%s", seed, strings.Join(without(got, want), "\n      "), strings.Join(without(want, got), "\n      "), pair[0], pair[1])
		}
	}
	t.Logf("%d pairs, %d results", pairs, results)
}

// reported are the results of our own engine in the words of the other.
func reported(t *testing.T, pair [2]string) (results []string) {
	t.Helper()
	parts := [2]shacl.Graph{}
	for i := range parts {
		parts[i] = graph(t, strings.TrimPrefix(pair[i], prefixes))
	}
	s, err := shacl.Parse(parts[0])
	if err != nil {
		t.Fatalf("%v\n%s", err, pair[0])
	}
	report, err := s.Validate(t.Context(), parts[1], shacl.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		results = append(results, strings.Join([]string{n3(r.Focus), n3(r.Value), n3(r.Source), "<" + r.Component + ">"}, " "))
	}
	slices.Sort(results)
	return results
}

func without(a, b []string) (left []string) {
	b = slices.Clone(b)
	for _, one := range a {
		if i := slices.Index(b, one); i >= 0 {
			b = slices.Delete(b, i, i+1)
		} else {
			left = append(left, one)
		}
	}
	return left
}

// n3 writes a term as rdflib does.
func n3(t base.Term) string {
	switch {
	case t.Kind == base.NoTerm:
		return "-"
	case t.Kind == base.IRITerm:
		return "<" + t.Value + ">"
	case t.Lang != "":
		return fmt.Sprintf("%q@%s", t.Value, t.Lang)
	case t.Datatype == base.XSDString:
		return fmt.Sprintf("%q", t.Value)
	}
	return fmt.Sprintf("%q^^<%s>", t.Value, t.Datatype)
}
