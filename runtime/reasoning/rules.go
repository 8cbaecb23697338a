package reasoning

// rule is a line of the tables: the W3C's name, and "body => head" with atoms
// between dots.
//
//	?s ?p ?o         a triple
//	name(?a ?b ?c)   a fact of an auxiliary relation, never shown: (s o), (s) or (s p o)
//	neq(?a ?b)       one of the tests in builtin.go
//	false            the body contradicts itself
//
// Auxiliary relations stand for the lists of the specification: it writes "for
// each member of the list", which no join of fixed length can say.
type rule struct {
	name, text string
}

// rdfsRules are the entailment patterns of RDF 1.1 Semantics, sections 8.1.1
// and 9.2.1, that say something about a graph.
var rdfsRules = []rule{
	{"rdfs2", "?p rdfs:domain ?c . ?x ?p ?y => ?x rdf:type ?c"},
	{"rdfs3", "?p rdfs:range ?c . ?x ?p ?y => ?y rdf:type ?c"},
	{"rdfs5", "?p rdfs:subPropertyOf ?q . ?q rdfs:subPropertyOf ?r => ?p rdfs:subPropertyOf ?r"},
	{"rdfs7", "?p rdfs:subPropertyOf ?q . ?x ?p ?y . neq(?p ?q) => ?x ?q ?y"},
	{"rdfs9", "?c rdfs:subClassOf ?d . ?x rdf:type ?c . neq(?c ?d) => ?x rdf:type ?d"},
	{"rdfs11", "?c rdfs:subClassOf ?d . ?d rdfs:subClassOf ?e => ?c rdfs:subClassOf ?e"},
	{"rdfs12", "?p rdf:type rdfs:ContainerMembershipProperty => ?p rdfs:subPropertyOf rdfs:member"},
	{"rdfs13", "?d rdf:type rdfs:Datatype => ?d rdfs:subClassOf rdfs:Literal"},
	// The axioms about rdf:_1, rdf:_2 and so on have no end; here they are
	// those of the properties in use.
	{"rdf:_n", "?x ?p ?y . container(?p) => ?p rdf:type rdfs:ContainerMembershipProperty"},
}

// rdfsTrivial are the patterns that say of everything what is true of
// everything, of interest to entailment tests only.
var rdfsTrivial = []rule{
	{"rdfD2", "?x ?p ?y => ?p rdf:type rdf:Property"},
	{"rdfs4a", "?x ?p ?y => ?x rdf:type rdfs:Resource"},
	{"rdfs4b", "?x ?p ?y => ?y rdf:type rdfs:Resource"},
	{"rdfs6", "?p rdf:type rdf:Property => ?p rdfs:subPropertyOf ?p"},
	{"rdfs8", "?c rdf:type rdfs:Class => ?c rdfs:subClassOf rdfs:Resource"},
	{"rdfs10", "?c rdf:type rdfs:Class => ?c rdfs:subClassOf ?c"},
}

// platformRules are what the platform's own graphs use.
var platformRules = []rule{
	{"prp-symp", "?p rdf:type owl:SymmetricProperty . ?x ?p ?y => ?y ?p ?x"},
	{"prp-trp", "?p rdf:type owl:TransitiveProperty . ?x ?p ?y . ?y ?p ?z => ?x ?p ?z"},
	{"prp-spo1", "?p rdfs:subPropertyOf ?q . ?x ?p ?y . neq(?p ?q) => ?x ?q ?y"},
	{"prp-inv1", "?p owl:inverseOf ?q . ?x ?p ?y => ?y ?q ?x"},
	{"prp-inv2", "?p owl:inverseOf ?q . ?x ?q ?y => ?y ?p ?x"},
	{"cax-sco", "?c rdfs:subClassOf ?d . ?x rdf:type ?c . neq(?c ?d) => ?x rdf:type ?d"},
	{"scm-sco", "?c rdfs:subClassOf ?d . ?d rdfs:subClassOf ?e => ?c rdfs:subClassOf ?e"},
	{"scm-spo", "?p rdfs:subPropertyOf ?q . ?q rdfs:subPropertyOf ?r => ?p rdfs:subPropertyOf ?r"},
}

