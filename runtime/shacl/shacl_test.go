package shacl_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

const prefixes = `@prefix ex: <http://e/> . @prefix sh: <http://www.w3.org/ns/shacl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
`

func text(name, turtle string) shacl.Text {
	return shacl.Text{Name: name, Content: []byte(prefixes + turtle), Format: rdf.Turtle, Options: rdf.Options{Base: "http://e/"}}
}

func graph(t testing.TB, turtle string) shacl.Graph {
	t.Helper()
	g, err := shacl.Read(text("data.ttl", turtle))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func shapes(t testing.TB, turtle string) *shacl.Shapes {
	t.Helper()
	g, err := shacl.Read(text("shapes.ttl", turtle))
	if err != nil {
		t.Fatal(err)
	}
	s, err := shacl.Parse(g)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each sentence says place, node, path, what was expected and the nearest fix.
func TestSentencesLeadToTheFix(t *testing.T) {
	s := shapes(t, `ex:Photo a sh:NodeShape, rdfs:Class ; sh:closed true ; sh:ignoredProperties ( rdf:type ) ;
  sh:property [ sh:path ex:title ; sh:minCount 1 ; sh:datatype xsd:string ] ,
    [ sh:path ex:width ; sh:datatype xsd:integer ; sh:minInclusive 1 ] ,
    [ sh:path ex:taken ; sh:maxCount 1 ; sh:message "Wann?"@de, "When?"@en ; sh:maxInclusive "2026-01-01"^^xsd:date ] ,
    [ sh:path ex:mood ; sh:in ( ex:Happy ex:Sad ) ; sh:severity sh:Warning ] ,
    [ sh:path ex:by ; sh:node [ sh:property [ sh:path ex:name ; sh:minCount 1 ] ] ] .`)
	report, err := s.Validate(t.Context(), graph(t, `ex:p a ex:Photo ;
  ex:width "7" ;
  ex:taken "2026-01-02"^^xsd:date ;
  ex:mood ex:Hapy ;
  ex:titel "Sunset" ;
  ex:by ex:bob .
ex:bob ex:age 7 .`), shacl.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string][]string{
		"en": {
			`data.ttl:3:1: ex:p, ex:title: is missing, expected at least 1 value`,
			`data.ttl:4:12: ex:p, ex:width: "7" is not an xsd:integer; write 7`,
			`data.ttl:4:12: ex:p, ex:width: "7" does not compare with 1, expected at least that; write a value of datatype xsd:integer`,
			`data.ttl:5:12: ex:p, ex:taken: When?`,
			`data.ttl:6:11: warning: ex:p, ex:mood: ex:Hapy is not one of ex:Happy, ex:Sad; did you mean ex:Happy?`,
			`data.ttl:7:3: ex:p, ex:titel: may not be here: ex:Photo is closed and does not name it; did you mean ex:title?`,
			`data.ttl:8:9: ex:p, ex:by: ex:bob does not conform to [ex:name]: ex:name is missing, expected at least 1 value`,
		},
		"de": {`data.ttl:5:12: ex:p, ex:taken: Wann?`},
	} {
		got := strings.Join(report.Sentences(language), "\n")
		for _, one := range want {
			if !strings.Contains(got+"\n", one+"\n") {
				t.Errorf("missing in %s: %s\nin %s", language, one, got)
			}
		}
	}
	if len(report.Results) != 7 {
		t.Errorf("%d results, want 7", len(report.Results))
	}
}

// Each way to be ill-formed is refused where it stands, with what to write.
func TestBadShapesAreRefusedWithTheirPlace(t *testing.T) {
	for turtle, want := range map[string]string{
		`ex:s a sh:NodeShape ; sh:path ex:p .`:                                            `3:31: ex:s is a sh:NodeShape and has a sh:path`,
		`ex:s a sh:PropertyShape .`:                                                       `3:1: ex:s is a sh:PropertyShape without a sh:path`,
		`ex:s a sh:NodeShape ; sh:minCount 1 .`:                                           `3:35: sh:minCount stands at the node shape ex:s`,
		`ex:s sh:path ex:p ; sh:minCount "1" .`:                                           `3:33: sh:minCount is "1"; write a whole number, without quotes`,
		`ex:s sh:path ex:p ; sh:minCount 1, 2 .`:                                          `3:36: ex:s has 2 values of sh:minCount`,
		`ex:s sh:pattern "(?=a)" .`:                                                       `3:17: the sh:pattern "(?=a)" is not to be had: it uses (?=, which RE2 does not have`,
		`ex:s sh:pattern "(a)\\1" .`:                                                      `3:17: the sh:pattern "(a)\\1" is not to be had: it uses \1, which RE2 does not have`,
		`ex:s sh:pattern "a" ; sh:flags "g" .`:                                            `3:17: the sh:pattern "a" is not to be had: there is no flag "g"`,
		`ex:s sh:pattern "(a{100}){100}" .`:                                               `3:17: the sh:pattern "(a{100}){100}" is not to be had: invalid repeat count`,
		`ex:s sh:in "a" .`:                                                                `3:12: sh:in is no well-formed list; write ( … )`,
		`ex:s sh:and _:l . _:l rdf:first ex:a ; rdf:rest _:l .`:                           `3:13: sh:and is no well-formed list`,
		`ex:s sh:nodeKind sh:Iri .`:                                                       `3:18: sh:nodeKind is sh:Iri; write sh:IRI`,
		`ex:s sh:closed "yes" .`:                                                          `3:16: sh:closed is "yes"; write true or false`,
		`ex:s sh:class "C" .`:                                                             `3:15: sh:class is "C"; write an IRI`,
		`ex:s sh:property ex:t . ex:t sh:minCount 1 .`:                                    `3:18: ex:t is the value of sh:property and has no sh:path`,
		`ex:s sh:node ex:t . ex:t sh:path ex:p .`:                                         `3:14: sh:node refers to the property shape ex:t; write sh:property`,
		`ex:s sh:targetClass "C" .`:                                                       `3:21: sh:targetClass is "C"; write an IRI`,
		`ex:s sh:path ( ex:p ) ; sh:class ex:C .`:                                         `3:14: the sh:path of ex:s has a list of 1`,
		`ex:s sh:path _:x ; sh:class ex:C . _:x sh:inversePath _:x .`:                     `may refer to itself`,
		`ex:s sh:path [ sh:inversePath ex:p ; sh:zeroOrMorePath ex:q ] ; sh:class ex:C .`: `says two things in one [ ]`,
		`ex:s sh:not "x" .`:                                                               `the literal "x" stands where a shape is expected`,
		`<http://e/> sh:entailment <http://www.w3.org/ns/entailment/RDFS> .`:              `3:27: the shapes ask for the entailment regime`,
		`ex:s sh:message 7 ; sh:class ex:C .`:                                             `3:17: 7 is no message`,
		`ex:s sh:path ex:p ; sh:uniqueLang true, false ; sh:lessThan 7 .`:                 `sh:lessThan is 7; write an IRI`,
		`ex:s sh:languageIn ( 7 ) .`:                                                      `sh:languageIn has 7; write language tags`,
		`ex:s sh:minInclusive ex:one .`:                                                   `sh:minInclusive is ex:one; write a literal`,
		`ex:s sh:path ex:p ; sh:qualifiedValueShape ex:t ; sh:qualifiedMinCount -1.5 . ex:t a ex:T .`: `sh:qualifiedMinCount is -1.5; write a whole number`,
	} {
		g, err := shacl.Read(text("shapes.ttl", turtle))
		if err != nil {
			t.Fatalf("%s: %v", turtle, err)
		}
		_, err = shacl.Parse(g)
		var problems shacl.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "shapes.ttl:3:") {
			t.Errorf("%s\n got %v\nwant %s", turtle, err, want)
		}
	}
}

func TestWordsThatDoNothingAreNoticed(t *testing.T) {
	s := shapes(t, `ex:s sh:targetClass ex:C ; sh:property [ sh:path ex:p ; sh:mincount 1 ] ; sh:sparql [ sh:select "SELECT $this {}" ] .
ex:t sh:path ex:p ; sh:uniqueLang "1"^^xsd:boolean .`)
	got := s.Notices.Error()
	for _, want := range []string{"shapes.ttl:3:57: sh:mincount is ignored: SHACL Core has no such word; did you mean sh:minCount?", "sh:sparql is ignored: it is not of SHACL Core", `shapes.ttl:4:21: sh:uniqueLang is "1"`} {
		if !strings.Contains(got, want) {
			t.Errorf("missing: %s\nin %s", want, got)
		}
	}
}

// A shape may refer to itself as long as the data has no circle.
func TestRecursionIsAnErrorOnlyWhereItHappens(t *testing.T) {
	s := shapes(t, `ex:Person a sh:NodeShape ; sh:targetNode ex:a ; sh:property [ sh:path ex:knows ; sh:node ex:Person ] ; sh:property [ sh:path ex:name ; sh:minCount 1 ] .`)
	report, err := s.Validate(t.Context(), graph(t, `ex:a ex:name "a" ; ex:knows ex:b . ex:b ex:name "b" ; ex:knows ex:c . ex:c ex:knows ex:d . ex:d ex:name "d" .`), shacl.Limits{})
	if err != nil || report.Conforms {
		t.Errorf("without a circle: %v %v", report, err)
	}
	_, err = s.Validate(t.Context(), graph(t, `ex:a ex:name "a" ; ex:knows ex:b . ex:b ex:name "b" ; ex:knows ex:a .`), shacl.Limits{})
	var failed *shacl.Error
	if !errors.As(err, &failed) || failed.Code != shacl.CodeRecursion || !strings.Contains(err.Error(), "ex:Person depends on itself") {
		t.Errorf("with a circle: %v", err)
	}
}

// Questions that lead to the same questions in many ways are asked once, and
// what goes on for ever ends at a limit.
func TestHostileShapesEndAtALimit(t *testing.T) {
	var chain, diamonds, deep strings.Builder
	for i := range 60 {
		fmt.Fprintf(&chain, "ex:s%d sh:property [ sh:path ex:p ; sh:node ex:s%d ], [ sh:path ex:q ; sh:node ex:s%d ] .\n", i, i+1, i+1)
		fmt.Fprintf(&diamonds, "ex:n%d ex:p ex:n%d, ex:m%d ; ex:q ex:n%d . ex:m%d ex:p ex:n%d .\n", i, i+1, i+1, i+1, i, i+1)
	}
	chain.WriteString("ex:s0 sh:targetNode ex:n0 . ex:s60 sh:nodeKind sh:IRI .")
	report, err := shapes(t, chain.String()).Validate(t.Context(), graph(t, diamonds.String()), shacl.Limits{})
	if err != nil || !report.Conforms {
		t.Errorf("diamonds: %+v %v", report, err)
	}
	for i := range 300 {
		fmt.Fprintf(&deep, "ex:d%d sh:not ex:d%d .\n", i, i+1)
	}
	deep.WriteString("ex:d0 sh:targetNode ex:x . ex:d300 sh:nodeKind sh:IRI .")
	_, err = shapes(t, deep.String()).Validate(t.Context(), graph(t, ""), shacl.Limits{})
	var failed *shacl.Error
	if !errors.As(err, &failed) || failed.Code != shacl.CodeDepth {
		t.Errorf("depth: %v", err)
	}

	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "ex:a ex:p ex:b%d .\n", i)
	}
	s := shapes(t, `ex:s sh:targetNode ex:a ; sh:property [ sh:path ex:p ; sh:nodeKind sh:Literal ] .`)
	report, err = s.Validate(t.Context(), graph(t, many.String()), shacl.Limits{Results: 7})
	if err != nil || len(report.Results) != 7 || !report.Truncated || report.Conforms {
		t.Errorf("results: %+v %v", report, err)
	}
	_, err = s.Validate(t.Context(), graph(t, many.String()), shacl.Limits{Nodes: 1000})
	if !errors.As(err, &failed) || failed.Code != shacl.CodeMemory {
		t.Errorf("memory: %v", err)
	}

	var patterns strings.Builder
	for i := range 100 {
		fmt.Fprintf(&patterns, "ex:r%d sh:pattern \"(abcdefghij){900}%d\" .\n", i, i)
	}
	g, err := shacl.Read(text("shapes.ttl", patterns.String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = shacl.Parse(g); err == nil || !strings.Contains(err.Error(), "together") {
		t.Errorf("patterns: %v", err)
	}
}

// Whatever takes long ends soon after its context.
func TestValidationEndsWithItsContext(t *testing.T) {
	var ring, values, nested, fan strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&ring, "ex:n%d ex:p ex:n%d .\n", i, (i+1)%3000)
		fmt.Fprintf(&values, "ex:a ex:p %d ; ex:q %d .\n", i, i)
	}
	for i := range 2000 {
		fmt.Fprintf(&fan, "ex:a ex:p ex:f%d . ex:f%d ex:q ex:g%d . ex:h ex:r ex:f%d .\n", i, i, 1999-i, i)
	}
	for i := range 2000 {
		fmt.Fprintf(&fan, "ex:g%d ex:q ex:h .\n", i)
	}
	fmt.Fprintf(&nested, "ex:a ex:p %q .\n", strings.Repeat("a", 4<<20))
	for name, c := range map[string]struct{ shapes, data string }{
		"paths": {`ex:s sh:targetSubjectsOf ex:p ; sh:property [ sh:path [ sh:oneOrMorePath ex:p ] ; sh:minCount 4000 ] .`, ring.String()},
		"pairs": {`ex:s sh:targetNode ex:a ; sh:property [ sh:path ex:p ; sh:not [ sh:path ex:q ; sh:lessThan ex:r ] ; sh:lessThanOrEquals ex:q ] .`, values.String()},
		"sets":  {`ex:s sh:targetSubjectsOf ex:q ; sh:property [ sh:path ( [ sh:zeroOrMorePath [ sh:alternativePath ( ex:q ex:r ) ] ] [ sh:zeroOrMorePath [ sh:inversePath ex:q ] ] ) ; sh:minCount 1 ] .`, fan.String()},
		"regex": {`ex:s sh:targetNode ex:a ; sh:property [ sh:path ex:p ; sh:pattern "(a?b?c?d?e?f?g?h?a?b?){600}z" ] .`, nested.String()},
	} {
		s, g := shapes(t, c.shapes), graph(t, c.data)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		began := time.Now()
		_, err := s.Validate(ctx, g, shacl.Limits{Results: 1 << 30})
		took := time.Since(began)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v after %s", name, err, took)
		}
		if took > 20*time.Millisecond+500*time.Millisecond { // 50 ms on an idle machine
			t.Errorf("%s: ended after %s", name, took)
		}
		t.Logf("%s ended %s after its context", name, took-20*time.Millisecond)
	}
}

