package model

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// shape is one property shape: a field of one class.
type shape struct {
	n     *node
	class *class
	field *base.Field
}

// statusWord is taken in every kind, beside the words of the address: the
// member of JSON under which observed fields are found.
const statusWord = "status"

// readShape makes a field of a property shape, or nil when it cannot.
func (b *builder) readShape(c *class, o object) *shape {
	if o.Kind != base.IRITerm {
		b.add(o.at, "%s has a nameless property shape; name it, e.g. %s-size", b.term(c.n.iri), b.term(c.n.iri))
		return nil
	}
	n := b.nodes[o.Value]
	if n == nil || n.role != shapeRole {
		b.add(o.at, "property shape %s of %s is not described; add e.g. \"%s sh:path pc:%s ; …\"%s",
			b.term(o.Value), c.c.Name, b.term(o.Value), pathPart(o.Value), near(b.term(o.Value), b.shapeNames()))
		return nil
	}
	if other := b.shapes[n.iri]; other != nil {
		b.add(o.at, "property shape %s is that of %s already; describe one for %s", b.term(n.iri), other.class.c.Name, c.c.Name)
		return nil
	}
	path := b.one(n, nsSH+"path")
	if path.Kind != base.IRITerm {
		b.add(path.at, "sh:path of %s must be one property, not a path of several", b.term(n.iri))
		return nil
	}
	if want := c.n.iri + "-" + local(path.Value); n.iri != want {
		b.add(n.at, "property shape %s must be named %s after its class and property", b.term(n.iri), b.term(want))
	}
	if p := b.nodes[path.Value]; p != nil && p.role == addressRole {
		b.add(path.at, "%s follows from the address of a resource and is never declared; choose another property", b.term(path.Value))
	} else if p != nil && p.role == inferredRole {
		b.add(path.at, "%s is inferred and is never declared; choose another property", b.term(path.Value))
	}
	s := &shape{n, c, &base.Field{Name: local(path.Value), IRI: path.Value, Shape: n.iri, Comment: b.sentence(n, nsSH+"description")}}
	if name := b.text(n, base.Meta+"name"); name != "" {
		s.field.Name = name
	}
	b.shapes[n.iri] = s
	b.fieldFlags(s)
	if b.fieldType(s) {
		b.fieldCounts(s)
		b.fieldBounds(s)
		b.fieldDefault(s)
		b.fieldReference(s)
	}
	b.fieldConflicts(s)
	b.fieldLevel(s)
	return s
}

func pathPart(iri string) string { return iri[strings.LastIndexByte(iri, '-')+1:] }

func (b *builder) shapeNames() (names []string) {
	for _, n := range b.subjects {
		if n.role == shapeRole {
			names = append(names, b.term(n.iri))
		}
	}
	return names
}

func (b *builder) fieldFlags(s *shape) {
	n, f := s.n, s.field
	f.Observed, f.Immutable = b.boolean(n, base.Meta+"observed"), b.boolean(n, base.Meta+"immutable")
	f.Sensitive, f.Content = b.boolean(n, base.Meta+"sensitive"), b.boolean(n, base.Meta+"content")
	f.Acyclic, f.Authority = b.boolean(n, base.Meta+"acyclic"), b.iri(n, base.Meta+"authority") != ""
	f.Function, f.Level = b.text(n, base.Meta+"function"), b.level(n)
	if order := b.integer(n, nsSH+"order"); order == nil {
		b.add(n.at, "%s has no sh:order; add e.g. \"sh:order %d\"", b.name(n), b.freeOrder(s.class))
	} else {
		f.Order = int(*order)
	}
}

// freeOrder is the next order of a declared field: 10 and up in kinds, 1 and up
// in value classes. Orders from 70 are those of status.
func (b *builder) freeOrder(c *class) int {
	last := 0
	if c.n.role != valueRole {
		last = 9
	}
	for _, o := range c.n.said[nsSH+"property"] {
		if n := b.nodes[o.Value]; n != nil {
			for _, order := range n.said[nsSH+"order"] {
				if i, err := strconv.Atoi(order.Value); err == nil && i < 70 {
					last = max(last, i)
				}
			}
		}
	}
	return last + 1
}

