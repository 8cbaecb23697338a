package node

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/ontology"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
	"github.com/picloud/picloud/runtime/state"
)

// keepLeader refuses the removal of this node. It decides, so it leads, and it
// is the only voter: without it nothing would be decided again.
func (n *Node) keepLeader(before, after *state.State, _ base.Time) error {
	if leaving(before.Get(n.self())) || !leaving(after.Get(n.self())) {
		return nil
	}
	return &base.Error{
		Code: base.Conflict, Ref: n.self(),
		Detail: fmt.Sprintf("%s leads the cluster and is its only voter; without it nothing could be decided again", n.self()),
	}
}

// leaving reports a node that is gone or on its way out.
func leaving(r domain.Resource) bool { return r == nil || r.Common().Phase == domain.PhaseDeleting }

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