// Several graphs are read as their union, and a triple of two counts once.
func TestUnionOfGraphsCountsATripleOnce(t *testing.T) {
	g, err := shacl.Read(shacl.Text{Name: "data.trig", Format: rdf.TriG, Content: []byte(prefixes + `GRAPH ex:g { ex:a ex:p 1 ; ex:x 1 } GRAPH ex:h { ex:a ex:p 1, 2 ; ex:x 1 } GRAPH ex:i { ex:a ex:p 3 }`)})
	if err != nil {
		t.Fatal(err)
	}
	s := shapes(t, `ex:s sh:targetNode <http://e/a> ; sh:closed true ; sh:property [ sh:path <http://e/p> ; sh:maxCount 1 ] .`)
	for name, want := range map[string]int{"g h": 2, "h": 2, "g": 1, "": 0, "any": 2} {
		g.Graphs = nil
		for _, one := range strings.Fields(name) {
			id := rdf.Any
			if one != "any" {
				for graph := range g.Snapshot.Graphs() {
					if g.Snapshot.Term(graph).Value == "http://e/"+one {
						id = graph
					}
				}
			}
			g.Graphs = append(g.Graphs, id)
		}
		report, err := s.Validate(t.Context(), g, shacl.Limits{})
		if err != nil || len(report.Results) != want {
			t.Errorf("%q: %v %v, want %d results", name, report.Sentences(), err, want)
		}
	}
}