// fieldType finds out what each value is, and whether there are several.
func (b *builder) fieldType(s *shape) bool {
	n, f := s.n, s.field
	node, class, items := b.one(n, nsSH+"node"), b.one(n, nsSH+"class"), b.one(n, base.Meta+"items")
	ordered := b.boolean(n, base.Meta+"ordered")
	if o := b.one(n, nsSH+"datatype"); o != nil {
		b.add(o.predicate, "%s has sh:datatype; name a scalar instead, e.g. \"sh:node pm:Text\"", b.name(n))
	}
	stated := 0
	for _, o := range []*object{node, class, items} {
		if o != nil {
			stated++
		}
	}
	switch {
	case stated == 0:
		b.add(n.at, "%s has no type; add e.g. \"sh:node pm:Text\" or \"sh:class pc:Volume\"", b.name(n))
		return false
	case stated > 1:
		b.add(n.at, "%s has more than one of sh:node, sh:class and pm:items; keep one", b.name(n))
		return false
	case ordered != (items != nil):
		b.add(n.at, "%s is a list only with both \"pm:ordered true\" and e.g. \"pm:items pm:Text\" (lists hold scalars)", b.name(n))
		return false
	case items != nil:
		f.Form = base.List
		return b.scalarType(s, items)
	case node != nil:
		return b.scalarType(s, node)
	}
	return b.classType(s, class)
}

func (b *builder) scalarType(s *shape, o *object) bool {
	scalar := b.scalars[o.Value]
	if scalar == nil {
		var known []string
		for _, k := range b.scalarList {
			known = append(known, b.term(k.IRI))
		}
		b.add(o.at, "%s of %s is no pm:Scalar%s", b.show(*o), b.name(s.n), near(b.show(*o), known))
		return false
	}
	f := s.field
	f.Scalar, f.Unit, f.Syntax = scalar.Name, scalar.Unit, scalar.Syntax
	f.Type = types[scalar.Datatype]
	if scalar.Datatype == "" {
		f.Type = base.TypeRef
	}
	f.Min, f.Max, f.MinLength, f.MaxLength = scalar.Min, scalar.Max, scalar.MinLength, scalar.MaxLength
	return true
}

func (b *builder) classType(s *shape, o *object) bool {
	f := s.field
	if e := b.enums[o.Value]; e != nil {
		f.Type, f.Enum = base.TypeEnum, e.Name
		return true
	}
	n := b.nodes[o.Value]
	switch {
	case n != nil && (n.role == kindRole || n.role == abstractRole):
		f.Type, f.Target = base.TypeRef, local(n.iri)
		return true
	case n != nil && n.role == valueRole:
		f.Type, f.Object = base.TypeObject, local(n.iri)
		return true
	}
	b.add(o.at, "sh:class %s of %s is no kind, value class or enumeration%s", b.show(*o), b.name(s.n), near(b.show(*o), b.classNames()))
	return false
}

func (b *builder) classNames() (names []string) {
	for _, n := range b.subjects {
		switch n.role {
		case kindRole, abstractRole, valueRole, enumRole:
			names = append(names, b.term(n.iri))
		}
	}
	return names
}

// fieldCounts reads how many values there may be; every field has a limit.
func (b *builder) fieldCounts(s *shape) {
	n, f := s.n, s.field
	low, high := b.integer(n, nsSH+"minCount"), b.integer(n, nsSH+"maxCount")
	f.Required = low != nil && *low > 0
	if high == nil || *high < 1 {
		b.add(n.at, "%s has no limit; add e.g. \"sh:maxCount 1\"", b.name(n))
		return
	}
	key := b.one(n, base.Meta+"key")
	value := b.one(n, base.Meta+"valueField")
	switch {
	case f.Form == base.List:
		b.listCounts(s, *high)
		return
	case key != nil:
		b.mapOf(s, key, value)
	case f.Type == base.TypeObject && *high > 1:
		b.add(n.place(nsSH+"maxCount"), "%s holds several objects without a key; add e.g. \"pm:key pc:key\" or \"sh:maxCount 1\"", b.name(n))
	case *high > 1:
		f.Form = base.Set
	}
	if f.Form != base.Single {
		f.MaxItems = int(*high)
		if low != nil {
			f.MinItems = int(*low)
		}
		if f.MinItems > f.MaxItems {
			b.add(n.place(nsSH+"minCount"), "sh:minCount %d of %s is above its sh:maxCount %d", f.MinItems, b.name(n), f.MaxItems)
		}
	} else if low != nil && *low > 1 {
		b.add(n.place(nsSH+"minCount"), "sh:minCount %d of %s is above its sh:maxCount 1", *low, b.name(n))
	}
	if value != nil && key == nil {
		b.add(value.at, "pm:valueField of %s needs a pm:key", b.name(n))
	}
}

