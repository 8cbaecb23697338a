package algebra

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// TestTranslationFollowsTheSpecification holds the examples of section 18.2.3
// and the steps around them.
func TestTranslationFollowsTheSpecification(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"one pattern", `{ ?s :p ?o }`, `BGP { ?s <p> ?o }`},
		{"a filter does not part a pattern", `{ ?s :p ?o . FILTER(?o) ?s :q ?x }`, `
Filter ?o
  BGP { ?s <p> ?o . ?s <q> ?x }`},
		{"union", `{ { ?s :p 1 } UNION { ?s :p 2 } UNION { ?s :p 3 } }`, `
Union
  Union
    BGP { ?s <p> "1" }
    BGP { ?s <p> "2" }
  BGP { ?s <p> "3" }`},
		{"optional", `{ ?s :p ?a OPTIONAL { ?s :q ?b } }`, `
LeftJoin
  BGP { ?s <p> ?a }
  BGP { ?s <q> ?b }`},
		{"filter of an optional", `{ ?s :p ?a OPTIONAL { ?s :q ?b FILTER(?b) } }`, `
LeftJoin ?b
  BGP { ?s <p> ?a }
  BGP { ?s <q> ?b }`},
		{"filter of a group inside an optional", `{ ?s :p ?a OPTIONAL { { ?s :q ?b FILTER(?b) } } }`, `
LeftJoin
  BGP { ?s <p> ?a }
  Filter ?b
    BGP { ?s <q> ?b }`},
		{"filter of the whole group", `{ ?s :p ?a FILTER(?b) OPTIONAL { ?s :q ?b } }`, `
Filter ?b
  LeftJoin
    BGP { ?s <p> ?a }
    BGP { ?s <q> ?b }`},
		{"optional without a left side", `{ OPTIONAL { ?s :q ?b } }`, `
LeftJoin
  BGP {  }
  BGP { ?s <q> ?b }`},
		{"bind and minus in their order", `{ ?s :p ?a BIND(?a AS ?b) MINUS { ?s :q ?b } }`, `
Minus
  Extend ?b := ?a
    BGP { ?s <p> ?a }
  BGP { ?s <q> ?b }`},
		{"paths", `{ ?s :p/^:q ?o . ?s (:a|:b)+ ?o }`, `
Join
  BGP { ?s <p> ?.step1 . ?o <q> ?.step1 }
  Path ?s ((<a>|<b>))+ ?o`},
		{"graph", `{ GRAPH ?g { ?s :p ?o } }`, `
Graph ?g
  BGP { ?s <p> ?o }`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q, err := syntax.Parse("PREFIX : <http://e/> ASK "+test.text, syntax.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(String(Translate(q)), "http://e/", "")
			got = strings.ReplaceAll(got, "^^<http://www.w3.org/2001/XMLSchema#integer>", "")
			if strings.TrimSpace(got) != strings.TrimSpace(test.want) {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestModifiersStandInTheOrderOfTheSpecification(t *testing.T) {
	q, err := syntax.Parse(`SELECT DISTINCT ?a (COUNT(*) AS ?n) (COUNT(*) + 1 AS ?m) { ?a ?b ?c } GROUP BY ?a HAVING(COUNT(*) > 1) ORDER BY ?n LIMIT 3 OFFSET 2`, syntax.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := `
Slice offset 2 limit 3
  Distinct
    Project ?a ?n ?m
      OrderBy ?n
        Extend ?m := (?.agg1 + 1)
          Extend ?n := ?.agg1
            Filter (?.agg1 > 1)
              Group by (?a := ?a) computing (?.agg1 := COUNT(*))
                BGP { ?a ?b ?c }`
	got := strings.ReplaceAll(String(Translate(q)), `"1"^^<http://www.w3.org/2001/XMLSchema#integer>`, "1")
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCertainAndPossibleVariables(t *testing.T) {
	tests := []struct{ text, certain, possible string }{
		{`{ ?a ?b ?c }`, "a b c", "a b c"},
		{`{ ?a :p ?b OPTIONAL { ?a :q ?c } }`, "a b", "a b c"},
		{`{ { ?a :p ?b } UNION { ?a :q ?c } }`, "a", "a b c"},
		{`{ ?a :p ?b MINUS { ?a :q ?c } }`, "a b", "a b"},
		{`{ ?a :p ?b BIND(?b AS ?c) BIND(?x AS ?d) }`, "a b c", "a b c d"},
		{`{ VALUES (?a ?b) { (1 2) (1 UNDEF) } }`, "a", "a b"},
		{`{ GRAPH ?g { ?a :p 1 } }`, "a g", "a g"},
		{`{ { SELECT ?a { ?a :p ?hidden } } }`, "a", "a"},
		{`{ { SELECT ?a (COUNT(?b) AS ?n) (MAX(?b) AS ?m) { ?a :p ?b } GROUP BY ?a } }`, "a n", "a m n"},
	}
	var names Names
	list := func(s Vars) string {
		var out []string
		for _, v := range []string{"a", "b", "c", "d", "g", "hidden", "m", "n"} {
			if names.Has(s, v) {
				out = append(out, v)
			}
		}
		return strings.Join(out, " ")
	}
	for _, test := range tests {
		q, err := syntax.Parse("PREFIX : <http://e/> ASK "+test.text, syntax.Options{})
		if err != nil {
			t.Fatal(err)
		}
		op := Translate(q)
		if got := list(names.Certain(op)); got != test.certain {
			t.Errorf("%s: certain %q, want %q", test.text, got, test.certain)
		}
		if got := list(names.Possible(op)); got != test.possible {
			t.Errorf("%s: possible %q, want %q", test.text, got, test.possible)
		}
	}
}
