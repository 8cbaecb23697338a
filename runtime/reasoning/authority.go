package reasoning

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// Authority says to whom an IRI belongs who is not the owner of the graph, in
// words ("the platform"); "" for all others. Axioms about such a term are
// refused in that graph, whether asserted or inferred. RDF, RDFS, OWL and XML
// Schema belong to the W3C without being asked for.
type Authority func(iri string) (owner string)

const owl = "http://www.w3.org/2002/07/owl#"

// owner of an IRI, the W3C included.
func (a Authority) owner(iri string) string {
	for _, space := range [...]string{base.RDF, base.RDFS, owl, base.XSD} {
		if strings.HasPrefix(iri, space) {
			return "the W3C"
		}
	}
	return a(iri)
}

// Refusal is an asserted triple that the reasoner does not believe, and why.
type Refusal struct {
	Quad   base.Quad
	Term   base.Term // whose owner is another
	Owner  string
	Reason string
}

// Judge says why a triple is refused as an axiom; nil if it is not.
func (a Authority) Judge(q base.Quad) *Refusal {
	if a == nil {
		return nil
	}
	about := axiomsAbout[q.P.Value]
	if q.P.Value == base.RDFType && axiomClasses[q.O.Value] {
		about = aboutSubject
	}
	for i, term := range [2]base.Term{q.S, q.O} {
		if about&(1<<i) == 0 || term.Kind != base.IRITerm {
			continue
		}
		if owner := a.owner(term.Value); owner != "" {
			return &Refusal{q, term, owner, fmt.Sprintf(
				"<%s> belongs to %s: what %s says about it is not believed here; say it about a term of your own, for example one that is below it",
				term.Value, owner, compact(q.P))}
		}
	}
	return nil
}

func compact(t base.Term) string {
	for prefix, space := range map[string]string{"rdf:": base.RDF, "rdfs:": base.RDFS, "owl:": owl, "xsd:": base.XSD} {
		if local, ok := strings.CutPrefix(t.Value, space); ok {
			return prefix + local
		}
	}
	return "<" + t.Value + ">"
}

// Which terms of a triple it makes a statement about.
const (
	aboutSubject = 1 << iota
	aboutObject
	aboutBoth = aboutSubject | aboutObject
)

var axiomsAbout = map[string]int{
	base.RDFS + "subClassOf": aboutSubject, base.RDFS + "subPropertyOf": aboutSubject,
	base.RDFS + "domain": aboutSubject, base.RDFS + "range": aboutSubject,
	owl + "equivalentClass": aboutBoth, owl + "equivalentProperty": aboutBoth, owl + "inverseOf": aboutBoth, owl + "sameAs": aboutBoth,
	owl + "disjointWith": aboutSubject, owl + "propertyDisjointWith": aboutSubject, owl + "complementOf": aboutSubject,
	owl + "unionOf": aboutSubject, owl + "intersectionOf": aboutSubject, owl + "oneOf": aboutSubject,
	owl + "hasKey": aboutSubject, owl + "propertyChainAxiom": aboutSubject, owl + "onProperty": aboutSubject, owl + "onClass": aboutSubject,
	owl + "allValuesFrom": aboutSubject, owl + "someValuesFrom": aboutSubject, owl + "hasValue": aboutSubject,
	owl + "maxCardinality": aboutSubject, owl + "maxQualifiedCardinality": aboutSubject,
}

// axiomClasses are the classes whose members behave in a special way.
var axiomClasses = map[string]bool{
	owl + "FunctionalProperty": true, owl + "InverseFunctionalProperty": true, owl + "SymmetricProperty": true,
	owl + "AsymmetricProperty": true, owl + "TransitiveProperty": true, owl + "IrreflexiveProperty": true,
	base.RDFS + "Datatype": true, base.RDFS + "ContainerMembershipProperty": true,
}

// vocabulary holds the ids of what the engine itself has to know.
type vocabulary struct {
	rdfType, sameAs, equivalentClass, equivalentProperty, subPropertyOf, subClassOf, thing, nothing, resource id

	about   []int  // by id of a predicate
	special []bool // by id of a class
}

func (g *program) know() {
	g.known = vocabulary{
		rdfType: g.id("rdf:type"), sameAs: g.id("owl:sameAs"), equivalentClass: g.id("owl:equivalentClass"),
		equivalentProperty: g.id("owl:equivalentProperty"), subPropertyOf: g.id("rdfs:subPropertyOf"), subClassOf: g.id("rdfs:subClassOf"),
		thing: g.id("owl:Thing"), nothing: g.id("owl:Nothing"), resource: g.id("rdfs:Resource"),
	}
}

// knowAxioms fills the tables of axioms once all names are known: what a
// program has no name for, no rule of it can use.
func (g *program) knowAxioms() {
	g.known.about, g.known.special = make([]int, len(g.terms)+1), make([]bool, len(g.terms)+1)
	for i, t := range g.terms {
		g.known.about[i+1], g.known.special[i+1] = axiomsAbout[t.Value], axiomClasses[t.Value]
	}
}

// refused tells whether a triple is an axiom about a term of others.
func (e *engine) refused(s, p, o id) bool {
	k := &e.program.known
	if e.terms.foreign == nil || e.trusting || int(p) >= len(k.about) {
		return false
	}
	about := k.about[p]
	if p == k.rdfType && int(o) < len(k.special) && k.special[o] {
		about = aboutSubject
	}
	mask := e.terms.mask
	return about&aboutSubject != 0 && mask[s]&isForeign != 0 || about&aboutObject != 0 && mask[o]&isForeign != 0
}