func (b *builder) listCounts(s *shape, heads int64) {
	n, f := s.n, s.field
	if heads != 1 {
		b.add(n.place(nsSH+"maxCount"), "list %s has one head; write \"sh:maxCount 1\" and its length as \"pm:maxItems %d\"", b.name(n), heads)
	}
	if f.Required {
		f.MinItems = 1
	}
	if low := b.integer(n, base.Meta+"minItems"); low != nil {
		f.MinItems = int(*low)
	}
	high := b.integer(n, base.Meta+"maxItems")
	if high == nil || *high < 1 {
		b.add(n.at, "list %s has no limit; add e.g. \"pm:maxItems 64\"", b.name(n))
		return
	}
	f.MaxItems = int(*high)
	if f.MinItems > f.MaxItems {
		b.add(n.place(base.Meta+"minItems"), "pm:minItems %d of %s is above its pm:maxItems %d", f.MinItems, b.name(n), f.MaxItems)
	}
}

// mapOf notes key and value by IRI; their names are found once all classes are
// read (see resolveMaps).
func (b *builder) mapOf(s *shape, key, value *object) {
	if s.field.Type != base.TypeObject {
		b.add(key.at, "%s has a pm:key but holds no objects; give it \"sh:class\" of a value class or remove the key", b.name(s.n))
		return
	}
	s.field.Form = base.Map
	s.field.Key = key.Value
	if value != nil {
		s.field.Value = value.Value
	}
}

// fieldBounds narrows those of the scalar.
func (b *builder) fieldBounds(s *shape) {
	n, f := s.n, s.field
	low, high := b.integer(n, nsSH+"minInclusive"), b.integer(n, nsSH+"maxInclusive")
	if (low != nil || high != nil) && f.Type != base.TypeInteger && f.Type != base.TypeDouble {
		b.add(n.at, "%s has bounds but is no number; remove sh:minInclusive and sh:maxInclusive", b.name(n))
		return
	}
	f.Min = b.narrow(n, "minInclusive", low, f.Min, -1)
	f.Max = b.narrow(n, "maxInclusive", high, f.Max, 1)
	if (low != nil || high != nil) && above(f.Min, f.Max) {
		b.add(n.place(nsSH+"minInclusive"), "sh:minInclusive %d of %s is above its sh:maxInclusive %d", *f.Min, b.name(n), *f.Max)
	}
	short, long := b.integer(n, nsSH+"minLength"), b.integer(n, nsSH+"maxLength")
	if (short != nil || long != nil) && f.Type != base.TypeString {
		b.add(n.at, "%s has lengths but is no string; remove sh:minLength and sh:maxLength", b.name(n))
		return
	}
	if f.Type == base.TypeString {
		least, most := int64(f.MinLength), int64(f.MaxLength)
		f.MinLength = int(*b.narrow(n, "minLength", short, &least, -1))
		f.MaxLength = int(*b.narrow(n, "maxLength", long, &most, 1))
		if f.MinLength > f.MaxLength {
			b.add(n.place(nsSH+"minLength"), "sh:minLength %d of %s is above its sh:maxLength %d", f.MinLength, b.name(n), f.MaxLength)
		}
	}
	if o := b.one(n, nsSH+"pattern"); o != nil {
		b.add(o.predicate, "%s has a pattern; a pattern belongs to a scalar, make one with \"a pm:Scalar, sh:NodeShape\"", b.name(n))
	}
}

// narrow takes the bound of the field where it is inside that of the scalar.
// The sign is 1 for upper bounds, -1 for lower ones.
func (b *builder) narrow(n *node, what string, own, scalar *int64, sign int64) *int64 {
	if own == nil || scalar == nil {
		if own != nil {
			return own
		}
		return scalar
	}
	if sign*(*own) > sign*(*scalar) {
		b.add(n.place(nsSH+what), "sh:%s %d of %s is wider than the %d of its scalar; fields may only narrow", what, *own, b.name(n), *scalar)
	}
	return own
}

func (b *builder) fieldDefault(s *shape) {
	n, f := s.n, s.field
	o := b.one(n, nsSH+"defaultValue")
	if o == nil {
		return
	}
	refuse := func(why string) { b.add(o.predicate, "%s has a default, but %s; remove one of them", b.name(n), why) }
	switch {
	case f.Form != base.Single:
		refuse("it holds several values")
	case f.Required:
		refuse("\"sh:minCount 1\" demands that it is stated")
	case f.Observed:
		refuse("it is observed")
	case f.Sensitive:
		refuse("it is sensitive")
	case f.Type == base.TypeRef || f.Type == base.TypeObject || f.Type == base.TypeDateTime:
		refuse("only scalars and tokens can have one")
	case f.Type == base.TypeEnum:
		b.enumDefault(s, o)
	default:
		if why := mismatch(*o, f, b.scalarNamed(f.Scalar)); why != "" {
			b.add(o.at, "sh:defaultValue of %s %s", b.name(n), why)
			return
		}
		if o.Value == "" {
			refuse("an empty text cannot be told from none")
		}
		f.Default = o.Value
	}
}

