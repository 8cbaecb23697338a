package peers

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// Query is one that engines are compared by.
type Query struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

const prefixes = "PREFIX : <" + Namespace + "> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>\n"

// CompanyQueries are the six queries over Company.
func CompanyQueries() []Query {
	return []Query{
		{"point", prefixes + `SELECT ?n { <http://e/person/77> :name ?n }`},
		{"star", prefixes + `SELECT ?s ?n ?a ?m { ?s :department <http://e/department/7> ; :name ?n ; :age ?a ; :manager ?m }`},
		{"path", prefixes + `SELECT (COUNT(*) AS ?n) { ?s :manager+ <http://e/person/1> }`},
		{"optional", prefixes + `SELECT ?s ?x ?y { ?s :age 25 OPTIONAL { ?s :salary ?x } OPTIONAL { ?s :manager ?m . ?m :salary ?y } }`},
		{"group", prefixes + `SELECT ?d (COUNT(?s) AS ?n) (SUM(?x) AS ?sum) { ?s :department ?d ; :salary ?x } GROUP BY ?d`},
		{"regex", prefixes + `SELECT ?s ?n { ?s :name ?n FILTER(REGEX(?n, "99 of [0-9]*5$")) }`},
	}
}

// Step is a query or a change of the mix.
type Step struct {
	Query
	// Remove and Add are N-Triples of a change; then Text is empty.
	Remove string `json:"remove,omitempty"`
	Add    string `json:"add,omitempty"`
}

// update is the change in SPARQL.
func (s Step) update() string {
	return "DELETE DATA { " + s.Remove + " } ; INSERT DATA { " + s.Add + " }"
}

// Mix is the explore use case of the Berlin SPARQL Benchmark: twelve queries
// with other parameters each round, and a change after every third.
func Mix(triples, rounds int) []Step {
	n := Products(triples)
	types, features := 10+n/200, 50+n/20
	var out []Step
	for i := range rounds {
		product := i * 7919 % n
		feature := func(j int) string { return fmt.Sprintf(":f%d", (product*13+j*j*17)%features) }
		of := strings.NewReplacer(
			"$type", fmt.Sprintf("<%stype/%d>", Namespace, product%types),
			"$product", fmt.Sprintf("<%sproduct/%d>", Namespace, product),
			"$f0", iriOf(feature(0)), "$f1", iriOf(feature(1)), "$f2", iriOf(feature(2)),
			"$review", fmt.Sprintf("<%sreview/%d>", Namespace, product*4+1),
			"$offer", fmt.Sprintf("<%soffer/%d>", Namespace, product*6+2),
			"$x", fmt.Sprint(300+i*37%500), "$word", words[i%len(words)],
		)
		for j, q := range explore {
			out = append(out, Step{Query: Query{Name: fmt.Sprintf("q%d", j+1), Text: prefixes + of.Replace(q)}})
			if j%3 == 2 {
				out = append(out, change(i*4+j/3, n))
			}
		}
	}
	return out
}

func iriOf(feature string) string { return "<" + Namespace + "feature/" + feature[2:] + ">" }

// change withdraws one offer and makes another.
func change(i, products int) Step {
	old, fresh := &graph{}, &graph{}
	product := i * 31 % products
	old.offer(product*6, name("product/%d", product), 10+products/100)
	fresh.offer(products*6+i, name("product/%d", product), 10+products/100)
	return Step{Query: Query{Name: "change"}, Remove: lines(old.quads), Add: lines(fresh.quads)}
}

func lines(quads []base.Quad) string {
	var b strings.Builder
	for _, q := range quads {
		b.WriteString(nt(q.S) + " " + nt(q.P) + " " + nt(q.O) + " .\n")
	}
	return b.String()
}

// nt writes an IRI or a typed literal of the data, none of which needs escapes.
func nt(t base.Term) string {
	if t.Kind == base.IRITerm {
		return "<" + t.Value + ">"
	}
	return `"` + t.Value + `"^^<` + t.Datatype + ">"
}