// owlRules are OWL 2 Profiles, section 4.3. What a rule of the tables says
// that others already say together is in owlImplied.
var owlRules = []rule{
	// Table 4: equality. swap is neq, and false of two literals with
	// different values: that they were the same is a finding, not a fact.
	{"eq-sym", "?x owl:sameAs ?y => ?y owl:sameAs ?x"},
	{"eq-trans", "?x owl:sameAs ?y . ?y owl:sameAs ?z . neq(?x ?z) . swap(?x ?y) . swap(?y ?z) => ?x owl:sameAs ?z"},
	{"eq-rep-s", "?s owl:sameAs ?t . ?s ?p ?o . swap(?s ?t) . neq(?p owl:sameAs) => ?t ?p ?o"},
	{"eq-rep-p", "?p owl:sameAs ?q . ?s ?p ?o . swap(?p ?q) => ?s ?q ?o"},
	{"eq-rep-o", "?o owl:sameAs ?t . ?s ?p ?o . swap(?o ?t) . neq(?p owl:sameAs) => ?s ?p ?t"},

	// Table 5: properties.
	{"prp-dom", "?p rdfs:domain ?c . ?x ?p ?y => ?x rdf:type ?c"},
	{"prp-rng", "?p rdfs:range ?c . ?x ?p ?y => ?y rdf:type ?c"},
	{"prp-fp", "?p rdf:type owl:FunctionalProperty . ?x ?p ?y . ?x ?p ?z . neq(?y ?z) => ?y owl:sameAs ?z"},
	{"prp-ifp", "?p rdf:type owl:InverseFunctionalProperty . ?x ?p ?z . ?y ?p ?z . neq(?x ?y) => ?x owl:sameAs ?y"},
	{"prp-symp", "?p rdf:type owl:SymmetricProperty . ?x ?p ?y => ?y ?p ?x"},
	{"prp-trp", "?p rdf:type owl:TransitiveProperty . ?x ?p ?y . ?y ?p ?z => ?x ?p ?z"},
	{"prp-spo1", "?p rdfs:subPropertyOf ?q . ?x ?p ?y . neq(?p ?q) => ?x ?q ?y"},
	{"prp-spo2", "?p owl:propertyChainAxiom ?l . path(?x ?l ?y) => ?x ?p ?y"},
	{"prp-spo2 list", "?p owl:propertyChainAxiom ?l => links(?l)"},
	{"prp-spo2 list", "links(?l) . ?l rdf:rest ?m => links(?m)"},
	{"prp-spo2 list", "links(?l) . ?l rdf:first ?p => link(?l ?p)"},
	{"prp-spo2 path", "link(?l ?p) . ?l rdf:rest rdf:nil . ?x ?p ?y => path(?x ?l ?y)"},
	{"prp-spo2 path", "link(?l ?p) . ?l rdf:rest ?m . ?x ?p ?y . path(?y ?m ?z) => path(?x ?l ?z)"},
	{"prp-inv1", "?p owl:inverseOf ?q . ?x ?p ?y => ?y ?q ?x"},
	{"prp-inv2", "?p owl:inverseOf ?q . ?x ?q ?y => ?y ?p ?x"},
	{"prp-key", "?c owl:hasKey ?l . agree(?x ?l ?y) . ?x rdf:type ?c . ?y rdf:type ?c => ?x owl:sameAs ?y"},
	{"prp-key list", "?c owl:hasKey ?l => keys(?l)"},
	{"prp-key list", "keys(?l) . ?l rdf:rest ?m => keys(?m)"},
	{"prp-key list", "keys(?l) . ?l rdf:first ?p => key(?l ?p)"},
	{"prp-key agree", "key(?l ?p) . ?l rdf:rest rdf:nil . ?x ?p ?z . ?y ?p ?z . neq(?x ?y) => agree(?x ?l ?y)"},
	{"prp-key agree", "key(?l ?p) . ?l rdf:rest ?m . agree(?x ?m ?y) . ?x ?p ?z . ?y ?p ?z => agree(?x ?l ?y)"},

	// Table 6: classes.
	{"cls-int1", "?c owl:intersectionOf ?l . all(?l ?y) => ?y rdf:type ?c"},
	{"cls-int1 list", "?c owl:intersectionOf ?l => parts(?l)"},
	{"cls-int1 list", "parts(?l) . ?l rdf:rest ?m => parts(?m)"},
	{"cls-int1 list", "parts(?l) . ?l rdf:first ?c => part(?l ?c)"},
	{"cls-int1 all", "part(?l ?c) . ?l rdf:rest rdf:nil . ?y rdf:type ?c => all(?l ?y)"},
	{"cls-int1 all", "part(?l ?c) . ?l rdf:rest ?m . ?y rdf:type ?c . all(?m ?y) => all(?l ?y)"},
	// scm-uni says the same where ?d is one's own; of a class of others it may not
	// be said that it is below ?c, but what ?c consists of is said of ?c.
	{"cls-uni", "?c owl:unionOf ?l . in(?l ?d) . ?y rdf:type ?d => ?y rdf:type ?c"},
	{"cls-svf1", "?r owl:someValuesFrom ?c . ?r owl:onProperty ?p . ?u ?p ?v . ?v rdf:type ?c => ?u rdf:type ?r"},
	{"cls-svf2", "?r owl:someValuesFrom owl:Thing . ?r owl:onProperty ?p . ?u ?p ?v => ?u rdf:type ?r"},
	{"cls-avf", "?r owl:allValuesFrom ?c . ?r owl:onProperty ?p . ?u rdf:type ?r . ?u ?p ?v => ?v rdf:type ?c"},
	{"cls-hv1", "?r owl:hasValue ?y . ?r owl:onProperty ?p . ?u rdf:type ?r => ?u ?p ?y"},
	{"cls-hv2", "?r owl:hasValue ?y . ?r owl:onProperty ?p . ?u ?p ?y => ?u rdf:type ?r"},
	{"cls-maxc2", "?r owl:maxCardinality ?n . one(?n) . ?r owl:onProperty ?p . ?u rdf:type ?r . ?u ?p ?y . ?u ?p ?z . neq(?y ?z) => ?y owl:sameAs ?z"},
	{"cls-maxqc3", "?r owl:maxQualifiedCardinality ?n . one(?n) . ?r owl:onProperty ?p . ?r owl:onClass ?c . ?u rdf:type ?r . ?u ?p ?y . ?y rdf:type ?c . ?u ?p ?z . ?z rdf:type ?c . neq(?y ?z) => ?y owl:sameAs ?z"},
	{"cls-maxqc4", "?r owl:maxQualifiedCardinality ?n . one(?n) . ?r owl:onProperty ?p . ?r owl:onClass owl:Thing . ?u rdf:type ?r . ?u ?p ?y . ?u ?p ?z . neq(?y ?z) => ?y owl:sameAs ?z"},
	{"cls-oo", "?c owl:oneOf ?l . in(?l ?y) => ?y rdf:type ?c"},

	// Table 7: class axioms.
	{"cax-sco", "?c rdfs:subClassOf ?d . ?x rdf:type ?c . neq(?c ?d) => ?x rdf:type ?d"},

	// Table 8: datatypes. used says that the schema names the datatype, so
	// that not every literal needs a type; within(?l ?d) that the value of ?l is
	// one of the datatype's, which need not be that of ?l; alias(?l ?v) that ?v is the
	// canonical form of ?l and another term.
	{"dt-type2", "used(?d) . ?x ?p ?l . within(?l ?d) => ?l rdf:type ?d"},
	{"dt-type2 used", "?p rdfs:range ?d . datatype(?d) => used(?d)"},
	{"dt-type2 used", "?r owl:someValuesFrom ?d . datatype(?d) => used(?d)"},
	{"dt-type2 used", "?r owl:allValuesFrom ?d . datatype(?d) => used(?d)"},
	{"dt-type2 used", "?r owl:equivalentClass ?d . datatype(?d) => used(?d)"},
	{"dt-eq alias", "?x ?p ?l . canonical(?l ?v) => alias(?l ?v)"},
	{"dt-eq", "alias(?l ?v) . ?x ?p ?v => ?l owl:sameAs ?v"},
	{"dt-eq", "alias(?l ?v) . alias(?m ?v) . neq(?l ?m) => ?l owl:sameAs ?m"},

	// Table 9: schema vocabulary.
	{"scm-sco", "?c rdfs:subClassOf ?d . ?d rdfs:subClassOf ?e => ?c rdfs:subClassOf ?e"},
	{"scm-eqc1", "?c owl:equivalentClass ?d => ?c rdfs:subClassOf ?d . ?d rdfs:subClassOf ?c"},
	{"scm-eqc2", "?c rdfs:subClassOf ?d . ?d rdfs:subClassOf ?c => ?c owl:equivalentClass ?d"},
	{"scm-spo", "?p rdfs:subPropertyOf ?q . ?q rdfs:subPropertyOf ?r => ?p rdfs:subPropertyOf ?r"},
	{"scm-eqp1", "?p owl:equivalentProperty ?q => ?p rdfs:subPropertyOf ?q . ?q rdfs:subPropertyOf ?p"},
	{"scm-eqp2", "?p rdfs:subPropertyOf ?q . ?q rdfs:subPropertyOf ?p => ?p owl:equivalentProperty ?q"},
	{"scm-dom1", "?p rdfs:domain ?c . ?c rdfs:subClassOf ?d => ?p rdfs:domain ?d"},
	{"scm-dom2", "?q rdfs:domain ?c . ?p rdfs:subPropertyOf ?q => ?p rdfs:domain ?c"},
	{"scm-rng1", "?p rdfs:range ?c . ?c rdfs:subClassOf ?d => ?p rdfs:range ?d"},
	{"scm-rng2", "?q rdfs:range ?c . ?p rdfs:subPropertyOf ?q => ?p rdfs:range ?c"},
	{"scm-hv", "?r owl:hasValue ?i . ?r owl:onProperty ?p . ?t owl:hasValue ?i . ?t owl:onProperty ?q . ?p rdfs:subPropertyOf ?q => ?r rdfs:subClassOf ?t"},
	{"scm-svf1", "?r owl:someValuesFrom ?c . ?r owl:onProperty ?p . ?t owl:someValuesFrom ?d . ?t owl:onProperty ?p . ?c rdfs:subClassOf ?d => ?r rdfs:subClassOf ?t"},
	{"scm-svf2", "?r owl:someValuesFrom ?c . ?r owl:onProperty ?p . ?t owl:someValuesFrom ?c . ?t owl:onProperty ?q . ?p rdfs:subPropertyOf ?q => ?r rdfs:subClassOf ?t"},
	{"scm-avf1", "?r owl:allValuesFrom ?c . ?r owl:onProperty ?p . ?t owl:allValuesFrom ?d . ?t owl:onProperty ?p . ?c rdfs:subClassOf ?d => ?r rdfs:subClassOf ?t"},
	{"scm-avf2", "?r owl:allValuesFrom ?c . ?r owl:onProperty ?p . ?t owl:allValuesFrom ?c . ?t owl:onProperty ?q . ?p rdfs:subPropertyOf ?q => ?t rdfs:subClassOf ?r"},
	{"scm-int", "?c owl:intersectionOf ?l . in(?l ?d) => ?c rdfs:subClassOf ?d"},
	{"scm-uni", "?c owl:unionOf ?l . in(?l ?d) => ?d rdfs:subClassOf ?c"},

	// in(?l ?x): ?x is in the list ?l, one of those that a rule asks about.
	{"list", "?c owl:intersectionOf ?l => cell(?l ?l)"},
	{"list", "?c owl:unionOf ?l => cell(?l ?l)"},
	{"list", "?c owl:oneOf ?l => cell(?l ?l)"},
	{"list", "?x owl:members ?l => cell(?l ?l)"},
	{"list", "?x owl:distinctMembers ?l => cell(?l ?l)"},
	{"list", "cell(?l ?c) . ?c rdf:rest ?d => cell(?l ?d)"},
	{"list", "cell(?l ?c) . ?c rdf:first ?x => in(?l ?x)"},
}

