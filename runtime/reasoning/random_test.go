package reasoning

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

const ex = "http://example.org/"

// world makes random triples that meet often enough for rules to fire.
type world struct {
	*rand.Rand
	schema []string
}

func (w *world) pick(words ...string) string { return words[w.IntN(len(words))] }

func (w *world) class() base.Term {
	if w.IntN(12) == 0 {
		return w.name("owl:Thing", "owl:Nothing", "xsd:integer", "rdfs:Resource")
	}
	return base.IRI(ex + w.pick("A", "B", "C", "D", "E"))
}

func (w *world) name(words ...string) base.Term {
	t, _ := oracleValue(w.pick(words...), nil)
	return t
}

func (w *world) property() base.Term {
	if w.IntN(25) == 0 {
		return w.name("rdf:_1", "rdf:_2", "rdfs:subClassOf", "owl:sameAs")
	}
	return base.IRI(ex + w.pick("p", "q", "r", "s"))
}

func (w *world) node() base.Term { return base.IRI(ex + w.pick("a", "b", "c", "d", "e", "f")) }

func (w *world) list() base.Term { return base.Blank(w.pick("l1", "l2", "l3", "l4")) }

func (w *world) value() base.Term {
	if w.IntN(4) > 0 {
		return w.node()
	}
	switch w.IntN(4) {
	case 0:
		return base.Typed(w.pick("1", "01", "2", "0"), base.XSDInteger)
	case 1:
		return base.Typed(w.pick("1.0", "2.5"), base.XSDDecimal)
	}
	return base.Typed(w.pick("x", "y"), base.XSDString)
}

// triple is a fact about nodes, or one of the schema.
func (w *world) triple() base.Quad {
	if w.IntN(5) < 3 {
		if w.IntN(3) == 0 {
			return base.Quad{S: w.node(), P: base.IRI(base.RDFType), O: w.class()}
		}
		return base.Quad{S: w.node(), P: w.property(), O: w.value()}
	}
	p := w.pick(w.schema...)
	q := base.Quad{P: w.name(p)}
	switch p {
	case "rdfs:subClassOf", "owl:equivalentClass":
		q.S, q.O = w.class(), w.class()
	case "rdfs:subPropertyOf", "owl:equivalentProperty", "owl:inverseOf":
		q.S, q.O = w.property(), w.property()
	case "rdfs:domain", "rdfs:range":
		q.S, q.O = w.property(), w.class()
	case "rdf:type":
		q.S, q.O = w.property(), w.name("owl:TransitiveProperty", "owl:SymmetricProperty", "owl:FunctionalProperty", "owl:InverseFunctionalProperty", "rdfs:ContainerMembershipProperty")
	case "owl:sameAs":
		q.S, q.O = w.node(), w.node()
	case "owl:onProperty":
		q.S, q.O = w.class(), w.property()
	case "owl:someValuesFrom", "owl:allValuesFrom", "owl:onClass":
		q.S, q.O = w.class(), w.class()
	case "owl:hasValue":
		q.S, q.O = w.class(), w.value()
	case "owl:maxCardinality", "owl:maxQualifiedCardinality":
		q.S, q.O = w.class(), base.Typed("1", base.XSD+"nonNegativeInteger")
	case "owl:intersectionOf", "owl:unionOf", "owl:oneOf", "owl:hasKey":
		q.S, q.O = w.class(), w.list()
	case "owl:propertyChainAxiom":
		q.S, q.O = w.property(), w.list()
	case "rdf:first":
		q.S = w.list()
		switch w.IntN(3) {
		case 0:
			q.O = w.class()
		case 1:
			q.O = w.property()
		default:
			q.O = w.node()
		}
	case "rdf:rest":
		q.S, q.O = w.list(), base.IRI(base.RDFNil)
		if w.IntN(2) == 0 {
			q.O = w.list()
		}
	}
	return q
}

var rdfsSchema = []string{"rdfs:subClassOf", "rdfs:subPropertyOf", "rdfs:domain", "rdfs:range", "rdf:type"}

var owlSchema = append([]string{
	"rdfs:subClassOf", "owl:equivalentClass", "owl:equivalentProperty", "owl:inverseOf", "owl:sameAs", "owl:onProperty", "owl:onProperty",
	"owl:someValuesFrom", "owl:allValuesFrom", "owl:onClass", "owl:hasValue", "owl:maxCardinality", "owl:maxQualifiedCardinality",
	"owl:intersectionOf", "owl:unionOf", "owl:oneOf", "owl:hasKey", "owl:propertyChainAxiom", "rdf:first", "rdf:first", "rdf:first", "rdf:rest", "rdf:rest",
}, rdfsSchema...)