func TestMomentsWithoutAZoneCompareOnlyFarApart(t *testing.T) {
	s := shapes(t, `ex:s sh:targetObjectsOf ex:p ; sh:minInclusive "2026-01-02T00:00:00Z"^^xsd:dateTime . ex:t sh:targetObjectsOf ex:q ; sh:minInclusive "2026-01-02"^^xsd:date .`)
	for value, want := range map[string]bool{
		`ex:p "2026-01-02T13:00:00"^^xsd:dateTime`: false, `ex:p "2026-01-02T15:00:00"^^xsd:dateTime`: true, `ex:p "2026-01-02T00:00:00Z"^^xsd:dateTime`: true,
		`ex:p "2026-01-01T23:59:59Z"^^xsd:dateTime`: false, `ex:q "2026-01-02"^^xsd:date`: true, `ex:q "2026-01-01"^^xsd:date`: false, `ex:q "2026-01-02Z"^^xsd:date`: false,
		`ex:q "2026-01-03Z"^^xsd:date`: true, `ex:q "2026-01-02T00:00:00"^^xsd:dateTime`: false,
	} {
		report, err := s.Validate(t.Context(), graph(t, "ex:a "+value+" ."), shacl.Limits{})
		if err != nil || report.Conforms != want {
			t.Errorf("%s: %v %v, want %v", value, report, err, want)
		}
	}
}
