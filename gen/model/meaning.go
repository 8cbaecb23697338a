package model

import (
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// resolveMaps turns the properties of keys and values into field names and
// checks that they can be such.
func (b *builder) resolveMaps() {
	keys := map[string]*shape{} // value class → the first map of it
	for _, s := range b.shapesInOrder() {
		f := s.field
		if f.Form != base.Map {
			continue
		}
		object := b.valueNamed(f.Object)
		key, value := object.c.FieldOfIRI(f.Key), object.c.FieldOfIRI(f.Value)
		at := s.n.place(base.Meta + "key")
		switch {
		case key == nil:
			b.add(at, "pm:key %s of %s is no field of %s; name one of its properties", b.term(f.Key), b.name(s.n), f.Object)
		case key.Form != base.Single || !key.Required || key.Type != base.TypeString && (key.Type != base.TypeRef || key.Target == ""):
			b.add(at, "pm:key %s of %s must be one required string or reference; change %s", b.term(f.Key), b.name(s.n), b.term(key.Shape))
		default:
			f.Key = key.Name
		}
		if f.Value != "" {
			b.mapOfScalar(s, object, value)
		}
		if first := keys[f.Object]; first == nil {
			keys[f.Object] = s
		} else if first.field.Key != f.Key || (first.field.Value == "") != (f.Value == "") {
			b.add(at, "%s keeps %s by another key or value than %s; use one way for one value class", b.name(s.n), f.Object, b.term(first.n.iri))
		}
	}
	for _, s := range b.shapesInOrder() {
		if first := keys[s.field.Object]; first != nil && s.field.Form == base.Single && s.field.Object != "" {
			b.add(s.n.at, "%s holds one %s, which is an entry of the map %s; make a value class of its own", b.name(s.n), s.field.Object, b.term(first.n.iri))
		}
	}
}

func (b *builder) mapOfScalar(s *shape, object *class, value *base.Field) {
	f, at := s.field, s.n.place(base.Meta+"valueField")
	simple := value != nil && value.Form == base.Single && value.Required && value.Type != base.TypeObject
	switch {
	case value == nil:
		b.add(at, "pm:valueField %s of %s is no field of %s; name one of its properties", b.term(f.Value), b.name(s.n), f.Object)
	case !simple || len(object.c.Fields) != 2:
		b.add(at, "%s is a map of one scalar, so %s must have its key and one required scalar and nothing else", b.name(s.n), f.Object)
	case value.Sensitive != f.Sensitive:
		b.add(at, "%s and its value %s must both be pm:sensitive or neither", b.name(s.n), b.term(value.Shape))
	default:
		f.Value = value.Name
	}
}

func (b *builder) valueNamed(name string) *class {
	for _, c := range b.classList {
		if c.c.Name == name {
			return c
		}
	}
	return nil
}

// shapesInOrder are all property shapes in the order of the files.
func (b *builder) shapesInOrder() (all []*shape) {
	for _, n := range b.subjects {
		if s := b.shapes[n.iri]; s != nil {
			all = append(all, s)
		}
	}
	return all
}

// oneMeaning demands that all shapes with the same property mean the same.
func (b *builder) oneMeaning() {
	first := map[string]*shape{}
	for _, s := range b.shapesInOrder() {
		f := s.field
		if f.Object == "" && f.Enum == "" && f.Target == "" && f.Scalar == "" {
			continue // its type is a problem already
		}
		other := first[f.IRI]
		if other == nil {
			first[f.IRI] = s
			continue
		}
		here, there := b.describe(f), b.describe(other.field)
		if here == there || b.narrowsTarget(s, other) {
			continue
		}
		b.add(s.n.at, "property %s holds %s here and %s at %s; use another property and keep the word with 'pm:name \"%s\"'",
			b.term(f.IRI), here, there, other.n.at, f.Name)
	}
}

func (b *builder) describe(f *base.Field) string {
	datatype := ""
	if s := b.scalarNamed(f.Scalar); s != nil {
		datatype = s.Datatype
	}
	return describe(f, datatype)
}

// narrowsTarget: a class may refer to a narrower class than the one that it
// inherits the field from.
func (b *builder) narrowsTarget(s, other *shape) bool {
	if s.field.Type != base.TypeRef || other.field.Type != base.TypeRef || s.field.Form != other.field.Form {
		return false
	}
	inherits := func(x, y *shape) bool {
		target := b.valueNamed(x.field.Target)
		return target != nil && slices.Contains(x.class.c.Supers, y.class.c.Name) && slices.Contains(target.c.Supers, y.field.Target)
	}
	return inherits(s, other) || inherits(other, s)
}

// unused finds value classes and enumerations that nothing refers to.
func (b *builder) unused() {
	used := map[string]bool{"Phase": true, "ErrorCode": true}
	for _, s := range b.shapes {
		used[s.field.Object], used[s.field.Enum] = true, true
	}
	for _, o := range b.model.Operations {
		used[o.Input] = true
	}
	for _, n := range b.subjects {
		if (n.role == valueRole || n.role == enumRole) && !used[local(n.iri)] {
			b.add(n.at, "nothing uses %s; refer to it by sh:class or remove it", b.term(n.iri))
		}
	}
}

// circles finds references that lead from kind to kind and back without
// pm:acyclic, and value classes inside themselves.
func (b *builder) circles() {
	g := &graph{b: b, state: map[string]int{}}
	for _, c := range b.classList {
		if c.n.role == valueRole {
			g.values(c.c.Name)
		}
	}
	if g.found {
		return // the graph of kinds has no end then
	}
	g.state = map[string]int{}
	for _, c := range b.classList {
		if c.c.Kind {
			g.kinds(c.c.Name)
		}
	}
}

// graph is a depth-first walk; state 1 is on the path, 2 is done.
type graph struct {
	b     *builder
	state map[string]int
	path  []string
	found bool
}

func (g *graph) values(name string) {
	g.state[name] = 1
	g.path = append(g.path, name)
	for _, f := range g.b.valueNamed(name).c.Fields {
		switch {
		case f.Object == "" || g.b.valueNamed(f.Object) == nil:
		case g.state[f.Object] == 1:
			g.found = true
			g.b.add(g.b.nodes[f.Shape].at, "%s puts %s inside itself; nest by references instead", g.b.name(g.b.nodes[f.Shape]), f.Object)
		case g.state[f.Object] == 0:
			g.values(f.Object)
		}
	}
	g.path = g.path[:len(g.path)-1]
	g.state[name] = 2
}

func (g *graph) kinds(name string) {
	g.state[name] = 1
	g.path = append(g.path, name)
	g.follow(g.b.valueNamed(name).c)
	g.path = g.path[:len(g.path)-1]
	g.state[name] = 2
}

func (g *graph) follow(c *base.Class) {
	for _, f := range c.Fields {
		if f.Observed || f.Acyclic {
			continue
		}
		if f.Object != "" {
			if object := g.b.valueNamed(f.Object); object != nil {
				g.follow(object.c)
			}
			continue
		}
		target := g.b.valueNamed(f.Target)
		if target == nil {
			continue
		}
		for _, kind := range target.c.Kinds {
			switch g.state[kind] {
			case 1:
				from := g.path
				for from[0] != kind {
					from = from[1:]
				}
				n := g.b.nodes[f.Shape]
				g.b.add(n.at, "%s closes a circle of references: %s → %s; add \"pm:acyclic true\" to one of them", g.b.name(n), strings.Join(from, " → "), kind)
			case 0:
				g.kinds(kind)
			}
		}
	}
}
