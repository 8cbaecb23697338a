package model

import (
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// lifecycles reads lifecycles, then gives each kind its events.
func (b *builder) lifecycles() {
	for _, n := range b.subjects {
		if n.role == lifecycleRole {
			b.lifecycle(n)
		}
	}
	for _, c := range b.classList {
		if c.n.role == abstractRole && c.n.iri != eventClass {
			b.abstractEvents(c)
		}
	}
	for _, c := range b.classList {
		if c.c.Kind {
			b.kindEvents(c)
		}
	}
	b.strayEvents()
}

func (b *builder) lifecycle(n *node) {
	l := &Lifecycle{Name: local(n.iri), Initial: b.phase(b.one(n, base.Meta+"initial"))}
	if l.Initial == "" {
		b.add(n.at, "lifecycle %s has no pm:initial; add e.g. \"pm:initial pc:Ready\"", b.term(n.iri))
	}
	for _, o := range n.said[base.Meta+"event"] {
		e := b.nodes[o.Value]
		if e == nil || e.role != eventRole {
			b.add(o.at, "pm:event %s of %s is no pm:Event%s", b.show(o), b.term(n.iri), near(b.show(o), b.eventNames()))
			continue
		}
		l.Events = append(l.Events, local(o.Value))
	}
	if len(l.Events) == 0 {
		b.add(n.at, "lifecycle %s has no events; add e.g. \"pm:event pc:NodeJoined\"", b.term(n.iri))
	}
	b.model.Lifecycles = append(b.model.Lifecycles, l)
}

func (b *builder) eventNames() (names []string) {
	for _, n := range b.subjects {
		if n.role == eventRole {
			names = append(names, b.term(n.iri))
		}
	}
	return names
}

// phase is the name of a phase, "" for none or for what is no phase.
func (b *builder) phase(o *object) string {
	if o == nil {
		return ""
	}
	if name, ok := b.phases[o.Value]; ok {
		return name
	}
	var known []string
	for _, n := range b.subjects {
		if b.phases[n.iri] != "" {
			known = append(known, b.term(n.iri))
		}
	}
	b.add(o.at, "%s is no phase (%s)%s", b.show(*o), strings.Join(known, ", "), near(b.show(*o), known))
	return ""
}

// deletingPhase is where resources are that are being cleaned up.
const deletingPhase = "Deleting"

// suffix is what an event of Resource is called without that word.
func suffix(name string) string { return strings.TrimPrefix(name, local(rootClass)) }

// abstractEvents gives an abstract class the events of all lifecycles.
func (b *builder) abstractEvents(c *class) {
	for _, n := range b.subjects {
		if n.role != eventRole || b.iri(n, base.Meta+"on") != rootClass {
			continue
		}
		name := c.c.Name + suffix(local(n.iri))
		e := &EventClass{
			Name: name, IRI: namespace(c.n.iri) + name, Class: c.c.Name, Of: local(n.iri),
			Label: b.text(n, base.RDFSLabel), Comment: b.text(n, base.RDFSComment),
		}
		if c.n.iri != rootClass {
			e.Label = c.c.Label + " " + e.Label
			e.Comment = subjectOf(e.Comment, c.c.Label)
		}
		e.Supers = b.eventSupers(c, e.Of)
		b.model.EventTypes = append(b.model.EventTypes, e)
	}
}

// subjectOf puts the label of a class in place of the word resource.
func subjectOf(sentence, label string) string {
	vowels := "aeiouAEIOU"
	if len(label) > 1 && strings.ToUpper(label[:2]) == label[:2] { // spelled out, as in RDF
		vowels = "AEFHILMNORSX"
	}
	article := "A "
	if strings.ContainsAny(label[:1], vowels) {
		article = "An "
	}
	return strings.Replace(strings.Replace(sentence, "A resource", article+label, 1), "of a resource", "of "+strings.ToLower(article)+label, 1)
}

// eventSupers are the classes above an event of a class, nearest first.
func (b *builder) eventSupers(c *class, of string) (supers []string) {
	for _, s := range c.c.Supers {
		supers = append(supers, s+suffix(of))
	}
	return append(supers, local(eventClass))
}

func (b *builder) kindEvents(c *class) {
	var l *Lifecycle
	for _, known := range b.model.Lifecycles {
		if o := b.one(c.n, base.Meta+"lifecycle"); o != nil && known.Name == local(o.Value) {
			l = known
		}
	}
	if l == nil {
		return
	}
	phases := b.phasesOf(l)
	for _, name := range l.Events {
		n := b.eventNode(name)
		if n == nil {
			continue
		}
		switch o := b.one(n, base.Meta+"on"); {
		case o == nil || b.classes[o.Value] == nil: // see strayEvents
		case o.Value == rootClass:
			if e := b.commonEvent(c, n, l, phases); e != nil {
				b.model.Events = append(b.model.Events, e)
			}
		case o.Value != c.n.iri:
			b.add(o.at, "event %s is on %s but in the lifecycle of %s; correct one", b.term(n.iri), b.show(*o), b.term(c.n.iri))
		}
	}
	for _, n := range b.subjects {
		if n.role == eventRole && b.iri(n, base.Meta+"on") == c.n.iri {
			b.model.Events = append(b.model.Events, b.ownEvent(c, n, l))
		}
	}
}

func (b *builder) eventNode(name string) *node {
	for _, n := range b.subjects {
		if n.role == eventRole && local(n.iri) == name {
			return n
		}
	}
	return nil
}

// phasesOf are the ends of the events of a lifecycle.
func (b *builder) phasesOf(l *Lifecycle) map[string]bool {
	phases := map[string]bool{l.Initial: true}
	for _, name := range l.Events {
		if n := b.eventNode(name); n != nil {
			if to := n.said[base.Meta+"to"]; len(to) > 0 {
				phases[b.phases[to[0].Value]] = true
			}
		}
	}
	delete(phases, "")
	return phases
}

// commonEvent is an event of one of the two common lifecycles, for one kind.
// Kinds without observed fields have no event that carries nothing else, those
// without a dataset none that changes one, and singletons none that ends them.
func (b *builder) commonEvent(c *class, n *node, l *Lifecycle, phases map[string]bool) *Event {
	e := b.event(c, n, l)
	if e.Observation && e.To == "" && !slices.ContainsFunc(c.c.Fields, b.ownObserved) {
		return nil
	}
	if c.c.Singleton && (e.Ends || e.To == deletingPhase) || e.Dataset && !c.c.Dataset {
		return nil
	}
	e.Name = c.c.Name + suffix(local(n.iri))
	e.IRI = namespace(c.n.iri) + e.Name
	e.Label = c.c.Label + " " + e.Label
	e.Comment = subjectOf(e.Comment, c.c.Label)
	e.Of = local(n.iri)
	e.Supers = b.eventSupers(c, e.Of)
	e.From = slices.DeleteFunc(e.From, func(p string) bool { return !phases[p] })
	if c.c.Lifecycle == base.Declarative {
		e.By = slices.DeleteFunc(e.By, func(a Author) bool { return a == Reconciler })
	}
	return e
}

// ownObserved reports whether reconcilers observe the field: the head, stamped
// times and the size of a dataset follow from events by themselves.
func (b *builder) ownObserved(f *base.Field) bool {
	return f.Observed && len(f.StampedBy) == 0 && !f.Quads && b.shapes[f.Shape].class.n.iri != rootClass
}

func (b *builder) ownEvent(c *class, n *node, l *Lifecycle) *Event {
	e := b.event(c, n, l)
	e.Name, e.IRI = local(n.iri), n.iri
	b.label(n)
	switch super := b.one(n, subClassOf); {
	case super == nil:
		b.add(n.at, "event %s has no superclass; add \"rdfs:subClassOf pc:Event\"", b.term(n.iri))
	case super.Value == eventClass:
		e.Supers = []string{local(eventClass)}
	default:
		of := b.nodes[super.Value]
		if of == nil || of.role != eventRole || b.iri(of, base.Meta+"on") != rootClass {
			b.add(super.at, "superclass %s of %s is neither pc:Event nor an event of pc:Resource", b.show(*super), b.term(n.iri))
			break
		}
		e.Of = local(super.Value)
		e.Supers = b.eventSupers(c, e.Of)
	}
	return e
}

// event reads what a class of events does to state.
func (b *builder) event(c *class, n *node, l *Lifecycle) *Event {
	e := &Event{Kind: c.c.Name, Label: b.text(n, base.RDFSLabel), Comment: b.sentence(n, base.RDFSComment), Version: 1, Level: max(c.c.Level, b.level(n))}
	for _, o := range n.said[base.Meta+"by"] {
		switch o.Value {
		case base.Meta + "Client", base.Meta + "Reconciler", base.Meta + "Platform":
			e.By = append(e.By, Author(strings.ToLower(local(o.Value))))
		default:
			b.add(o.at, "pm:by of %s is %s; it is pm:Client, pm:Reconciler or pm:Platform", b.term(n.iri), b.show(o))
		}
	}
	if n.said[base.Meta+"by"] == nil {
		b.add(n.at, "event %s has no pm:by; add e.g. \"pm:by pm:Client\"", b.term(n.iri))
	}
	for _, o := range n.said[base.Meta+"from"] {
		if o.Value == base.Meta+"Absent" {
			e.Begins = true
		} else if p := b.phase(&o); p != "" {
			e.From = append(e.From, p)
		}
	}
	if o := b.one(n, base.Meta+"to"); o != nil {
		switch o.Value {
		case base.Meta + "Absent":
			e.Ends = true
		case base.Meta + "Initial":
			e.To = l.Initial
		default:
			e.To = b.phase(o)
		}
	}
	if o := b.one(n, base.Meta+"retention"); o != nil {
		e.Latest = o.Value == base.Meta+"Latest"
		if !e.Latest && o.Value != base.Meta+"Permanent" {
			b.add(o.at, "pm:retention of %s is %s; it is pm:Permanent or pm:Latest", b.term(n.iri), b.show(*o))
		}
	}
	b.carried(c, n, e)
	b.assigned(c, n, e)
	if e.Latest && (e.Begins || e.Ends || e.Declaration || e.Dataset) {
		b.add(n.place(base.Meta+"retention"), "event %s begins, ends or declares something, so a newer one cannot supersede it; leave out pm:retention", b.term(n.iri))
	}
	if e.Begins && (e.Ends || n.said[base.Meta+"to"] == nil) {
		b.add(n.at, "event %s begins a resource but leads to no phase; add e.g. \"pm:to pc:Ready\"", b.term(n.iri))
	}
	return e
}

func (b *builder) carried(c *class, n *node, e *Event) {
	for _, o := range n.said[base.Meta+"carries"] {
		s := b.shapes[o.Value]
		switch {
		case o.Value == base.Meta+"DeclaredFields":
			e.Declaration = true
		case o.Value == base.Meta+"ObservedFields":
			e.Observation = true
		case o.Value == base.Meta+"DatasetFields":
			e.Dataset = true
			e.Carries = append(e.Carries, "removed", "added")
			for _, f := range c.c.Fields {
				if f.Quads {
					e.Carries = append(e.Carries, f.Name)
				}
			}
		case s == nil:
			b.add(o.at, "event %s carries %s, which is no property shape%s", b.term(n.iri), b.show(o), near(b.show(o), b.shapeNames()))
		case s.class.n.iri == eventClass || s.class == c || slices.Contains(c.c.Supers, s.class.c.Name):
			e.Carries = append(e.Carries, s.field.Name)
		default:
			b.add(o.at, "event %s carries %s, which is a field of neither pc:Event nor %s", b.term(n.iri), b.show(o), b.term(c.n.iri))
		}
	}
}

func (b *builder) assigned(c *class, n *node, e *Event) {
	for _, o := range n.said[base.Meta+"sets"] {
		a := b.nodes[o.Value]
		if a == nil || a.role != assignmentRole {
			b.add(o.at, "pm:sets of %s names %s, which is no pm:Assignment", b.term(n.iri), b.show(o))
			continue
		}
		field, value := b.one(a, base.Meta+"field"), b.one(a, base.Meta+"value")
		if field == nil || value == nil {
			b.add(a.at, "assignment %s needs pm:field and pm:value", b.term(a.iri))
			continue
		}
		f := b.shapeIn(c, *field, "pm:field")
		if f == nil {
			continue
		}
		if !f.Observed || f.Form != base.Single {
			b.add(field.at, "assignment %s gives a constant to %s; events assign single observed fields only", b.term(a.iri), b.show(*field))
			continue
		}
		if constant, ok := b.constant(f, *value); ok {
			e.Sets = append(e.Sets, Assignment{f.Name, constant})
		} else {
			b.add(value.at, "pm:value %s of %s is no value of %s", b.show(*value), b.term(a.iri), b.show(*field))
		}
	}
}

// constant is the lexical form or token of a value of a field.
func (b *builder) constant(f *base.Field, o object) (string, bool) {
	if f.Type == base.TypeEnum {
		for _, e := range b.enumList {
			for _, t := range e.Tokens {
				if e.Name == f.Enum && t.IRI == o.Value {
					return t.Token, true
				}
			}
		}
		return "", false
	}
	s := b.scalarNamed(f.Scalar)
	return o.Value, s != nil && s.Datatype != "" && mismatch(o, f, s) == ""
}

// strayEvents are described but in no lifecycle, or on nothing.
func (b *builder) strayEvents() {
	for _, n := range b.subjects {
		if n.role != eventRole {
			continue
		}
		on := b.iri(n, base.Meta+"on")
		of := b.classes[on]
		switch {
		case on == "":
			b.add(n.at, "event %s has no pm:on; add e.g. \"pm:on pc:Volume\"", b.term(n.iri))
		case on == rootClass:
		case of == nil || !of.c.Kind:
			b.add(n.place(base.Meta+"on"), "event %s is on %s, which is no kind%s", b.term(n.iri), b.term(on), near(b.term(on), b.classNames()))
		case of.c.Lifecycle == base.OwnLifecycle && !b.inLifecycle(of, n.iri):
			b.add(n.at, "event %s is in no lifecycle; add it to pm:event of %s", b.term(n.iri), b.show(*b.one(of.n, base.Meta+"lifecycle")))
		}
	}
}

func (b *builder) inLifecycle(c *class, event string) bool {
	l := b.nodes[b.iri(c.n, base.Meta+"lifecycle")]
	return l != nil && slices.ContainsFunc(l.said[base.Meta+"event"], func(o object) bool { return o.Value == event })
}