// owlImplied are the rules of the tables that the others make superfluous.
// They are not compiled; tests prove that they add nothing.
var owlImplied = []rule{
	{"prp-eqp1", "?p owl:equivalentProperty ?q . ?x ?p ?y => ?x ?q ?y"},
	{"prp-eqp2", "?p owl:equivalentProperty ?q . ?x ?q ?y => ?x ?p ?y"},
	{"cls-int2", "?c owl:intersectionOf ?l . in(?l ?d) . ?y rdf:type ?c => ?y rdf:type ?d"},
	{"cax-eqc1", "?c owl:equivalentClass ?d . ?x rdf:type ?c => ?x rdf:type ?d"},
	{"cax-eqc2", "?c owl:equivalentClass ?d . ?x rdf:type ?d => ?x rdf:type ?c"},
}

// owlTrivial are the rules of the tables that say what everybody knows. prp-ap,
// cls-thing, cls-nothing1 and dt-type1 have no body and are axioms (axioms.go).
var owlTrivial = []rule{
	{"eq-ref", "?s ?p ?o => ?s owl:sameAs ?s . ?p owl:sameAs ?p . ?o owl:sameAs ?o"},
	{"scm-cls", "?c rdf:type owl:Class => ?c rdfs:subClassOf ?c . ?c owl:equivalentClass ?c . ?c rdfs:subClassOf owl:Thing . owl:Nothing rdfs:subClassOf ?c"},
	{"scm-op", "?p rdf:type owl:ObjectProperty => ?p rdfs:subPropertyOf ?p . ?p owl:equivalentProperty ?p"},
	{"scm-dp", "?p rdf:type owl:DatatypeProperty => ?p rdfs:subPropertyOf ?p . ?p owl:equivalentProperty ?p"},
}

