package reasoning

import "github.com/picloud/picloud/gen/base"

// axiomaticTriples are what a profile holds true of its own vocabulary: RDF 1.1
// Semantics, sections 8 and 9, without those of rdf:_1 and so on; and the rules
// of OWL 2 RL that have no body.
func axiomaticTriples(p Profile) []base.Quad {
	var quads []base.Quad
	say := func(s, p, o string) {
		quads = append(quads, base.Quad{S: base.IRI(s), P: base.IRI(p), O: base.IRI(o)})
	}
	const rdf, rdfs = base.RDF, base.RDFS
	if p == OWLRL {
		say(owl+"Thing", base.RDFType, owl+"Class")
		say(owl+"Nothing", base.RDFType, owl+"Class")
		for _, name := range []string{"label", "comment", "seeAlso", "isDefinedBy"} {
			say(rdfs+name, base.RDFType, owl+"AnnotationProperty")
		}
		for _, name := range []string{"deprecated", "versionInfo", "priorVersion", "backwardCompatibleWith", "incompatibleWith"} {
			say(owl+name, base.RDFType, owl+"AnnotationProperty")
		}
		for iri := range datatypes {
			say(iri, base.RDFType, rdfs+"Datatype")
		}
		return quads
	}
	for _, name := range []string{"type", "subject", "predicate", "object", "first", "rest", "value"} {
		say(rdf+name, base.RDFType, rdf+"Property")
	}
	say(rdf+"nil", base.RDFType, rdf+"List")
	for _, a := range [][3]string{ // property, domain, range
		{rdf + "type", rdfs + "Resource", rdfs + "Class"},
		{rdfs + "domain", rdf + "Property", rdfs + "Class"},
		{rdfs + "range", rdf + "Property", rdfs + "Class"},
		{rdfs + "subPropertyOf", rdf + "Property", rdf + "Property"},
		{rdfs + "subClassOf", rdfs + "Class", rdfs + "Class"},
		{rdf + "subject", rdf + "Statement", rdfs + "Resource"},
		{rdf + "predicate", rdf + "Statement", rdfs + "Resource"},
		{rdf + "object", rdf + "Statement", rdfs + "Resource"},
		{rdfs + "member", rdfs + "Resource", rdfs + "Resource"},
		{rdf + "first", rdf + "List", rdfs + "Resource"},
		{rdf + "rest", rdf + "List", rdf + "List"},
		{rdfs + "seeAlso", rdfs + "Resource", rdfs + "Resource"},
		{rdfs + "isDefinedBy", rdfs + "Resource", rdfs + "Resource"},
		{rdfs + "comment", rdfs + "Resource", rdfs + "Literal"},
		{rdfs + "label", rdfs + "Resource", rdfs + "Literal"},
		{rdf + "value", rdfs + "Resource", rdfs + "Resource"},
	} {
		say(a[0], rdfs+"domain", a[1])
		say(a[0], rdfs+"range", a[2])
	}
	for _, container := range []string{"Alt", "Bag", "Seq"} {
		say(rdf+container, rdfs+"subClassOf", rdfs+"Container")
	}
	say(rdfs+"ContainerMembershipProperty", rdfs+"subClassOf", rdf+"Property")
	say(rdfs+"isDefinedBy", rdfs+"subPropertyOf", rdfs+"seeAlso")
	say(rdfs+"Datatype", rdfs+"subClassOf", rdfs+"Class")
	for _, name := range []string{rdf + "langString", rdf + "XMLLiteral", base.XSDString, base.XSDInteger, base.XSDDecimal, base.XSDBoolean, base.XSDDouble, base.XSDFloat, base.XSDDateTime} {
		say(name, base.RDFType, rdfs+"Datatype") // rdfs1
	}
	return quads
}