func (b *builder) scalarNamed(name string) *base.Scalar {
	for _, s := range b.scalarList {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func (b *builder) enumDefault(s *shape, o *object) {
	for _, e := range b.enumList {
		if e.Name != s.field.Enum {
			continue
		}
		var members []string
		for _, t := range e.Tokens {
			if t.IRI == o.Value {
				s.field.Default = t.Token
				return
			}
			members = append(members, b.term(t.IRI))
		}
		b.add(o.at, "sh:defaultValue %s of %s is no member of %s (%s)%s",
			b.show(*o), b.name(s.n), b.term(e.IRI), strings.Join(members, ", "), near(b.show(*o), members))
	}
}

func (b *builder) fieldReference(s *shape) {
	n, f := s.n, s.field
	o := b.one(n, base.Meta+"onDelete")
	isRef := f.Type == base.TypeRef && f.Target != ""
	if f.Acyclic && !isRef {
		b.add(n.place(base.Meta+"acyclic"), "%s is pm:acyclic but refers to no kind; remove it", b.name(n))
	}
	if o == nil {
		return
	}
	switch {
	case !isRef:
		b.add(o.predicate, "%s has pm:onDelete but refers to no kind; remove it", b.name(n))
	case f.Observed:
		b.add(o.predicate, "%s is observed, and observed references never block a deletion; remove pm:onDelete", b.name(n))
	case o.Value == base.Meta+"Restrict":
	case o.Value == base.Meta+"Cascade":
		f.OnDelete = base.Cascade
	case o.Value == base.Meta+"Clear":
		f.OnDelete = base.Clear
		if f.Required {
			b.add(o.at, "%s is required and cannot be cleared; use pm:Restrict or pm:Cascade", b.name(n))
		}
	default:
		b.add(o.at, "pm:onDelete of %s is %s; it is pm:Restrict, pm:Cascade or pm:Clear", b.name(n), b.show(*o))
	}
}

// fieldConflicts finds statements that contradict each other.
func (b *builder) fieldConflicts(s *shape) {
	n, f := s.n, s.field
	both := func(x, y bool, name, other string) {
		if x && y {
			b.add(n.at, "%s is both %s and %s; keep one", b.name(n), name, other)
		}
	}
	both(f.Observed, f.Immutable, "pm:observed", "pm:immutable")
	both(f.Observed, f.Sensitive, "pm:observed", "pm:sensitive")
	both(f.Sensitive, f.Content, "pm:sensitive", "pm:content")
	both(f.Observed, f.Required, "pm:observed", `required ("sh:minCount 1")`)
	if f.Sensitive && f.Type != base.TypeString && !(f.Form == base.Map && f.Value != "") {
		b.add(n.place(base.Meta+"sensitive"), "%s is pm:sensitive but no string or map of strings; use e.g. \"sh:node pm:SecretText\"", b.name(n))
	}
	if f.Content && f.Type != base.TypeString {
		b.add(n.place(base.Meta+"content"), "%s is pm:content but no string; use e.g. \"sh:node pm:LongText\"", b.name(n))
	}
	if s.class.n.role == valueRole {
		for flag, set := range map[string]bool{"observed": f.Observed, "immutable": f.Immutable} {
			if set {
				b.add(n.place(base.Meta+flag), "%s is pm:%s inside a value class; say so of the field that holds it", b.name(n), flag)
			}
		}
	}
}

// describe is the meaning of a property that all shapes with it share.
func describe(f *base.Field, datatype string) string {
	var b strings.Builder
	switch f.Form {
	case base.Set:
		b.WriteString("sets of ")
	case base.List:
		b.WriteString("lists of ")
	case base.Map:
		b.WriteString("maps of ")
	}
	switch f.Type {
	case base.TypeEnum:
		b.WriteString("tokens of " + f.Enum)
	case base.TypeObject:
		b.WriteString("objects of " + f.Object)
	case base.TypeRef:
		fmt.Fprintf(&b, "references to %s", orText(f.Target, "anything"))
	default:
		b.WriteString("xsd:" + strings.TrimPrefix(datatype, base.XSD))
	}
	if f.Unit != "" {
		b.WriteString(" in " + f.Unit)
	}
	if f.Sensitive {
		b.WriteString(", sensitive")
	}
	return b.String()
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
