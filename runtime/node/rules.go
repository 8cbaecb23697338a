package node

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/ontology"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

// keepToOwnTerms refuses vocabularies and shapes that cannot be read, that say
// something about terms of others, or that are not well formed.
func (n *Node) keepToOwnTerms(c domain.Command, check *base.Check) {
	switch c := c.(type) {
	case *domain.DeclareOntology:
		n.checkTurtle(check, c.Ref, "content", "Ontology-content", c.Spec.Content)
	case *domain.DeclareDataProduct:
		n.checkTurtle(check, c.Ref, "ontology", "DataProduct-ontology", c.Spec.Ontology)
		n.checkTurtle(check, c.Ref, "shapes", "DataProduct-shapes", c.Spec.Shapes)
	case *domain.DeclareCapability:
		n.checkTurtle(check, c.Ref, "ontology", "Capability-ontology", c.Spec.Ontology)
		n.checkTurtle(check, c.Ref, "shapes", "Capability-shapes", c.Spec.Shapes)
	case *domain.DeclareDataDomain:
		n.checkTurtle(check, c.Ref, "shapes", "DataDomain-shapes", c.Spec.Shapes)
	}
}

// checkTurtle judges one field. Its places are lines of the field's text, which
// stands somewhere in a body, so they are said in the sentence.
func (n *Node) checkTurtle(check *base.Check, ref base.Ref, field, rule, turtle string) {
	text := shacl.Text{Name: field, Content: []byte(turtle), Format: rdf.Turtle, Options: rdf.Options{Base: ref.Absolute(n.Root())}}
	for _, p := range ontology.Check(text, authority(n.Root(), ref)) {
		check.Add("turtle", field, base.Ontology+rule, "Turtle about terms of its own", p.Error())
	}
}
