package model

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

// role is what a subject is in the modelling language.
type role uint8

const (
	noRole role = iota
	kindRole
	abstractRole
	valueRole
	enumRole
	memberRole
	scalarRole
	addressRole
	inferredRole
	axiomRole // a field's property, with an axiom about it
	operationRole
	viewRole
	ruleRole
	eventRole
	assignmentRole
	lifecycleRole
	messageRole
	shapeRole
	vocabularyRole // pm: itself, and list cells and alternatives
)

var roles = map[string]role{
	base.Meta + "Kind": kindRole, base.Meta + "Abstract": abstractRole, base.Meta + "Value": valueRole,
	base.Meta + "Enumeration": enumRole, base.Meta + "Scalar": scalarRole, base.Meta + "Address": addressRole,
	base.Meta + "Inferred":  inferredRole,
	base.Meta + "Operation": operationRole, base.Meta + "View": viewRole, base.Meta + "Rule": ruleRole,
	base.Meta + "Event": eventRole, base.Meta + "Assignment": assignmentRole,
	base.Meta + "Lifecycle": lifecycleRole, base.Meta + "Message": messageRole,
}

// predicates outside pm: that an ontology may use.
var predicates = map[string]bool{
	base.RDFType: true, base.RDFFirst: true, base.RDFRest: true,
	base.RDFSLabel: true, base.RDFSComment: true, subClassOf: true, subPropertyOf: true, inverseOf: true,
	nsSH + "property": true, nsSH + "path": true, nsSH + "order": true, nsSH + "description": true,
	nsSH + "node": true, nsSH + "class": true, nsSH + "datatype": true, nsSH + "nodeKind": true,
	nsSH + "minCount": true, nsSH + "maxCount": true, nsSH + "minInclusive": true, nsSH + "maxInclusive": true,
	nsSH + "minLength": true, nsSH + "maxLength": true, nsSH + "pattern": true, nsSH + "defaultValue": true,
	nsSH + "xone": true, nsSH + "or": true,
}

// refused are predicates that people reach for and what to do instead.
var refused = map[string]string{
	base.RDFS + "domain":    "shapes say what is allowed and infer nothing; remove it, the class's sh:property says the same",
	base.RDFS + "range":     "shapes say what is allowed and infer nothing; remove it, the shape's sh:node or sh:class says the same",
	nsSH + "message":        "messages are composed from constraint, field and unit; remove it",
	nsSH + "closed":         "the generated document shapes are closed; remove it",
	nsSH + "targetClass":    "a class is its own shape; remove it",
	nsSH + "name":           `use pm:name`,
	nsSH + "in":             "make it a pm:Enumeration and use sh:class",
	nsSH + "minExclusive":   "use sh:minInclusive",
	nsSH + "maxExclusive":   "use sh:maxInclusive",
	nsSH + "qualifiedShape": "state the rule as a pm:Rule",
	nsSH + "sparql":         "state the rule as a pm:Rule",
}

