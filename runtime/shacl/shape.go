package shacl

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Shapes are shapes that were found well formed. They never change.
type Shapes struct {
	// Notices say what in the shapes has no effect here: constraints of
	// SHACL-SPARQL, and words of the namespace of SHACL that it does not have.
	Notices Problems

	all      []*shape
	terms    []base.Term // that shapes name; a run finds their ids once
	prefixes []rdf.Prefix
	rdfType  int   // rdf:type among the terms
	below    *path // rdfs:subClassOf*
}

// Len is the number of shapes.
func (s *Shapes) Len() int { return len(s.all) }

func (s *Shapes) name(one *shape) string {
	if one.node.Kind == base.BlankTerm && one.path != nil {
		return "the shape of " + one.path.text(shortener(s.prefixes))
	}
	return show(one.node, s.prefixes)
}

// shape is a node shape, or with a path a property shape (section 2.1).
type shape struct {
	index       int // among all
	node        base.Term
	path        *path
	severity    base.Term
	messages    []base.Term
	deactivated bool
	targets     []target
	constraints []constraint
	properties  []*shape // of sh:property, for sh:closed and siblings
	qualified   *shape   // of sh:qualifiedValueShape
	refers      []*shape // what its constraints ask
	composite   bool     // it asks other shapes
	recursive   bool     // following what it asks may lead into a circle
}

type targetKind uint8

const (
	targetNode targetKind = iota
	targetClass
	targetSubjectsOf
	targetObjectsOf
)

type target struct {
	kind targetKind
	term int
}

// constraint is one constraint component with its parameters (section 4).
type constraint interface {
	// component is the name without "ConstraintComponent".
	component() string
	// check judges the value nodes of a focus node.
	check(c *check)
	// explain says of a result what was expected and how to reach it.
	explain(r *Result, w *wording) explanation
}
