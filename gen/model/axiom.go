package model

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// ruled are the classes of OWL of whose properties the platform's reasoner
// knows what follows.
var ruled = map[string]bool{nsOWL + "TransitiveProperty": true, nsOWL + "SymmetricProperty": true}

// axioms checks what is said about properties for the reasoner. Only inferred
// properties get facts by it: what a field says is what was declared.
func (b *builder) axioms() {
	fields := map[string]bool{}
	for _, s := range b.shapes {
		fields[s.field.IRI] = true
	}
	reached := map[string]bool{}
	for _, n := range b.subjects {
		for _, o := range n.said[subPropertyOf] {
			reached[o.Value] = true
			if of := b.nodes[o.Value]; of == nil || of.role != inferredRole {
				b.add(o.at, "%s is below %s, which is not inferred; give that one the type pm:Inferred", b.term(n.iri), b.show(o))
			}
			if n.role != inferredRole && !fields[n.iri] {
				b.add(n.at, "%s is no property of a field; a property that is below another is one, or is inferred itself", b.term(n.iri))
			}
		}
	}
	for _, n := range b.subjects {
		for _, o := range n.said[inverseOf] {
			if n.role != inferredRole {
				b.add(o.predicate, "%s has owl:inverseOf, which is for a pm:Inferred; say it of the inferred one of the two", b.name(n))
			}
			if !fields[o.Value] {
				b.add(o.at, "%s is the inverse of %s, which is no property of a field", b.term(n.iri), b.show(o))
			}
		}
		for _, o := range n.said[base.RDFType] {
			if strings.HasPrefix(o.Value, nsOWL) && (n.role != inferredRole || !ruled[o.Value]) {
				b.add(o.at, "%s is %s; only inferred properties are owl:TransitiveProperty or owl:SymmetricProperty", b.term(n.iri), b.show(o))
			}
		}
		if n.role != inferredRole {
			continue
		}
		b.sentence(n, base.RDFSComment)
		if len(n.said[inverseOf]) == 0 && !reached[n.iri] {
			b.add(n.at, "nothing leads to %s; give it an owl:inverseOf, or say that a property is rdfs:subPropertyOf it", b.term(n.iri))
		}
	}
}
