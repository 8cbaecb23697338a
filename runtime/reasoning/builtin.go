package reasoning

import "github.com/picloud/picloud/gen/base"

// trait is what is known of a term from itself; the lower bits of its mask.
type trait = uint64

const (
	isIRI trait = 1 << iota
	isLiteral
	isDatatype  // the IRI of a datatype that we know
	isContainer // rdf:_1, rdf:_2, …
	isZero
	isOne
	isAlias     // a literal that is not the canonical one of its value
	isMalformed // a literal outside the lexical space of its datatype
	isForeign   // owned by others: axioms about it are refused
	traits      = iota
)

// test is a condition on terms. It may give a value to its second argument;
// arguments before are always bound.
type test struct {
	trait trait // that the first argument must have
	gives bool  // the second argument is computed
	ask   func(e *engine, a, b id) bool
	give  func(e *engine, a id) id
}

var tests = map[string]test{
	"neq": {ask: func(_ *engine, a, b id) bool { return a != b }},
	// swap: may one stand for the other? Two literals whose values differ never.
	"swap": {ask: func(e *engine, a, b id) bool {
		return a != b && (e.terms.mask[a]&e.terms.mask[b]&isLiteral == 0 || e.terms.value(a) == e.terms.value(b))
	}},
	"differ": {ask: func(e *engine, a, b id) bool {
		return e.terms.mask[a]&e.terms.mask[b]&isLiteral != 0 && e.terms.value(a) != e.terms.value(b)
	}},
	"zero":      {trait: isZero},
	"one":       {trait: isOne},
	"datatype":  {trait: isDatatype},
	"container": {trait: isContainer},
	"malformed": {trait: isMalformed},
	"within": {trait: isLiteral, ask: func(e *engine, l, d id) bool {
		space, _ := valueOf(e.terms.term(l))
		return space != "" && within(e.terms.term(l), e.terms.term(d).Value)
	}},
	"canonical": {trait: isAlias, gives: true, give: func(e *engine, l id) id { return e.terms.canonical[l] }},
	"illtyped": {trait: isLiteral, ask: func(e *engine, l, d id) bool {
		return e.terms.mask[d]&isDatatype != 0 && !within(e.terms.term(l), e.terms.term(d).Value)
	}},
}

// traitsOf a term, but for isAlias and isForeign, which need more than it.
func traitsOf(t base.Term) (m trait) {
	switch t.Kind {
	case base.IRITerm:
		m = isIRI
		if datatypes[t.Value] != nil {
			m |= isDatatype
		}
		if containerMember(t.Value) {
			m |= isContainer
		}
	case base.LiteralTerm:
		m = isLiteral
		if !within(t, t.Datatype) {
			m |= isMalformed
		} else if space, v := valueOf(t); space == "decimal" && v == "0" {
			m |= isZero
		} else if space == "decimal" && v == "1" {
			m |= isOne
		}
	}
	return m
}

func containerMember(iri string) bool {
	const stem = base.RDF + "_"
	if len(iri) <= len(stem) || iri[:len(stem)] != stem || iri[len(stem)] == '0' {
		return false
	}
	for _, c := range iri[len(stem):] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