var explore = []string{
	`SELECT DISTINCT ?product ?label { ?product :label ?label ; a $type ; :feature $f0 ; :feature $f1 ; :number1 ?v FILTER(?v > $x) } ORDER BY ?label LIMIT 10`,
	`SELECT ?label ?comment ?producer ?f ?t1 ?t2 ?n1 ?n2 ?n3 { $product :label ?label ; :comment ?comment ; :producer ?p ; :feature ?pf ; :text1 ?t1 ; :number1 ?n1 ; :number2 ?n2 .
 ?p :label ?producer . ?pf :label ?f OPTIONAL { $product :text2 ?t2 } OPTIONAL { $product :number3 ?n3 } }`,
	`SELECT ?product ?label { ?product :label ?label ; a $type ; :feature $f0 ; :number1 ?p1 FILTER(?p1 > $x) . ?product :number2 ?p3 FILTER(?p3 < 1900)
 OPTIONAL { ?product :feature $f1 . ?product :label ?other } FILTER(!BOUND(?other)) } ORDER BY ?label LIMIT 10`,
	`SELECT DISTINCT ?product ?label ?t { { ?product :label ?label ; a $type ; :feature $f0 ; :feature $f1 ; :text1 ?t ; :number1 ?p1 FILTER(?p1 > $x) }
 UNION { ?product :label ?label ; a $type ; :feature $f0 ; :feature $f2 ; :text1 ?t ; :number2 ?p2 FILTER(?p2 > $x) } } ORDER BY ?label OFFSET 1 LIMIT 10`,
	`SELECT DISTINCT ?product ?label { ?product :label ?label . FILTER($product != ?product) $product :feature ?f . ?product :feature ?f .
 $product :number1 ?o1 . ?product :number1 ?s1 FILTER(?s1 < (?o1 + 120) && ?s1 > (?o1 - 120))
 $product :number2 ?o2 . ?product :number2 ?s2 FILTER(?s2 < (?o2 + 170) && ?s2 > (?o2 - 170)) } ORDER BY ?label LIMIT 5`,
	`SELECT ?product ?label { ?product :label ?label ; a :Product FILTER(REGEX(?label, "$word [a-z]+ [0-9]*7$")) }`,
	`SELECT ?label ?offer ?price ?vendor ?vt ?review ?title ?reviewer ?rn ?r1 ?r2 { $product :label ?label
 OPTIONAL { ?offer :product $product ; :price ?price ; :vendor ?vendor . ?vendor :label ?vt ; :country <http://e/country/DE> . ?offer :validTo ?date FILTER(?date > "2026-06-20T00:00:00Z"^^xsd:dateTime) }
 OPTIONAL { ?review :reviewFor $product ; :reviewer ?reviewer . ?reviewer :name ?rn . ?review :title ?title OPTIONAL { ?review :rating1 ?r1 } OPTIONAL { ?review :rating2 ?r2 } } }`,
	`SELECT ?title ?text ?date ?reviewer ?rn ?r1 ?r2 { ?review :reviewFor $product ; :title ?title ; :text ?text FILTER(LANGMATCHES(LANG(?title), "EN"))
 ?review :date ?date ; :reviewer ?reviewer . ?reviewer :name ?rn OPTIONAL { ?review :rating1 ?r1 } OPTIONAL { ?review :rating2 ?r2 } } ORDER BY DESC(?date) ?title LIMIT 20`,
	`SELECT ?x ?p ?o { $review :reviewer ?x . ?x ?p ?o }`,
	`SELECT DISTINCT ?offer ?price { ?offer :product $product ; :vendor ?vendor ; :deliveryDays ?days ; :price ?price ; :validTo ?date . ?vendor :country <http://e/country/US>
 FILTER(?days <= 3) FILTER(?date > "2026-02-20T00:00:00Z"^^xsd:dateTime) } ORDER BY xsd:double(STR(?price)) ?offer LIMIT 10`,
	`SELECT ?p ?v ?back { { $offer ?p ?v } UNION { ?v ?back $offer } }`,
	`CONSTRUCT { $offer :shows ?product . ?product :caption ?label . $offer :by ?vendor . ?vendor :caption ?vl . $offer :costs ?price . $offer :until ?date }
 { $offer :product ?product ; :vendor ?vendor ; :price ?price ; :validTo ?date . ?product :label ?label . ?vendor :label ?vl }`,
}
