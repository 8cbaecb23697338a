package model

import (
	"cmp"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// class is a kind, abstract class or value class while it is read.
type class struct {
	n      *node
	c      *base.Class
	direct []*class // superclasses
	own    []*shape
}

func (b *builder) readClasses() {
	for _, n := range b.subjects {
		if n.role != kindRole && n.role != abstractRole && n.role != valueRole {
			continue
		}
		c := &class{n: n, c: &base.Class{
			Name: local(n.iri), IRI: n.iri, Label: b.label(n), Comment: b.sentence(n, base.RDFSComment),
			Kind: n.role == kindRole, Abstract: n.role == abstractRole,
			Word: b.text(n, base.Meta+"word"), UniqueName: b.boolean(n, base.Meta+"uniqueName"),
		}}
		b.origin(n, c.c.Name)
		b.classes[n.iri] = c
		b.classList = append(b.classList, c)
	}
	for _, c := range b.classList {
		b.superclasses(c)
		for _, o := range c.n.said[nsSH+"property"] {
			if s := b.readShape(c, o); s != nil {
				c.own = append(c.own, s)
			}
		}
	}
	b.orphans()
	for _, c := range b.classList {
		b.flatten(c)
	}
	for _, c := range b.classList {
		b.alternatives(c)
		switch c.n.role {
		case kindRole:
			b.kind(c)
		case valueRole:
			b.value(c)
		}
		b.checkFields(c)
	}
	for _, c := range b.classList {
		b.kindsBelow(c)
	}
}

func (b *builder) superclasses(c *class) {
	for _, o := range c.n.said[subClassOf] {
		super := b.classes[o.Value]
		switch {
		case c.n.role == valueRole:
			b.add(o.at, "value class %s has a superclass; value classes stand alone, repeat the fields", b.term(c.n.iri))
		case super == nil || super.n.role != abstractRole:
			b.add(o.at, "superclass %s of %s is no abstract class; say \"a pm:Abstract\" there or remove it%s",
				b.show(o), b.term(c.n.iri), near(b.show(o), b.classNames()))
		default:
			c.direct = append(c.direct, super)
		}
	}
	if c.n.role == kindRole && len(c.n.said[subClassOf]) == 0 {
		b.add(c.n.at, "kind %s has no superclass; add \"rdfs:subClassOf pc:Resource\"", b.term(c.n.iri))
	}
}

// orphans are property shapes that no class lists.
func (b *builder) orphans() {
	for _, n := range b.subjects {
		if n.role == shapeRole && b.shapes[n.iri] == nil && !b.listed(n.iri) {
			owner, _, _ := strings.Cut(b.term(n.iri), "-")
			b.add(n.at, "no class lists the property shape %s; add it to sh:property of %s", b.term(n.iri), owner)
		}
	}
}

func (b *builder) listed(iri string) bool {
	return slices.ContainsFunc(b.classList, func(c *class) bool {
		return slices.ContainsFunc(c.n.said[nsSH+"property"], func(o object) bool { return o.Value == iri })
	})
}

// supers are all superclasses, nearest first. A circle is a problem.
func (b *builder) supers(c *class) []*class {
	var all []*class
	for next := c.direct; len(next) > 0; {
		var above []*class
		for _, s := range next {
			if s == c {
				b.add(c.n.place(subClassOf), "%s is its own superclass; remove one rdfs:subClassOf of the circle", b.term(c.n.iri))
				return all
			}
			if !slices.Contains(all, s) {
				all = append(all, s)
				above = append(above, s.direct...)
			}
		}
		next = above
	}
	return all
}

// flatten gives a class its own fields and those of all superclasses.
func (b *builder) flatten(c *class) {
	supers := b.supers(c)
	for _, s := range supers {
		c.c.Supers = append(c.c.Supers, s.c.Name)
	}
	fields := map[string]*base.Field{} // by property
	var all []*base.Field
	for _, s := range slices.Backward(append([]*class{c}, supers...)) {
		for _, own := range s.own {
			if inherited := fields[own.field.IRI]; inherited != nil {
				b.narrowed(own, inherited)
				all = slices.DeleteFunc(all, func(f *base.Field) bool { return f == inherited })
			}
			fields[own.field.IRI] = own.field
			all = append(all, own.field)
		}
	}
	slices.SortStableFunc(all, func(x, y *base.Field) int { return cmp.Compare(x.Order, y.Order) })
	c.c.Fields = all
	if c.n.role == kindRole && len(supers) > 0 && !slices.Contains(c.c.Supers, local(rootClass)) {
		b.add(c.n.place(subClassOf), "kind %s does not descend from pc:Resource; add \"rdfs:subClassOf pc:Resource\"", b.term(c.n.iri))
	}
}

// narrowed demands that a kind only narrows what it inherits.
func (b *builder) narrowed(s *shape, inherited *base.Field) {
	f := s.field
	wider := func(what, predicate string) {
		b.add(s.n.place(predicate), "%s widens the inherited %s: %s; a class may only narrow what it inherits",
			b.name(s.n), b.term(inherited.Shape), what)
	}
	if inherited.Required && !f.Required {
		wider("it is no longer required", nsSH+"path")
	}
	if inherited.Immutable && !f.Immutable {
		wider("it is no longer immutable", nsSH+"path")
	}
	if inherited.Observed != f.Observed {
		wider("one is observed, the other is not", nsSH+"path")
	}
	if f.MaxItems > inherited.MaxItems && inherited.MaxItems > 0 || f.MinItems < inherited.MinItems {
		wider("it has other counts", nsSH+"maxCount")
	}
	if above(f.Max, inherited.Max) {
		wider("its sh:maxInclusive is greater", nsSH+"maxInclusive")
	}
	if above(inherited.Min, f.Min) {
		wider("its sh:minInclusive is less", nsSH+"minInclusive")
	}
	if f.MaxLength > inherited.MaxLength {
		wider("its sh:maxLength is greater", nsSH+"maxLength")
	}
	if f.MinLength < inherited.MinLength {
		wider("its sh:minLength is less", nsSH+"minLength")
	}
	if f.Name != inherited.Name {
		wider("it has another name", base.Meta+"name")
	}
}

func above(x, y *int64) bool { return x != nil && y != nil && *x > *y }

// checkFields looks at the fields of a class together.
func (b *builder) checkFields(c *class) {
	for i, f := range c.c.Fields {
		n := b.nodes[f.Shape]
		for _, other := range c.c.Fields[:i] {
			if strings.EqualFold(other.Name, f.Name) {
				b.add(n.at, "field %q of %s is named like that of %s; give one of them another pm:name", f.Name, c.c.Name, b.term(other.Shape))
			}
			if other.Order == f.Order && f.Order != 0 {
				b.add(n.place(nsSH+"order"), "%s has sh:order %d, which is that of %s; add e.g. \"sh:order %d\"",
					b.name(n), f.Order, b.term(other.Shape), b.freeOrder(c))
			}
		}
		if c.n.role == valueRole || c.n.iri == eventClass {
			continue
		}
		if taken := b.addressWords(); slices.Contains(taken, f.Name) {
			b.add(n.at, "field %q of %s takes a reserved word (%s); choose another property or pm:name",
				f.Name, c.c.Name, strings.Join(taken, ", "))
		}
	}
}

func (b *builder) addressWords() []string {
	words := []string{statusWord}
	for _, n := range b.subjects {
		if n.role == addressRole {
			words = append(words, local(n.iri))
		}
	}
	slices.Sort(words)
	return words
}

// kindsBelow lists the kinds that a reference to the class may name.
func (b *builder) kindsBelow(c *class) {
	if c.n.role == valueRole {
		return
	}
	for _, k := range b.classList {
		if k.c.Kind && (k == c || slices.Contains(k.c.Supers, c.c.Name)) {
			c.c.Kinds = append(c.c.Kinds, k.c.Name)
		}
	}
	slices.Sort(c.c.Kinds)
}

// shapeIn finds the field of a class that a property shape describes.
func (b *builder) shapeIn(c *class, o object, what string) *base.Field {
	for _, f := range c.c.Fields {
		if f.Shape == o.Value {
			return f
		}
	}
	var names []string
	for _, f := range c.c.Fields {
		names = append(names, b.term(f.Shape))
	}
	b.add(o.at, "%s of %s names %s, which is no field of it%s", what, b.term(c.n.iri), b.show(o), near(b.show(o), names))
	return nil
}

// alternatives reads sh:xone: exactly one of some fields is present.
func (b *builder) alternatives(c *class) {
	if c.n.said[nsSH+"xone"] == nil {
		return
	}
	var names []string
	for _, o := range b.list(c.n, nsSH+"xone") {
		n := b.nodes[key(o.Term)]
		var f *base.Field
		if n != nil {
			f = c.c.FieldOfIRI(b.iri(n, nsSH+"path"))
		}
		if f == nil || b.integer(n, nsSH+"minCount") == nil {
			b.add(o.at, "an alternative of %s must be [ sh:path FIELD ; sh:minCount 1 ] with the property of one of its fields", b.term(c.n.iri))
			continue
		}
		if f.Required || f.Default != "" {
			b.add(b.nodes[f.Shape].at, "%s is an alternative and cannot be required or have a default; remove that", b.name(b.nodes[f.Shape]))
		}
		names = append(names, f.Name)
	}
	if len(names) == 1 {
		b.add(c.n.place(nsSH+"xone"), "sh:xone of %s has one alternative; add another or require the field", b.term(c.n.iri))
	}
	c.c.Alternatives = append(c.c.Alternatives, names)
}

func (b *builder) value(c *class) {
	n := c.n
	if o := b.one(n, base.Meta+"shorthand"); o != nil {
		if f := b.shapeIn(c, *o, "pm:shorthand"); f != nil {
			c.c.Shorthand = f.Name
		}
	}
	if o := b.one(n, base.Meta+"syntax"); o != nil {
		c.c.Separator = b.text(n, base.Meta+"separator")
		if o.Value != base.Meta+"CompoundSyntax" || c.c.Separator == "" {
			b.add(o.at, "value class %s has a syntax; it needs \"pm:syntax pm:CompoundSyntax\" and e.g. 'pm:separator \":\"'", b.term(n.iri))
		}
	}
	for _, f := range c.c.Fields {
		if f.Function == "" {
			continue
		}
		if c.c.Function != "" {
			b.add(b.nodes[f.Shape].place(base.Meta+"function"), "%s has a second pm:function; one field of %s has one", b.name(b.nodes[f.Shape]), c.c.Name)
		}
		c.c.Function, c.c.Filled = f.Function, f.Name
	}
	if len(c.c.Fields) == 0 {
		b.add(n.at, "value class %s has no fields; add e.g. \"sh:property %s-value\"", b.term(n.iri), b.term(n.iri))
	}
}
