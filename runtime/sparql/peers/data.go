package peers

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
)

// Namespace begins every IRI of the data.
const Namespace = "http://e/"

// graph collects triples.
type graph struct{ quads []base.Quad }

func name(format string, args ...any) base.Term {
	return base.IRI(Namespace + fmt.Sprintf(format, args...))
}

func (g *graph) add(s base.Term, p string, objects ...base.Term) {
	predicate := base.IRI(Namespace + p)
	if p == "type" {
		predicate = base.IRI(base.RDFType)
	}
	for _, o := range objects {
		g.quads = append(g.quads, base.Quad{S: s, P: predicate, O: o})
	}
}

// Company makes about that many triples, eight a person: type, name, age,
// department, salary for two in three, a manager (of ten persons each) and two
// friends.
func Company(triples int) []base.Quad {
	people := triples * 12 / 92
	g := &graph{}
	person := func(i int) base.Term { return name("person/%d", i) }
	for i := range people {
		s := person(i)
		g.add(s, "type", name("Person"))
		g.add(s, "name", base.String(fmt.Sprintf("Person %d of %d", i, i*7919%people)))
		g.add(s, "age", base.Integer(int64(20+i*31%50)))
		g.add(s, "department", name("department/%d", i%100))
		if i%3 != 0 {
			g.add(s, "salary", base.Integer(int64(1000+i*17%9000)))
		}
		if i > 0 {
			g.add(s, "manager", person(i/10))
		}
		g.add(s, "knows", person(i*7919%people), person(i*104729%people))
	}
	return g.quads
}

// Words of the texts of the shop.
var words = []string{"amber", "basalt", "cedar", "delta", "ember", "fjord", "granite", "harbor", "indigo", "juniper", "kelp", "lumen", "moss", "nectar", "onyx", "pollen"}

func text(i, n int) string {
	out := ""
	for j := range n {
		out += words[(i*31+j*j*7+i>>j)&15] + " "
	}
	return out + fmt.Sprint(i)
}

var countries = []string{"US", "DE", "GB", "JP", "CN", "FR", "KR", "AT"}

// Products of the shop of a size.
func Products(triples int) int { return max(triples/86, 40) }

// Shop makes about that many triples of products, their features and types,
// offers of vendors and reviews, in the shape of the Berlin SPARQL Benchmark
// (V3.1, section 2).
func Shop(triples int) []base.Quad {
	g := &graph{}
	n := Products(triples)
	types, features, vendors, producers, reviewers := 10+n/200, 50+n/20, 10+n/100, 10+n/50, 10+n/4
	for i := range types {
		g.add(name("type/%d", i), "label", base.String("type "+text(i, 2)))
	}
	for i := range features {
		g.add(name("feature/%d", i), "label", base.String("feature "+text(i, 2)))
	}
	for i := range vendors {
		g.add(name("vendor/%d", i), "label", base.String("vendor "+text(i, 1)))
		g.add(name("vendor/%d", i), "country", name("country/%s", countries[i%len(countries)]))
	}
	for i := range producers {
		g.add(name("producer/%d", i), "label", base.String("producer "+text(i, 1)))
	}
	for i := range reviewers {
		g.add(name("reviewer/%d", i), "name", base.String(text(i, 1)))
		g.add(name("reviewer/%d", i), "country", name("country/%s", countries[i*3%len(countries)]))
	}
	for i := range n {
		s := name("product/%d", i)
		g.add(s, "type", name("Product"), name("type/%d", i%types))
		g.add(s, "label", base.String(text(i, 2)))
		g.add(s, "comment", base.String(text(i, 12)))
		g.add(s, "producer", name("producer/%d", i*7%producers))
		for j := range 4 {
			g.add(s, "feature", name("feature/%d", (i*13+j*j*17)%features))
		}
		g.add(s, "number1", base.Integer(int64(i*7919%2000)))
		g.add(s, "number2", base.Integer(int64(i*104729%2000)))
		g.add(s, "text1", base.String(text(i*3, 6)))
		if i%2 == 0 {
			g.add(s, "number3", base.Integer(int64(i*31%2000)))
			g.add(s, "text2", base.String(text(i*5, 6)))
		}
		for j := range 6 {
			g.offer(i*6+j, s, vendors)
		}
		for j := range 4 {
			g.review(i*4+j, s, reviewers)
		}
	}
	return g.quads
}

func (g *graph) offer(i int, product base.Term, vendors int) {
	s := name("offer/%d", i)
	g.add(s, "product", product)
	g.add(s, "vendor", name("vendor/%d", i*11%vendors))
	g.add(s, "price", base.Typed(fmt.Sprintf("%d.%d", 5+i*7907%5000, 1+i%9), base.XSDDecimal))
	g.add(s, "deliveryDays", base.Integer(int64(1+i%7)))
	g.add(s, "validTo", base.Typed(fmt.Sprintf("2026-%02d-%02dT00:00:00Z", 1+i%12, 1+i%28), base.XSDDateTime))
	g.add(s, "webpage", name("page/%d", i))
}

func (g *graph) review(i int, product base.Term, reviewers int) {
	s := name("review/%d", i)
	g.add(s, "reviewFor", product)
	g.add(s, "reviewer", name("reviewer/%d", i*17%reviewers))
	g.add(s, "title", base.LangString(text(i, 3), []string{"en", "de", "en-GB"}[i%3]))
	g.add(s, "text", base.String(text(i, 20)))
	g.add(s, "date", base.Typed(fmt.Sprintf("2025-%02d-%02dT00:00:00Z", 1+i%12, 1+i%28), base.XSDDateTime))
	g.add(s, "rating1", base.Integer(int64(1+i%10)))
	if i%3 > 0 {
		g.add(s, "rating2", base.Integer(int64(1+i*3%10)))
	}
}
