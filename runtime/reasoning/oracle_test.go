package reasoning

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// oracle is the naive reading of the rule table: terms as they are, no order
// of joins, no deltas; all rules over all facts until nothing is new.
type oracle struct {
	rules   []rule
	facts   map[oracleFact]bool
	by      map[string][]oracleFact // by relation and predicate
	foreign Authority
}

type oracleFact struct {
	rel     string
	s, p, o base.Term
}

func newOracle(quads []base.Quad, a Authority, rules ...[]rule) *oracle {
	o := &oracle{facts: map[oracleFact]bool{}, by: map[string][]oracleFact{}, foreign: a}
	for _, group := range rules {
		o.rules = append(o.rules, group...)
	}
	for _, q := range quads {
		o.add(oracleFact{"", q.S, q.P, q.O})
	}
	for {
		before := len(o.facts)
		for _, r := range o.rules {
			o.apply(r)
		}
		if len(o.facts) == before {
			return o
		}
	}
}

func (o *oracle) add(f oracleFact) {
	if o.facts[f] || f.rel == "" && o.foreign.Judge(base.Quad{S: f.s, P: f.p, O: f.o}) != nil {
		return
	}
	o.facts[f] = true
	o.by[f.rel] = append(o.by[f.rel], f)
	o.by[f.rel+" "+f.p.Value] = append(o.by[f.rel+" "+f.p.Value], f)
}

func (o *oracle) apply(r rule) {
	body, head, _ := strings.Cut(r.text, " => ")
	if head == "false" {
		return
	}
	o.match(strings.Split(body, " . "), map[string]base.Term{}, func(b map[string]base.Term) {
		for _, text := range strings.Split(head, " . ") {
			rel, words := oracleAtom(text)
			var f oracleFact
			f.rel = rel
			for i, to := range []*base.Term{&f.s, &f.p, &f.o} {
				*to, _ = oracleValue(words[i], b)
			}
			o.add(f)
		}
	})
}

func oracleAtom(text string) (rel string, words []string) {
	if !strings.Contains(text, "(") {
		return "", strings.Fields(text)
	}
	rel, arguments, _ := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	words = strings.Fields(arguments)
	if len(words) == 2 {
		words = []string{words[0], "", words[1]}
	}
	return rel, append(words, "", "")[:3]
}

func oracleValue(word string, b map[string]base.Term) (base.Term, bool) {
	if word == "" {
		return base.Term{}, true
	}
	if word[0] == '?' {
		t, ok := b[word]
		return t, ok
	}
	prefix, local, _ := strings.Cut(word, ":")
	return base.IRI(map[string]string{"rdf": base.RDF, "rdfs": base.RDFS, "owl": owl, "xsd": base.XSD}[prefix] + local), true
}

// match takes the atoms in the order in which they are written, tests last.
func (o *oracle) match(atoms []string, b map[string]base.Term, found func(map[string]base.Term)) {
	at := 0
	for at < len(atoms)-1 && isTest(atoms[at]) {
		at++
	}
	if len(atoms) == 0 {
		found(b)
		return
	}
	rest := append(append([]string{}, atoms[:at]...), atoms[at+1:]...)
	if isTest(atoms[at]) {
		if oracleTest(atoms[at], b) {
			o.match(rest, b, found)
		}
		return
	}
	rel, words := oracleAtom(atoms[at])
	candidates := o.by[rel]
	if p, ok := oracleValue(words[1], b); ok {
		candidates = o.by[rel+" "+p.Value]
	}
	for _, f := range candidates {
		next := map[string]base.Term{}
		for k, v := range b {
			next[k] = v
		}
		ok := true
		for i, t := range []base.Term{f.s, f.p, f.o} {
			have, bound := oracleValue(words[i], next)
			if bound {
				ok = ok && have == t
			} else {
				next[words[i]] = t
			}
		}
		if ok {
			o.match(rest, next, found)
		}
	}
}

func isTest(text string) bool {
	name, _, call := strings.Cut(text, "(")
	_, known := tests[name]
	return call && known
}

func oracleTest(text string, b map[string]base.Term) bool {
	name, arguments, _ := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	words := strings.Fields(arguments)
	x, _ := oracleValue(words[0], b)
	var y base.Term
	bound := true
	if len(words) > 1 {
		y, bound = oracleValue(words[1], b)
	}
	same := canonicalLiteral(x) == canonicalLiteral(y)
	literals := x.Kind == base.LiteralTerm && y.Kind == base.LiteralTerm
	give := func(t base.Term) bool {
		if bound {
			return y == t
		}
		b[words[1]] = t
		return true
	}
	switch name {
	case "neq":
		return x != y
	case "swap":
		return x != y && (!literals || same)
	case "zero":
		return canonicalLiteral(x) == base.Typed("0", base.XSDInteger)
	case "one":
		return canonicalLiteral(x) == base.Typed("1", base.XSDInteger)
	case "datatype":
		return x.Kind == base.IRITerm && datatypes[x.Value] != nil
	case "container":
		return x.Kind == base.IRITerm && containerMember(x.Value)
	case "within":
		space, _ := valueOf(x)
		return x.Kind == base.LiteralTerm && space != "" && within(x, y.Value)
	case "canonical":
		return x.Kind == base.LiteralTerm && canonicalLiteral(x) != x && give(canonicalLiteral(x))
	}
	panic("the oracle does not know the test " + name)
}

// inferred are the triples that a reasoner has to show beside the given ones.
func (o *oracle) inferred(given []base.Quad) map[base.Quad]bool {
	result := map[base.Quad]bool{}
	same := map[string]bool{owl + "sameAs": true, owl + "equivalentClass": true, owl + "equivalentProperty": true, base.RDFS + "subPropertyOf": true, base.RDFS + "subClassOf": true}
	for f := range o.facts {
		trivial := same[f.p.Value] && f.s == f.o || f.s.Kind == base.IRITerm && containerMember(f.s.Value)
		if f.p.Value == base.RDFType || f.p.Value == base.RDFS+"subClassOf" {
			trivial = trivial || f.o == base.IRI(owl+"Thing") || f.o == base.IRI(base.RDFS+"Resource")
		}
		trivial = trivial || f.p.Value == base.RDFS+"subClassOf" && f.s == base.IRI(owl+"Nothing")
		if f.rel == "" && !trivial && f.s.Kind != base.LiteralTerm && f.p.Kind == base.IRITerm {
			result[base.Quad{S: f.s, P: f.p, O: f.o}] = true
		}
	}
	for _, q := range given {
		delete(result, base.Quad{S: q.S, P: q.P, O: q.O})
	}
	return result
}
