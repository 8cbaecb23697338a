package model

import (
	"cmp"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/load"
)

// Build checks an ontology and makes the model of it. Its error is of type
// load.Problems and holds every problem, sorted by place; there is no model
// then.
func Build(source *load.Ontology) (*Model, error) {
	b := &builder{
		source: source,
		nodes:  map[string]*node{}, scalars: map[string]*base.Scalar{}, enums: map[string]*base.Enum{},
		classes: map[string]*class{}, shapes: map[string]*shape{}, phases: map[string]string{},
		model: &Model{Origins: map[string]string{}, Source: source},
	}
	b.index()
	b.assignRoles()
	b.checkVocabulary()
	b.readScalars()
	b.readEnums()
	b.foundations()
	b.readClasses()
	b.resolveMaps()
	b.oneMeaning()
	b.circles()
	b.axioms()
	b.lifecycles()
	b.operations()
	b.unused()
	b.uniqueNames()
	b.reserved()
	if err := b.problems.Sorted().Err(); err != nil {
		return nil, err
	}
	return b.finish(), nil
}

// foundations demands the classes that the language itself refers to.
func (b *builder) foundations() {
	for _, f := range []struct {
		iri, what string
		role      role
	}{{rootClass, "pm:Abstract", abstractRole}, {eventClass, "pm:Abstract", abstractRole}, {phaseEnum, "pm:Enumeration", enumRole}} {
		if n := b.nodes[f.iri]; n == nil || n.role != f.role {
			b.add(load.Place{File: "core.ttl", Line: 1, Column: 1}, "there is no %s, on which all kinds stand; describe it: \"%s a %s\"", b.term(f.iri), b.term(f.iri), f.what)
		}
	}
}

// finish puts everything in the order that output keeps.
func (b *builder) finish() *Model {
	m := b.model
	var classes []*base.Class
	for _, c := range b.classList {
		if c.n.iri == eventClass {
			m.Envelope = c.c.Fields
			continue
		}
		classes = append(classes, c.c)
	}
	for _, n := range b.subjects {
		if n.role == addressRole || n.role == inferredRole {
			m.Properties = append(m.Properties, Property{local(n.iri), n.iri, b.text(n, base.RDFSLabel), b.text(n, base.RDFSComment)})
		}
	}
	slices.SortFunc(classes, func(x, y *base.Class) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(b.enumList, func(x, y *base.Enum) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(b.scalarList, func(x, y *base.Scalar) int { return cmp.Compare(x.Name, y.Name) })
	m.Model = base.NewModel(classes, b.enumList, b.scalarList)
	slices.SortStableFunc(m.Events, func(x, y *Event) int { return cmp.Compare(x.Kind, y.Kind) })
	slices.SortStableFunc(m.EventTypes, func(x, y *EventClass) int { return cmp.Compare(x.Class, y.Class) })
	slices.SortFunc(m.Rules, func(x, y *Rule) int { return cmp.Compare(x.Name, y.Name) })
	return m
}