// assignRoles finds out what each subject is.
func (b *builder) assignRoles() {
	for _, n := range b.subjects {
		var found []string
		for _, o := range n.said[base.RDFType] {
			if r, ok := roles[o.Value]; ok {
				found = append(found, b.term(o.Value))
				n.role = r
			}
		}
		if len(found) > 1 {
			b.add(n.place(base.RDFType), "%s is both %s; a thing is one of them", b.term(n.iri), strings.Join(found, " and "))
		}
		switch {
		case n.role != noRole:
		case len(n.said[nsSH+"path"]) > 0 && !strings.HasPrefix(n.iri, "_:"):
			n.role = shapeRole
		case len(n.said[subPropertyOf]) > 0:
			n.role = axiomRole
		case strings.HasPrefix(n.iri, "_:"), strings.HasPrefix(n.iri, base.Meta):
			n.role = vocabularyRole
		}
	}
	for _, n := range b.subjects {
		for _, o := range n.said[base.RDFType] {
			if of := b.nodes[o.Value]; n.role == noRole && of != nil && of.role == enumRole {
				n.role = memberRole
			}
		}
		if n.role == noRole {
			b.add(n.at, "%s is nothing that the modelling language knows; give it a type, e.g. \"a pm:Value\", or a path, e.g. \"sh:path pc:%s\"",
				b.term(n.iri), lowerFirst(local(n.iri)))
		}
	}
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// checkVocabulary looks at every statement: is the predicate one of the
// language, does it apply here, is every pm: term known?
func (b *builder) checkVocabulary() {
	meta := b.metaTerms()
	for _, n := range b.subjects {
		for _, p := range n.order {
			b.checkPredicate(n, p, meta)
			for _, o := range n.said[p] {
				if o.Kind == base.IRITerm && strings.HasPrefix(o.Value, base.Meta) && !meta[o.Value] {
					b.add(o.at, "unknown term %s%s", b.term(o.Value), b.nearTerm(o.Value, meta, unicode.IsUpper))
				}
			}
		}
	}
}

func (b *builder) metaTerms() map[string]bool {
	terms := map[string]bool{}
	for iri, n := range b.nodes {
		if strings.HasPrefix(iri, base.Meta) && (len(n.said[base.RDFType]) > 0 || len(n.said[base.RDFSLabel]) > 0) {
			terms[iri] = true
		}
	}
	return terms
}

// nearTerm suggests what can stand in the same position: the names of
// properties begin with a small letter, those of classes and things with a
// capital.
func (b *builder) nearTerm(iri string, known map[string]bool, first func(rune) bool) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if letter, _ := utf8.DecodeRuneInString(local(k)); first(letter) {
			words = append(words, b.term(k))
		}
	}
	return near(b.term(iri), words)
}

func (b *builder) checkPredicate(n *node, p string, meta map[string]bool) {
	at := n.said[p][0].predicate
	instead, isRefused := refused[p]
	switch {
	case isRefused:
		b.add(at, "%s has %s: %s", b.name(n), b.term(p), instead)
	case strings.HasPrefix(p, base.Meta) && !meta[p]:
		b.add(at, "unknown term %s%s", b.term(p), b.nearTerm(p, meta, unicode.IsLower))
	case strings.HasPrefix(p, base.Meta):
		b.checkApplies(n, p)
	case !predicates[p]:
		b.add(at, "%s has %s, which the modelling language does not use%s", b.name(n), b.term(p), b.nearTerm(p, predicates, unicode.IsLower))
	}
}

// checkApplies demands that a pm: property is used where pm:appliesTo says.
func (b *builder) checkApplies(n *node, p string) {
	allowed := b.nodes[p].said[base.Meta+"appliesTo"]
	if len(allowed) == 0 || n.role == vocabularyRole && strings.HasPrefix(n.iri, "_:") {
		return
	}
	is := map[string]bool{}
	for _, t := range n.said[base.RDFType] {
		is[t.Value] = true
		if class := b.nodes[t.Value]; class != nil {
			for _, tt := range class.said[base.RDFType] {
				is[tt.Value] = true
			}
		}
	}
	if n.role == shapeRole {
		is[nsSH+"PropertyShape"] = true
	}
	var names []string
	for _, a := range allowed {
		if is[a.Value] {
			return
		}
		names = append(names, b.term(a.Value))
	}
	b.add(n.said[p][0].predicate, "%s does not apply to %s; it is for %s", b.term(p), b.name(n), strings.Join(names, " and "))
}

// sentence reads the comment that output shows to people.
func (b *builder) sentence(n *node, predicate string) string {
	text := b.text(n, predicate)
	switch {
	case text == "":
		b.add(n.at, "%s has no %s; add one sentence, e.g. '%s \"What it is for.\"@en'", b.name(n), b.term(predicate), b.term(predicate))
	case !strings.HasSuffix(text, "."):
		b.add(n.place(predicate), "%s of %s is not a sentence; end it with a full stop", b.term(predicate), b.name(n))
	case strings.ContainsAny(text, "\n\r\t"):
		b.add(n.place(predicate), "%s of %s has more than one line; write one", b.term(predicate), b.name(n))
	}
	return text
}
