package model

import (
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/load"
)

// claim is a name and who has it.
type claim struct {
	who string
	at  load.Place
}

// names is one space of names that are unique without regard to case.
type names struct {
	b     *builder
	what  string
	taken map[string]claim
}

func (b *builder) names(what string) *names { return &names{b, what, map[string]claim{}} }

func (s *names) take(name, who string, at load.Place) {
	if name == "" {
		return
	}
	lower := strings.ToLower(name)
	if other, ok := s.taken[lower]; ok {
		if other.who != who {
			s.b.add(at, "%s %q of %s is that of %s at %s; names are unique without regard to case, choose another", s.what, name, who, other.who, other.at)
		}
		return
	}
	s.taken[lower] = claim{who, at}
}

// uniqueNames demands that no two things are called the same.
func (b *builder) uniqueNames() {
	types, properties := b.names("name"), b.names("name")
	words, segments := b.names("word"), b.names("segment")
	for _, n := range b.subjects {
		switch n.role {
		case kindRole, abstractRole, valueRole, enumRole, memberRole, scalarRole, lifecycleRole:
			if !strings.HasPrefix(n.iri, base.Meta) {
				types.take(local(n.iri), b.term(n.iri), n.at)
			}
		case addressRole, inferredRole:
			properties.take(local(n.iri), b.term(n.iri), n.at)
		case shapeRole:
			if s := b.shapes[n.iri]; s != nil {
				properties.take(local(s.field.IRI), b.term(s.field.IRI), n.at)
			}
		}
	}
	for _, e := range b.model.EventTypes {
		types.take(e.Name, "event "+b.term(e.IRI), b.nodeOf(e.Class).at)
	}
	for _, e := range b.model.Events {
		types.take(e.Name, "event "+b.term(e.IRI), b.nodeOf(e.Kind).at)
	}
	for _, c := range b.classList {
		words.take(c.c.Word, b.term(c.n.iri), c.n.at)
		words.take(c.c.Plural, b.term(c.n.iri), c.n.at)
		segments.take(c.c.Segment, b.term(c.n.iri), c.n.place(base.Meta+"segment"))
	}
}

func (b *builder) nodeOf(class string) *node { return b.valueNamed(class).n }

// reserved demands that segments, operations and views keep clear of words
// that are taken at their level.
func (b *builder) reserved() {
	words := func(iri string) (all []string) {
		if n := b.nodes[iri]; n != nil {
			for _, o := range n.said[base.Meta+"reserved"] {
				all = append(all, o.Value)
			}
		}
		slices.Sort(all)
		return all
	}
	cluster, product := words(base.Meta+"Cluster"), words(base.Meta+"Product")
	for _, c := range b.classList {
		if !c.c.Kind || c.c.Segment == "" {
			continue
		}
		for _, scope := range []struct {
			in    bool
			name  string
			words []string
		}{{c.c.InCluster, "pm:Cluster", cluster}, {c.c.InProduct, "pm:Product", product}} {
			if scope.in && slices.Contains(scope.words, c.c.Segment) {
				b.add(c.n.place(base.Meta+"segment"), "segment %q of %s is reserved in %s (%s); choose another",
					c.c.Segment, b.term(c.n.iri), scope.name, strings.Join(scope.words, ", "))
			}
		}
	}
	taken := words(rootClass)
	for _, n := range b.subjects {
		if n.role != operationRole && n.role != viewRole {
			continue
		}
		if path := b.text(n, base.Meta+"path"); slices.Contains(taken, path) {
			b.add(n.place(base.Meta+"path"), "path %q of %s is reserved below every resource (%s); choose another",
				path, b.term(n.iri), strings.Join(taken, ", "))
		}
	}
}