func TestAnyHistoryOfChangesEqualsTheNaiveFixpoint(t *testing.T) {
	rounds := 30
	if os.Getenv("PICLOUD_LONG") != "" {
		rounds = 5000
	}
	for _, c := range []struct {
		profile Profile
		schema  []string
		rules   [][]rule
	}{
		{RDFS, rdfsSchema, [][]rule{rdfsRules}},
		{OWLRL, rdfsSchema, [][]rule{owlRules, owlImplied}},
		{OWLRL, owlSchema, [][]rule{owlRules, owlImplied}},
	} {
		t.Run(fmt.Sprint(c.profile, len(c.schema)), func(t *testing.T) {
			for seed := range rounds {
				w := &world{rand.New(rand.NewPCG(uint64(seed), 7)), c.schema}
				var authority Authority
				if seed%3 == 0 {
					authority = func(iri string) string {
						if iri == ex+"A" || iri == ex+"p" || iri == ex+"a" {
							return "somebody"
						}
						return ""
					}
				}
				history(t, w, c.profile, authority, c.rules, seed)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func history(t *testing.T, w *world, profile Profile, authority Authority, rules [][]rule, seed int) {
	r := New(Config{Profile: profile, Authority: authority, Inferred: func(g base.Term) base.Term { return g }})
	given := map[base.Quad]bool{}
	shown := map[base.Quad]bool{}
	size := 4 + w.IntN(30)
	for step := range 6 {
		var removed, added []base.Quad
		for _, q := range sorted(given) {
			if w.IntN(4) == 0 {
				removed = append(removed, q)
				delete(given, q)
			}
		}
		for len(given) < size {
			q := w.triple()
			given[q] = true
			added = append(added, q)
		}
		if seed%2 == 0 {
			r.of(base.Term{}).slack = -20 // build anew whenever it could be done
		}
		d, err := r.Apply(context.Background(), removed, added)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range d.Removed {
			if !shown[q] {
				t.Fatalf("seed %d step %d: %v is said to go and was not there", seed, step, q)
			}
			delete(shown, q)
		}
		for _, q := range d.Added {
			if shown[q] {
				t.Fatalf("seed %d step %d: %v is said to come and was there", seed, step, q)
			}
			shown[q] = true
		}
		want := newOracle(sorted(given), authority, rules...).inferred(sorted(given))
		compare(t, fmt.Sprintf("seed %d step %d", seed, step), shown, want)
		all := map[base.Quad]bool{}
		for q := range r.All() {
			all[q] = true
		}
		compare(t, fmt.Sprintf("seed %d step %d, All", seed, step), all, want)
		checkCounts(t, r, seed, step)
		compare(t, fmt.Sprintf("seed %d step %d, loaded", seed, step), loaded(t, r.cfg, sorted(given)), want)
		if t.Failed() {
			return
		}
	}
}

// loaded is what follows from a store that is read at once.
func loaded(t *testing.T, cfg Config, given []base.Quad) map[base.Quad]bool {
	store := rdf.NewStore()
	store.LoadQuads(given)
	r := New(cfg)
	if err := r.Load(context.Background(), store.Snapshot()); err != nil {
		t.Fatal(err)
	}
	all := map[base.Quad]bool{}
	for q := range r.All() {
		all[q] = true
	}
	return all
}

// checkCounts proves that nothing is left of instances that are gone.
func checkCounts(t *testing.T, r *Reasoner, seed, step int) {
	t.Helper()
	for _, e := range r.graphs {
		sum, live := 0, 0
		for i := 1; i < len(e.table.facts); i++ {
			f := &e.table.facts[i]
			if f.alive() {
				sum += int(f.count)
				live++
			}
			if f.alive() != (e.table.find(f.s, f.p, f.o) == row(i)) && f.alive() {
				t.Errorf("seed %d step %d: a fact has two rows", seed, step)
			}
		}
		if sum != e.table.instances || live != e.table.live {
			t.Errorf("seed %d step %d: %d instances and %d facts are noted, there are %d and %d", seed, step, e.table.instances, e.table.live, sum, live)
		}
	}
}

func sorted(set map[base.Quad]bool) []base.Quad {
	quads := make([]base.Quad, 0, len(set))
	for q := range set {
		quads = append(quads, q)
	}
	slices.SortFunc(quads, func(a, b base.Quad) int {
		x, y := fmt.Sprint(a), fmt.Sprint(b)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return quads
}

func compare(t *testing.T, what string, have, want map[base.Quad]bool) {
	t.Helper()
	for q := range want {
		if !have[q] {
			t.Errorf("%s: missing %v", what, q)
		}
	}
	for q := range have {
		if !want[q] {
			t.Errorf("%s: too many: %v", what, q)
		}
	}
}

// Whether a limit is exceeded depends on what is given, not on how it came.
func TestALimitIsExceededByTheDataAndNotByItsHistory(t *testing.T) {
	const limit = 40
	stopped, steps := 0, 0
	for seed := range 40 {
		w := &world{rand.New(rand.NewPCG(uint64(seed), 13)), owlSchema}
		r := New(Config{Profile: OWLRL, Inferred: same, Limits: Limits{Facts: limit}})
		given, shown := map[base.Quad]bool{}, map[base.Quad]bool{}
		for step := range 10 {
			var removed, added []base.Quad
			for _, q := range sorted(given) {
				if w.IntN(3) == 0 {
					removed = append(removed, q)
					delete(given, q)
				}
			}
			for range w.IntN(14) {
				if q := w.triple(); !given[q] {
					given[q] = true
					added = append(added, q)
				}
			}
			if len(given) == 0 {
				continue
			}
			d, err := r.Apply(context.Background(), removed, added)
			for _, q := range d.Removed {
				if !shown[q] {
					t.Errorf("seed %d step %d: %v goes and was not there", seed, step, q)
				}
				delete(shown, q)
			}
			for _, q := range d.Added {
				shown[q] = true
			}
			o := newOracle(sorted(given), nil, owlRules)
			want := o.inferred(sorted(given))
			steps++
			if len(o.facts) > limit {
				stopped++
				want = nil
			}
			var exceeded *Exceeded
			if errors.As(err, &exceeded) != (len(o.facts) > limit) {
				t.Errorf("seed %d step %d: %d facts give %v", seed, step, len(o.facts), err)
			}
			compare(t, fmt.Sprintf("seed %d step %d", seed, step), shown, want)
			if t.Failed() {
				return
			}
		}
	}
	if stopped < 20 || stopped > steps-20 {
		t.Errorf("the limit was exceeded in %d of %d steps, so little is proved", stopped, steps)
	}
}

func TestPlatformGraphsEqualTheNaiveFixpointOfTheirAxioms(t *testing.T) {
	axioms := quads(t, `:p owl:inverseOf :q . :r a owl:TransitiveProperty . :s rdfs:subPropertyOf :r . :s a owl:SymmetricProperty .
		:A rdfs:subClassOf :B . :B rdfs:subClassOf :C .`)
	closed := newOracle(axioms, nil, platformRules)
	for seed := range 200 {
		w := &world{rand.New(rand.NewPCG(uint64(seed), 11)), nil}
		r := New(Config{Profile: Platform, Axioms: axioms, Inferred: same})
		given, shown := map[base.Quad]bool{}, map[base.Quad]bool{}
		for step := range 8 {
			var removed, added []base.Quad
			for _, q := range sorted(given) {
				if w.IntN(3) == 0 {
					removed = append(removed, q)
					delete(given, q)
				}
			}
			for range w.IntN(12) {
				q := base.Quad{S: w.node(), P: base.IRI(ex + w.pick("p", "q", "r", "s", "other")), O: w.value(), G: base.IRI(ex + w.pick("g1", "g2"))}
				if w.IntN(4) == 0 {
					q.P, q.O = base.IRI(base.RDFType), base.IRI(ex+w.pick("A", "B", "C", "D"))
				}
				if !given[q] {
					given[q] = true
					added = append(added, q)
				}
			}
			d, err := r.Apply(context.Background(), removed, added)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range d.Removed {
				delete(shown, q)
			}
			for _, q := range d.Added {
				shown[q] = true
			}
			want := map[base.Quad]bool{}
			for _, g := range []string{"g1", "g2"} {
				var of []base.Quad
				for _, q := range sorted(given) {
					if q.G == base.IRI(ex+g) {
						of = append(of, base.Quad{S: q.S, P: q.P, O: q.O})
					}
				}
				for q := range newOracle(append(of, axioms...), nil, platformRules).inferred(of) {
					if !closed.facts[oracleFact{"", q.S, q.P, q.O}] {
						q.G = base.IRI(ex + g)
						want[q] = true
					}
				}
			}
			compare(t, fmt.Sprintf("seed %d step %d", seed, step), shown, want)
			compare(t, fmt.Sprintf("seed %d step %d, loaded", seed, step), loaded(t, r.cfg, sorted(given)), want)
			if t.Failed() {
				return
			}
		}
	}
}

// BenchmarkQuadThatNoAxiomIsAbout is what a quad costs a commit of the platform
// that has nothing to do with reasoning.
func BenchmarkQuadThatNoAxiomIsAbout(b *testing.B) {
	axioms := []base.Quad{{S: base.IRI(base.Ontology + "memberOf"), P: base.IRI(owl + "inverseOf"), O: base.IRI(base.Ontology + "hasMember")}}
	r := New(Config{Profile: Platform, Axioms: axioms})
	added := make([]base.Quad, 1000)
	for i := range added {
		added[i] = base.Quad{S: base.IRI(fmt.Sprint(ex, i)), P: base.IRI(base.Ontology + []string{"phase", "image", "revision", "changedBy"}[i%4]), O: base.IRI(ex), G: base.IRI(ex + "graph")}
	}
	for b.Loop() {
		if _, err := r.Apply(context.Background(), nil, added); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(added)), "ns/quad")
}