// falseRules find contradictions. They are asked when someone wants to know,
// not at each change.
var falseRules = []rule{
	{"eq-diff1", "?x owl:sameAs ?y . ?x owl:differentFrom ?y => false"},
	{"eq-diff1", "?x owl:differentFrom ?x => false"}, // with eq-ref
	{"eq-diff2", "?x rdf:type owl:AllDifferent . ?x owl:members ?l . in(?l ?y) . in(?l ?z) . ?y owl:sameAs ?z . neq(?y ?z) => false"},
	{"eq-diff2", "?x rdf:type owl:AllDifferent . ?x owl:members ?l . cell(?l ?c) . cell(?l ?d) . neq(?c ?d) . ?c rdf:first ?y . ?d rdf:first ?y => false"},
	{"eq-diff3", "?x rdf:type owl:AllDifferent . ?x owl:distinctMembers ?l . in(?l ?y) . in(?l ?z) . ?y owl:sameAs ?z . neq(?y ?z) => false"},
	{"eq-diff3", "?x rdf:type owl:AllDifferent . ?x owl:distinctMembers ?l . cell(?l ?c) . cell(?l ?d) . neq(?c ?d) . ?c rdf:first ?y . ?d rdf:first ?y => false"},
	{"prp-irp", "?p rdf:type owl:IrreflexiveProperty . ?x ?p ?x => false"},
	{"prp-asyp", "?p rdf:type owl:AsymmetricProperty . ?x ?p ?y . ?y ?p ?x => false"},
	{"prp-pdw", "?p owl:propertyDisjointWith ?q . ?x ?p ?y . ?x ?q ?y => false"},
	{"prp-adp", "?a rdf:type owl:AllDisjointProperties . ?a owl:members ?l . cell(?l ?c) . cell(?l ?d) . neq(?c ?d) . ?c rdf:first ?p . ?d rdf:first ?q . ?x ?p ?y . ?x ?q ?y => false"},
	{"prp-npa1", "?a owl:sourceIndividual ?x . ?a owl:assertionProperty ?p . ?a owl:targetIndividual ?y . ?x ?p ?y => false"},
	{"prp-npa2", "?a owl:sourceIndividual ?x . ?a owl:assertionProperty ?p . ?a owl:targetValue ?y . ?x ?p ?y => false"},
	{"cls-nothing2", "?x rdf:type owl:Nothing => false"},
	{"cls-com", "?c owl:complementOf ?d . ?x rdf:type ?c . ?x rdf:type ?d => false"},
	{"cls-maxc1", "?r owl:maxCardinality ?n . zero(?n) . ?r owl:onProperty ?p . ?u rdf:type ?r . ?u ?p ?y => false"},
	{"cls-maxqc1", "?r owl:maxQualifiedCardinality ?n . zero(?n) . ?r owl:onProperty ?p . ?r owl:onClass ?c . ?u rdf:type ?r . ?u ?p ?y . ?y rdf:type ?c => false"},
	{"cls-maxqc2", "?r owl:maxQualifiedCardinality ?n . zero(?n) . ?r owl:onProperty ?p . ?r owl:onClass owl:Thing . ?u rdf:type ?r . ?u ?p ?y => false"},
	{"cax-dw", "?c owl:disjointWith ?d . ?x rdf:type ?c . ?x rdf:type ?d => false"},
	{"cax-adc", "?a rdf:type owl:AllDisjointClasses . ?a owl:members ?l . cell(?l ?c) . cell(?l ?d) . neq(?c ?d) . ?c rdf:first ?e . ?d rdf:first ?f . ?x rdf:type ?e . ?x rdf:type ?f => false"},
	{"dt-diff", "?x owl:sameAs ?y . differ(?x ?y) => false"},
	{"dt-not-type", "?x rdf:type ?d . illtyped(?x ?d) => false"},
}

// literalRules find literals that are outside the value space of their own
// datatype; in RDFS, of the range of their property too.
var literalRules = []rule{
	{"dt-not-type", "?x ?p ?l . malformed(?l) => false"},
	{"rdfs3", "?p rdfs:range ?d . ?x ?p ?l . illtyped(?l ?d) => false"},
}
