package syntax

import (
	"errors"
	"strings"
	"testing"
)

// TestErrorsSayWhereAndWhatToDo holds each message with its place.
func TestErrorsSayWhereAndWhatToDo(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", `1:1: expected SELECT, CONSTRUCT, DESCRIBE or ASK, found the end of the text`},
		{"typing error in the form", "SELCT * {}", `1:1: expected SELECT, CONSTRUCT, DESCRIBE or ASK, found "SELCT"; did you mean SELECT?`},
		{"update", "INSERT DATA {}", `1:1: INSERT begins an update; a query begins with SELECT, CONSTRUCT, DESCRIBE or ASK`},
		{"well-known prefix", "SELECT *\nWHERE { ?s pc:name ?o }", `2:12: prefix "pc:" is not declared; add the line: PREFIX pc: <https://picloud.local/ontology#>`},
		{"usual prefix", "ASK { ?s foaf:name ?o }", `1:10: prefix "foaf:" is not declared; add the line: PREFIX foaf: <http://xmlns.com/foaf/0.1/>`},
		{"other prefix", "ASK { ?s ex:p ?o }", `1:10: prefix "ex:" is not declared; declare it before the query: PREFIX ex: <…>`},
		{"open group", "SELECT * { ?s ?p ?o", `1:20: expected a triple pattern, FILTER, OPTIONAL, UNION, MINUS, GRAPH, BIND, VALUES or "}", found the end of the text`},
		{"typing error in a keyword", "ASK { OPTINAL { } }", `1:7: expected a triple pattern, FILTER, OPTIONAL, UNION, MINUS, GRAPH, BIND, VALUES or "}", found "OPTINAL"; did you mean OPTIONAL?`},
		{"typing error in a function", "ASK { FILTER(STRT(?x)) }", `1:14: there is no function STRT; did you mean STR?`},
		{"number of arguments", "ASK { FILTER(STRLEN(?x, 1)) }", `1:14: STRLEN takes 1 argument, not 2`},
		{"no dot between triples", "ASK { ?s ?p 1 ?t ?q 2 }", `1:15: expected "." before the next triple, or ";" or "," to go on with this one, found ?t`},
		{"no dot before a collection", "ASK { ?s ?p 1 (2) ?q 3 }", `1:15: expected "." before the next triple, or ";" or "," to go on with this one, found "("`},
		{"no dot in a template", "CONSTRUCT { ?s ?p 1 [] ?q 2 } WHERE {}", `1:21: expected "." before the next triple, or ";" or "," to go on with this one, found "["`},
		{"space in an IRI", "ASK { ?s <http://a b> 1 }", `1:10: expected a predicate, found "<"; is it an IRI? then what stands in <…> is without spaces, quotes and braces`},
		{"no predicate", "ASK { ?s }", `1:10: expected a predicate, found "}"`},
		{"aggregate in FILTER", "ASK { ?s ?p ?o FILTER(COUNT(?o) > 1) }", `1:23: COUNT is an aggregate and can stand only in SELECT, HAVING and ORDER BY; use HAVING instead of FILTER`},
		{"not grouped", "SELECT ?s (COUNT(*) AS ?n) { ?s ?p ?o }", `1:40: ?s is neither in GROUP BY nor inside an aggregate; add it to GROUP BY or select e.g. (SAMPLE(?s) AS …)`},
		{"BIND in scope", "ASK { ?s ?p ?o BIND(1 AS ?o) }", `1:26: BIND(… AS ?o): the group already uses ?o before this place; choose another name`},
		{"blank node in two patterns", "ASK { _:a ?p 1 OPTIONAL { _:a ?q 2 } }", `1:27: the blank node label _:a is used in two graph patterns; use a variable`},
		{"width of VALUES", "ASK { VALUES (?a ?b) { (1) } }", `1:24: the row has 1 values for 2 variables`},
		{"rest", "ASK {} {}", `1:8: expected the end of the query, found "{"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.text, Options{})
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestExcerptShowsTheLineAndACaret(t *testing.T) {
	_, err := Parse("SELECT *\nWHERE {\n\t?s pc:name ?o }", Options{})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if want := " ?s pc:name ?o }\n    ^"; e.Excerpt != want {
		t.Errorf("got\n%s\nwant\n%s", e.Excerpt, want)
	}
}

func TestExcerptOfALongLineIsShort(t *testing.T) {
	_, err := Parse("ASK { "+strings.Repeat("?s ?p ?o . ", 500)+" ! }", Options{})
	var e *Error
	if !errors.As(err, &e) || len(e.Excerpt) > 250 || !strings.Contains(e.Excerpt, "!") {
		t.Errorf("got %v", err)
	}
}

func TestLimitsAreExplicit(t *testing.T) {
	o := Options{MaxBytes: 30, MaxDepth: 5, MaxNodes: 8}
	for text, want := range map[string]string{
		"ASK { ?aaaaaaaa ?bbbbbbbbb ?ccccccccccc }": "at most 30",
		"ASK {{{{{{ }}}}}}":                         "deeper than 5",
		"ASK{?s ?p 1,2,3,4,5,6,7,8,9}":              "more than 8 parts",
	} {
		if _, err := Parse(text, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestATemplateMayUseTheLabelsOfThePattern(t *testing.T) {
	if _, err := Parse(`CONSTRUCT { _:a ?p _:b } WHERE { _:a ?p ?o OPTIONAL { ?o ?q _:b } }`, Options{}); err != nil {
		t.Error(err)
	}
	if _, err := ParseUpdate(`INSERT { _:a ?p 1 } WHERE { _:a ?p ?o } ; INSERT { _:a ?p 2 } WHERE { ?o ?p 1 }`, Options{}); err != nil {
		t.Error(err)
	}
}

func TestUpdateErrorsSayWhatToDo(t *testing.T) {
	tests := []struct{ text, want string }{
		{"INSERT DATA { ?s <p> 1 }", `1:18: INSERT DATA takes no variables, but ?s stands here; use INSERT or DELETE with WHERE`},
		{"DELETE DATA { _:a <p> 1 }", `1:19: DELETE DATA takes no blank nodes: one would match nothing; use a variable and WHERE`},
		{"INSERT DATA { _:a <p> 1 } ; INSERT DATA { _:a <p> 2 }", `1:43: the blank node label _:a is used in two operations; use another label`},
		{"CLEAR <g>", `1:7: expected GRAPH, DEFAULT, NAMED or ALL, found <g>`},
		{"select * {}", `1:1: SELECT begins a query; an update begins with INSERT, DELETE, WITH, LOAD, CLEAR, DROP, CREATE, ADD, MOVE or COPY`},
		{"INSRT DATA {}", `1:1: expected INSERT, DELETE, WITH, LOAD, CLEAR, DROP, CREATE, ADD, MOVE or COPY, found "INSRT"`},
		{"INSERT DATA { <s> <p> 1 <t> <p> 2 }", `1:25: expected "." before the next triple, or ";" or "," to go on with this one, found <t>`},
	}
	for _, test := range tests {
		if _, err := ParseUpdate(test.text, Options{Base: "http://e/"}); err == nil || err.Error() != test.want {
			t.Errorf("%s\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
}

// FuzzParse wants an answer or an error with a place in the text, never a panic.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`PREFIX : <http://e/> SELECT DISTINCT ?s (COUNT(*) AS ?n) FROM <http://g> { ?s :p/:q*|^:r ?o ; a [] , (1 2.0 "x"@en) . FILTER(?o > -1 && !BOUND(?x)) } GROUP BY ?s HAVING(COUNT(*) > 1) ORDER BY DESC(?n) LIMIT 1 OFFSET 2`,
		`CONSTRUCT { ?s ?p _:b } WHERE { GRAPH ?g { ?s ?p ?o } OPTIONAL { ?s !(<a>|^<b>) ?x } MINUS { ?a ?b ?c } }`,
		`DESCRIBE <http://e/> ?x WHERE { { ?x ?p 1 } UNION { SELECT * { VALUES (?x ?y) { (UNDEF "a") } } } BIND(IF(?x, 1, "a"^^<b>) AS ?z) }`,
		`WITH <g> DELETE { ?s ?p 1 } INSERT { GRAPH ?g { _:a ?p 2 } } USING NAMED <h> WHERE { ?s ?p ?o } ; DELETE WHERE { ?s ?p ?o } ; COPY SILENT DEFAULT TO <g> ; LOAD <x> INTO GRAPH <y> ; DROP ALL`,
		`BASE <http://e/> ASK { SERVICE SILENT <s> { } FILTER NOT EXISTS { ?s ?p '''x''' } FILTER(?x IN (1, 2e3, true)) }`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if u, err := ParseUpdate(text, Options{Base: "http://example.org/"}); (u == nil) == (err == nil) {
			t.Fatal("neither an update nor an error")
		}
		q, err := Parse(text, Options{Base: "http://example.org/"})
		if (q == nil) == (err == nil) {
			t.Fatal("neither a query nor an error")
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Pos.Line < 1 || e.Pos.Col < 1 || e.Message == "") {
			t.Fatalf("an error without place or message: %v", err)
		}
	})
}
