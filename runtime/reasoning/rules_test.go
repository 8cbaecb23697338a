package reasoning

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

const prefixes = `@prefix : <http://example.org/> . @prefix rdf: <` + base.RDF + `> . @prefix rdfs: <` + base.RDFS + `> .
@prefix owl: <` + owl + `> . @prefix xsd: <` + base.XSD + `> .
`

func quads(t *testing.T, text string) []base.Quad {
	t.Helper()
	q, err := rdf.ParseAll(strings.NewReader(prefixes+text), rdf.Turtle, rdf.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return q
}

func with(t *testing.T, c Config, text string) (*Reasoner, map[base.Quad]bool) {
	t.Helper()
	r := New(c)
	d, err := r.Apply(context.Background(), nil, quads(t, text))
	if err != nil {
		t.Fatal(err)
	}
	have := map[base.Quad]bool{}
	for _, q := range d.Added {
		q.G = base.Term{}
		have[q] = true
	}
	return r, have
}

// TestEachRuleOfTheTables says each rule as the W3C writes it, with a list
// where it has one.
func TestEachRuleOfTheTables(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range []struct {
		rule    string
		profile Profile
		given   string
		follows string
	}{
		{"rdfs2", RDFS, ":p rdfs:domain :C . :x :p :y .", ":x a :C ."},
		{"rdfs3", RDFS, ":p rdfs:range :C . :x :p :y .", ":y a :C ."},
		{"rdfs5", RDFS, ":p rdfs:subPropertyOf :q . :q rdfs:subPropertyOf :r .", ":p rdfs:subPropertyOf :r ."},
		{"rdfs7", RDFS, ":p rdfs:subPropertyOf :q . :x :p :y .", ":x :q :y ."},
		{"rdfs9", RDFS, ":C rdfs:subClassOf :D . :x a :C .", ":x a :D ."},
		{"rdfs11", RDFS, ":C rdfs:subClassOf :D . :D rdfs:subClassOf :E .", ":C rdfs:subClassOf :E ."},
		{"rdfs12", RDFS, ":p a rdfs:ContainerMembershipProperty . :x :p :y .", ":p rdfs:subPropertyOf rdfs:member . :x rdfs:member :y ."},
		{"rdfs13", RDFS, ":d a rdfs:Datatype .", ":d rdfs:subClassOf rdfs:Literal ."},
		{"rdf:_n", RDFS, ":x rdf:_3 :y .", ":x rdfs:member :y ."},

		{"eq-sym", OWLRL, ":a owl:sameAs :b .", ":b owl:sameAs :a ."},
		{"eq-trans", OWLRL, ":a owl:sameAs :b . :b owl:sameAs :c .", ":a owl:sameAs :c ."},
		{"eq-rep-s", OWLRL, ":a owl:sameAs :b . :a :p :o .", ":b :p :o ."},
		{"eq-rep-p", OWLRL, ":p owl:sameAs :q . :a :p :o .", ":a :q :o ."},
		{"eq-rep-o", OWLRL, ":a owl:sameAs :b . :s :p :a .", ":s :p :b ."},
		{"prp-dom", OWLRL, ":p rdfs:domain :C . :x :p :y .", ":x a :C ."},
		{"prp-rng", OWLRL, ":p rdfs:range :C . :x :p :y .", ":y a :C ."},
		{"prp-fp", OWLRL, ":p a owl:FunctionalProperty . :x :p :y, :z .", ":y owl:sameAs :z ."},
		{"prp-ifp", OWLRL, ":p a owl:InverseFunctionalProperty . :x :p :z . :y :p :z .", ":x owl:sameAs :y ."},
		{"prp-symp", OWLRL, ":p a owl:SymmetricProperty . :x :p :y .", ":y :p :x ."},
		{"prp-trp", OWLRL, ":p a owl:TransitiveProperty . :x :p :y . :y :p :z .", ":x :p :z ."},
		{"prp-spo1", OWLRL, ":p rdfs:subPropertyOf :q . :x :p :y .", ":x :q :y ."},
		{"prp-spo2", OWLRL, ":u owl:propertyChainAxiom (:p :q :r) . :a :p :b . :b :q :c . :c :r :d .", ":a :u :d ."},
		{"prp-eqp1", OWLRL, ":p owl:equivalentProperty :q . :x :p :y .", ":x :q :y ."},
		{"prp-eqp2", OWLRL, ":p owl:equivalentProperty :q . :x :q :y .", ":x :p :y ."},
		{"prp-inv1", OWLRL, ":p owl:inverseOf :q . :x :p :y .", ":y :q :x ."},
		{"prp-inv2", OWLRL, ":p owl:inverseOf :q . :x :q :y .", ":y :p :x ."},
		{"prp-key", OWLRL, ":C owl:hasKey (:p :q) . :x a :C ; :p 1 ; :q 2 . :y a :C ; :p 1 ; :q 2 .", ":x owl:sameAs :y ."},
		{"cls-int1", OWLRL, ":C owl:intersectionOf (:D :E :F) . :x a :D, :E, :F .", ":x a :C ."},
		{"cls-int2", OWLRL, ":C owl:intersectionOf (:D :E) . :x a :C .", ":x a :D, :E ."},
		{"cls-uni", OWLRL, ":C owl:unionOf (:D :E) . :x a :E .", ":x a :C ."},
		{"cls-svf1", OWLRL, ":R owl:someValuesFrom :C ; owl:onProperty :p . :u :p :v . :v a :C .", ":u a :R ."},
		{"cls-svf2", OWLRL, ":R owl:someValuesFrom owl:Thing ; owl:onProperty :p . :u :p :v .", ":u a :R ."},
		{"cls-avf", OWLRL, ":R owl:allValuesFrom :C ; owl:onProperty :p . :u a :R ; :p :v .", ":v a :C ."},
		{"cls-hv1", OWLRL, ":R owl:hasValue :y ; owl:onProperty :p . :u a :R .", ":u :p :y ."},
		{"cls-hv2", OWLRL, ":R owl:hasValue :y ; owl:onProperty :p . :u :p :y .", ":u a :R ."},
		{"cls-maxc2", OWLRL, `:R owl:maxCardinality "1"^^xsd:nonNegativeInteger ; owl:onProperty :p . :u a :R ; :p :y, :z .`, ":y owl:sameAs :z ."},
		{"cls-maxqc3", OWLRL, `:R owl:maxQualifiedCardinality "1"^^xsd:nonNegativeInteger ; owl:onProperty :p ; owl:onClass :C . :u a :R ; :p :y, :z . :y a :C . :z a :C .`, ":y owl:sameAs :z ."},
		{"cls-maxqc4", OWLRL, `:R owl:maxQualifiedCardinality "1"^^xsd:nonNegativeInteger ; owl:onProperty :p ; owl:onClass owl:Thing . :u a :R ; :p :y, :z .`, ":y owl:sameAs :z ."},
		{"cls-oo", OWLRL, ":C owl:oneOf (:a :b) .", ":a a :C . :b a :C ."},
		{"cax-sco", OWLRL, ":C rdfs:subClassOf :D . :x a :C .", ":x a :D ."},
		{"cax-eqc1", OWLRL, ":C owl:equivalentClass :D . :x a :C .", ":x a :D ."},
		{"cax-eqc2", OWLRL, ":C owl:equivalentClass :D . :x a :D .", ":x a :C ."},
		{"dt-type2", OWLRL, ":R owl:someValuesFrom xsd:integer ; owl:onProperty :p . :u :p 5 .", ":u a :R ."},
		{"dt-type2", OWLRL, ":R owl:someValuesFrom xsd:decimal ; owl:onProperty :p . :u :p 5 .", ":u a :R ."},
		{"dt-eq", OWLRL, `:x :p "1"^^xsd:integer . :y :p "01"^^xsd:integer .`, `:x :p "01"^^xsd:integer . :y :p 1 .`},
		{"scm-sco", OWLRL, ":C rdfs:subClassOf :D . :D rdfs:subClassOf :E .", ":C rdfs:subClassOf :E ."},
		{"scm-eqc1", OWLRL, ":C owl:equivalentClass :D .", ":C rdfs:subClassOf :D . :D rdfs:subClassOf :C ."},
		{"scm-eqc2", OWLRL, ":C rdfs:subClassOf :D . :D rdfs:subClassOf :C .", ":C owl:equivalentClass :D ."},
		{"scm-spo", OWLRL, ":p rdfs:subPropertyOf :q . :q rdfs:subPropertyOf :r .", ":p rdfs:subPropertyOf :r ."},
		{"scm-eqp1", OWLRL, ":p owl:equivalentProperty :q .", ":p rdfs:subPropertyOf :q . :q rdfs:subPropertyOf :p ."},
		{"scm-eqp2", OWLRL, ":p rdfs:subPropertyOf :q . :q rdfs:subPropertyOf :p .", ":p owl:equivalentProperty :q ."},
		{"scm-dom1", OWLRL, ":p rdfs:domain :C . :C rdfs:subClassOf :D .", ":p rdfs:domain :D ."},
		{"scm-dom2", OWLRL, ":q rdfs:domain :C . :p rdfs:subPropertyOf :q .", ":p rdfs:domain :C ."},
		{"scm-rng1", OWLRL, ":p rdfs:range :C . :C rdfs:subClassOf :D .", ":p rdfs:range :D ."},
		{"scm-rng2", OWLRL, ":q rdfs:range :C . :p rdfs:subPropertyOf :q .", ":p rdfs:range :C ."},
		{"scm-hv", OWLRL, ":A owl:hasValue :i ; owl:onProperty :p . :B owl:hasValue :i ; owl:onProperty :q . :p rdfs:subPropertyOf :q .", ":A rdfs:subClassOf :B ."},
		{"scm-svf1", OWLRL, ":A owl:someValuesFrom :C ; owl:onProperty :p . :B owl:someValuesFrom :D ; owl:onProperty :p . :C rdfs:subClassOf :D .", ":A rdfs:subClassOf :B ."},
		{"scm-svf2", OWLRL, ":A owl:someValuesFrom :C ; owl:onProperty :p . :B owl:someValuesFrom :C ; owl:onProperty :q . :p rdfs:subPropertyOf :q .", ":A rdfs:subClassOf :B ."},
		{"scm-avf1", OWLRL, ":A owl:allValuesFrom :C ; owl:onProperty :p . :B owl:allValuesFrom :D ; owl:onProperty :p . :C rdfs:subClassOf :D .", ":A rdfs:subClassOf :B ."},
		{"scm-avf2", OWLRL, ":A owl:allValuesFrom :C ; owl:onProperty :p . :B owl:allValuesFrom :C ; owl:onProperty :q . :p rdfs:subPropertyOf :q .", ":B rdfs:subClassOf :A ."},
		{"scm-int", OWLRL, ":C owl:intersectionOf (:D :E) .", ":C rdfs:subClassOf :D, :E ."},
		{"scm-uni", OWLRL, ":C owl:unionOf (:D :E) .", ":D rdfs:subClassOf :C . :E rdfs:subClassOf :C ."},
	} {
		covered[c.rule] = true
		r, have := with(t, Config{Profile: c.profile, Inferred: same}, c.given)
		for _, q := range quads(t, c.follows) {
			if !have[q] {
				t.Errorf("%s: %v does not follow from %s", c.rule, q, c.given)
			}
			if len(r.Why(q)) == 0 {
				t.Errorf("%s: nobody knows why %v", c.rule, q)
			}
		}
		d, err := r.Apply(context.Background(), quads(t, c.given), nil)
		if err != nil || len(d.Removed) != len(have) || len(r.States()) > 0 {
			t.Errorf("%s: without its premises %d of %d inferred quads go", c.rule, len(d.Removed), len(have))
		}
	}
	for _, group := range [][]rule{rdfsRules, owlRules, owlImplied} {
		for _, r := range group {
			if name, _, auxiliary := strings.Cut(r.name, " "); !covered[name] && !auxiliary && name != "list" {
				t.Errorf("no example of %s", r.name)
			}
		}
	}
}

func same(g base.Term) base.Term { return g }

func TestContradictionsAreFindings(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range []struct{ rule, given string }{
		{"eq-diff1", ":a owl:sameAs :b . :b owl:differentFrom :a ."},
		{"eq-diff1", ":a owl:differentFrom :a ."},
		{"eq-diff2", "[] a owl:AllDifferent ; owl:members (:a :b :c) . :a owl:sameAs :c ."},
		{"eq-diff3", "[] a owl:AllDifferent ; owl:distinctMembers (:a :b :a) ."},
		{"prp-irp", ":p a owl:IrreflexiveProperty . :x :p :x ."},
		{"prp-asyp", ":p a owl:AsymmetricProperty . :x :p :y . :y :p :x ."},
		{"prp-pdw", ":p owl:propertyDisjointWith :q . :x :p :y ; :q :y ."},
		{"prp-adp", "[] a owl:AllDisjointProperties ; owl:members (:p :q :r) . :x :p :y ; :r :y ."},
		{"prp-npa1", "[] owl:sourceIndividual :x ; owl:assertionProperty :p ; owl:targetIndividual :y . :x :p :y ."},
		{"prp-npa2", "[] owl:sourceIndividual :x ; owl:assertionProperty :p ; owl:targetValue 5 . :x :p 5 ."},
		{"cls-nothing2", ":x a owl:Nothing ."},
		{"cls-com", ":C owl:complementOf :D . :x a :C, :D ."},
		{"cls-maxc1", ":R owl:maxCardinality 0 ; owl:onProperty :p . :u a :R ; :p :y ."},
		{"cls-maxqc1", ":R owl:maxQualifiedCardinality 0 ; owl:onProperty :p ; owl:onClass :C . :u a :R ; :p :y . :y a :C ."},
		{"cls-maxqc2", ":R owl:maxQualifiedCardinality 0 ; owl:onProperty :p ; owl:onClass owl:Thing . :u a :R ; :p :y ."},
		{"cax-dw", ":C owl:disjointWith :D . :E rdfs:subClassOf :D . :x a :C, :E ."},
		{"cax-adc", "[] a owl:AllDisjointClasses ; owl:members (:C :D) . :x a :C, :D ."},
		{"dt-diff", ":p a owl:FunctionalProperty . :x :p 1, 2 ."},
		{"dt-not-type", `:p rdfs:range xsd:integer . :x :p "five" .`},
		{"dt-not-type", `:x :p "five"^^xsd:integer .`},
	} {
		covered[c.rule] = true
		r, _ := with(t, Config{Profile: OWLRL}, c.given)
		found, err := r.Findings(context.Background(), 10)
		if err != nil || len(found) == 0 || found[0].Rule != c.rule || len(found[0].Given) == 0 {
			t.Errorf("%s: found %v (%v) in %s", c.rule, found, err, c.given)
			continue
		}
		if _, err := r.Apply(context.Background(), found[0].Given[:1], nil); err != nil {
			t.Fatal(err)
		}
		if again, _ := r.Findings(context.Background(), 10); len(again) >= len(found) && c.rule != "dt-not-type" {
			t.Errorf("%s: without %v still %v", c.rule, found[0].Given[0], again)
		}
	}
	for _, r := range falseRules {
		if !covered[r.name] {
			t.Errorf("no example of %s", r.name)
		}
	}
}

func TestAxiomsAboutOthersTermsAreNotBelieved(t *testing.T) {
	authority := Authority(func(iri string) string {
		if strings.HasPrefix(iri, "https://picloud.local/ontology#") {
			return "the platform"
		}
		return ""
	})
	const pc = "@prefix pc: <https://picloud.local/ontology#> .\n"
	for _, given := range []string{
		"pc:Container rdfs:subClassOf :Mine . :x a pc:Container .",
		":Mine owl:equivalentClass pc:Container . :x a pc:Container .",
		"pc:image rdfs:domain :Mine . :x pc:image :y .",
		"pc:image a owl:TransitiveProperty . :x pc:image :y . :y pc:image :z .",
		"rdfs:subClassOf rdfs:subPropertyOf :below . :C rdfs:subClassOf :D .",
		"rdfs:subClassOf a owl:SymmetricProperty . :C rdfs:subClassOf :D .",
		"rdf:type rdfs:domain :Everything . :x a :C .",
		"owl:sameAs rdfs:subPropertyOf :near . :x owl:differentFrom :y .",
		":admins owl:sameAs pc:admins . pc:admins :has :power .",
		":p rdfs:subPropertyOf rdfs:subClassOf . pc:Container :p :Mine . :x a pc:Container . ",
	} {
		r := New(Config{Profile: OWLRL, Authority: authority})
		var refused []*Refusal
		all := quads(t, pc+given)
		for _, q := range all {
			if why := authority.Judge(q); why != nil {
				refused = append(refused, why)
			}
		}
		d, err := r.Apply(context.Background(), nil, all)
		if err != nil || len(d.Added) != 0 {
			t.Errorf("%s\ninfers %v (%v)", given, d.Added, err)
		}
		if len(refused) != 1 && !strings.HasPrefix(given, ":p ") {
			t.Errorf("%s\n%d triples are refused", given, len(refused))
		} else if len(refused) == 1 && !strings.Contains(refused[0].Reason, "belongs to the ") {
			t.Errorf("%s\nsays %q", given, refused[0].Reason)
		}
	}
	_, have := with(t, Config{Profile: OWLRL, Authority: authority}, pc+":Running owl:unionOf (pc:Container pc:Binary) . :x a pc:Binary .")
	if len(have) != 1 {
		t.Errorf("a class of one's own that consists of others gives %v", have)
	}
	_, have = with(t, Config{Profile: OWLRL, Authority: authority}, pc+":Mine rdfs:subClassOf pc:Container . :x a :Mine .")
	if len(have) != 1 {
		t.Errorf("one's own class below one of others gives %v", have)
	}
}

func TestGraphsDoNotSeeEachOther(t *testing.T) {
	r := New(Config{Profile: OWLRL, Inferred: InferredGraph("http://store/graph")})
	schema, data := quads(t, ":C rdfs:subClassOf :D ."), quads(t, ":x a :C .")
	data[0].G = base.IRI("http://example.org/g")
	d, err := r.Apply(context.Background(), nil, append(schema, data...))
	if err != nil || len(d.Added) != 0 {
		t.Fatalf("%v (%v)", d, err)
	}
	schema[0].G = data[0].G
	d, err = r.Apply(context.Background(), nil, schema)
	if err != nil || len(d.Added) != 1 || d.Added[0].G != base.IRI("http://example.org/g/inferred") {
		t.Fatalf("%v (%v)", d, err)
	}
}

func TestALimitLeavesNothingHalfInferred(t *testing.T) {
	chain := ":p a owl:TransitiveProperty . "
	for i := range 60 {
		chain += fmt.Sprintf(":n%d :p :n%d . ", i, i+1)
	}
	r := New(Config{Profile: OWLRL, Inferred: same, Limits: Limits{Facts: 300}})
	shown := map[base.Quad]bool{}
	apply := func(removed, added []base.Quad) error {
		t.Helper()
		d, err := r.Apply(context.Background(), removed, added)
		for _, q := range d.Removed {
			if !shown[q] {
				t.Errorf("%v goes and was not there", q)
			}
			delete(shown, q)
		}
		for _, q := range d.Added {
			shown[q] = true
		}
		return err
	}
	all := quads(t, ":p a owl:TransitiveProperty . :a :p :b . :b :p :c .")
	if err := apply(nil, all); err != nil || len(shown) != 1 {
		t.Fatal(shown, err)
	}
	var exceeded *Exceeded
	long := quads(t, chain)
	if err := apply(nil, long); !errors.As(err, &exceeded) || exceeded.What != "quads" || len(shown) != 0 {
		t.Fatal(len(shown), err)
	}
	if err := apply(nil, quads(t, ":more :p :more2 .")); err == nil {
		t.Fatal("more facts cannot help")
	}
	if s := r.States()[0]; s.Stopped == nil || s.Inferred != 0 {
		t.Fatal(s)
	}
	if err := apply(long[20:], nil); err != nil || len(shown) == 0 {
		t.Fatal(len(shown), err)
	}
	want := map[base.Quad]bool{}
	other := New(Config{Profile: OWLRL, Inferred: same})
	d, _ := other.Apply(context.Background(), nil, append(append(all, long[:20]...), quads(t, ":more :p :more2 .")...))
	for _, q := range d.Added {
		want[q] = true
	}
	compare(t, "after the limit", shown, want)
}

func TestReasoningEndsWithinMillisecondsOfItsContext(t *testing.T) {
	var clique []base.Quad
	for i := range 500 {
		clique = append(clique, base.Quad{S: base.IRI(ex + "hub"), P: base.IRI(owl + "sameAs"), O: base.Integer(int64(i))})
		clique[i].O = base.IRI(ex + clique[i].O.Value)
	}
	var r *Reasoner
	best := time.Hour // of some tries: the machine may be busy with others
	for range 4 {
		r = New(Config{Profile: OWLRL, Limits: Limits{Facts: 60_000_000, Derivations: noLimit}})
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		d, err := r.Apply(ctx, nil, clique)
		deadline, _ := ctx.Deadline()
		best = min(best, time.Since(deadline))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || len(d.Added) != 0 {
			t.Fatalf("%v, %d added", err, len(d.Added))
		}
	}
	if best > 50*time.Millisecond {
		t.Errorf("it ended %v late", best)
	}
	d, err := r.Apply(context.Background(), clique[20:], nil)
	if err != nil || len(d.Added) == 0 {
		t.Fatal(len(d.Added), err)
	}
	if s := r.States()[0]; s.Given != 20 || s.Inferred != 21*21-21-20 {
		t.Errorf("20 stars make a clique of 21: %+v", s)
	}
}

func TestTheProgramFitsItsMasks(t *testing.T) {
	for _, p := range []Profile{RDFS, OWLRL, Platform} {
		g := programOf(p, true)
		if n := traits + len(g.guards); n > 64 {
			t.Errorf("%v has %d guards and traits", p, n)
		}
		if n := len(g.relations); n >= relationsMax {
			t.Errorf("%v has %d relations", p, n)
		}
		for _, r := range g.rules {
			if len(r.vars) > len(match{}.b) || len(r.body) > len(match{}.rows) {
				t.Errorf("%s is too long", r.name)
			}
		}
	}
}
