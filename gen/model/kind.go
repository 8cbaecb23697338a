package model

import (
	"regexp"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/load"
)

var wordPattern = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// kind reads what only kinds have.
func (b *builder) kind(c *class) {
	n, k := c.n, c.c
	k.Plural, k.Slice = b.text(n, base.Meta+"plural"), b.text(n, base.Meta+"slice")
	k.Singleton, k.HoldsData = b.boolean(n, base.Meta+"singleton"), b.boolean(n, base.Meta+"holdsData")
	k.Dataset = b.boolean(n, base.Meta+"dataset")
	k.Restricted, k.Level = b.boolean(n, base.Meta+"restricted"), b.level(n)
	k.Reconciler = n.said[base.Meta+"reconciler"] == nil || b.boolean(n, base.Meta+"reconciler")
	b.words(c)
	b.scope(c)
	b.kindLifecycle(c)
	b.kindOrigin(c)
	b.oneOf(c)
	b.stamps(c)
	b.dataset(c)
	b.examples(c)
}

// examples demands one valid and one invalid resource of each kind.
func (b *builder) examples(c *class) {
	for verdict, valid := range map[string]bool{"valid": true, "invalid": false} {
		if wordPattern.MatchString(c.c.Word) && !slices.ContainsFunc(b.source.Examples, func(e load.Example) bool { return e.Word == c.c.Word && e.Valid == valid }) {
			b.add(c.n.at, "kind %s has no %s example; write examples/kinds/%s.%s.ttl", b.term(c.n.iri), verdict, c.c.Word, verdict)
		}
	}
}

func (b *builder) words(c *class) {
	n, k := c.n, c.c
	dashed := strings.ToLower(strings.Join(splitWords(k.Name), "-"))
	for _, w := range []struct{ predicate, text, example string }{
		{"word", k.Word, dashed}, {"plural", k.Plural, dashed + "s"}, {"slice", k.Slice, b.model.Origins[k.Name]},
	} {
		switch {
		case w.text == "":
			b.add(n.at, "kind %s has no pm:%s; add e.g. 'pm:%s \"%s\"'", b.term(n.iri), w.predicate, w.predicate, w.example)
		case !wordPattern.MatchString(w.text):
			b.add(n.place(base.Meta+w.predicate), "pm:%s %q of %s must be a lower-case word; take e.g. %q", w.predicate, w.text, b.term(n.iri), w.example)
		}
	}
	segment := b.one(n, base.Meta+"segment")
	if segment == nil {
		b.add(n.at, "kind %s has no pm:segment; add e.g. 'pm:segment \"%s\"'", b.term(n.iri), k.Plural)
		return
	}
	k.Segment = segment.Value
	switch {
	case k.Singleton != (k.Segment == ""):
		b.add(segment.at, "pm:segment of %s is %q; it is empty for a singleton and for nothing else", b.term(n.iri), k.Segment)
	case k.Segment != "" && !wordPattern.MatchString(k.Segment):
		b.add(segment.at, "pm:segment %q of %s must be a lower-case word; take e.g. %q", k.Segment, b.term(n.iri), k.Plural)
	}
	if k.Slice != "" && k.Slice != b.model.Origins[k.Name] {
		b.add(n.place(base.Meta+"slice"), "kind %s of slice %q stands in %s.ttl; move it to %s.ttl", b.term(n.iri), k.Slice, b.model.Origins[k.Name], k.Slice)
	}
}

// splitWords cuts a name in camel case into its words.
func splitWords(name string) (words []string) {
	start := 0
	for i := 1; i < len(name); i++ {
		if name[i] >= 'A' && name[i] <= 'Z' {
			words = append(words, name[start:i])
			start = i
		}
	}
	return append(words, name[start:])
}

func (b *builder) scope(c *class) {
	n, k := c.n, c.c
	for _, o := range n.said[base.Meta+"scope"] {
		switch o.Value {
		case base.Meta + "Cluster":
			k.InCluster = true
		case base.Meta + "Product":
			k.InProduct = true
		default:
			b.add(o.at, "pm:scope of %s is %s; it is pm:Product, pm:Cluster or both", b.term(n.iri), b.show(o))
		}
	}
	if n.said[base.Meta+"scope"] == nil {
		b.add(n.at, "kind %s has no pm:scope; add \"pm:scope pm:Product\"", b.term(n.iri))
	}
	if k.Singleton && k.InProduct {
		b.add(n.place(base.Meta+"scope"), "singleton %s lies in a product; a singleton has \"pm:scope pm:Cluster\"", b.term(n.iri))
	}
}

func (b *builder) kindLifecycle(c *class) {
	n := c.n
	o := b.one(n, base.Meta+"lifecycle")
	if o == nil {
		b.add(n.at, "kind %s has no pm:lifecycle; add \"pm:lifecycle pm:Declarative\" or \"pm:lifecycle pm:Reconciled\"", b.term(n.iri))
		return
	}
	l := b.nodes[o.Value]
	switch {
	case o.Value == base.Meta+"Declarative":
		c.c.Lifecycle = base.Declarative
	case o.Value == base.Meta+"Reconciled":
		c.c.Lifecycle = base.Reconciled
	case l != nil && l.role == lifecycleRole:
		c.c.Lifecycle = base.OwnLifecycle
	default:
		b.add(o.at, "pm:lifecycle of %s is %s, which is no pm:Lifecycle; take pm:Declarative or pm:Reconciled or describe it", b.term(n.iri), b.show(*o))
	}
	if n.said[base.Meta+"reconciler"] != nil && c.c.Lifecycle == base.Declarative {
		b.add(n.place(base.Meta+"reconciler"), "pm:reconciler of %s is for reconciled kinds; remove it", b.term(n.iri))
	}
}

func (b *builder) kindOrigin(c *class) {
	n, k := c.n, c.c
	o := b.one(n, base.Meta+"origin")
	if o == nil {
		return
	}
	switch o.Value {
	case base.Meta + "Declared":
		return
	case base.Meta + "Reported":
		k.Origin = base.Reported
	case base.Meta + "Derived":
		k.Origin = base.Derived
	default:
		b.add(o.at, "pm:origin of %s is %s; it is pm:Declared, pm:Reported or pm:Derived", b.term(n.iri), b.show(*o))
		return
	}
	for _, s := range c.own {
		if !s.field.Observed {
			b.add(s.n.at, "%s is declared, but clients declare no %s; add \"pm:observed true\"", b.name(s.n), k.Word)
		}
	}
	if k.Lifecycle != base.OwnLifecycle {
		b.add(n.place(base.Meta+"lifecycle"), "%s is not declared by clients and needs a lifecycle of its own events; describe e.g. %sLifecycle", b.term(n.iri), b.term(n.iri))
	}
}

// oneOf reads the sensitive fields of which exactly one is kept, and demands
// the sh:or that says so of a document.
func (b *builder) oneOf(c *class) {
	if c.n.said[base.Meta+"oneOf"] == nil {
		if c.n.said[nsSH+"or"] != nil {
			b.add(c.n.place(nsSH+"or"), "sh:or of %s is not of the modelling language; use sh:xone for alternatives or state a pm:Rule", b.term(c.n.iri))
		}
		return
	}
	for _, o := range b.list(c.n, base.Meta+"oneOf") {
		f := b.shapeIn(c, o, "pm:oneOf")
		if f == nil {
			continue
		}
		if !f.Sensitive || f.Required {
			b.add(o.at, "pm:oneOf of %s names %s, which is not an optional sensitive field; use sh:xone for others", b.term(c.n.iri), b.show(o))
		}
		c.c.OneOf = append(c.c.OneOf, f.Name)
	}
	if len(c.c.OneOf) < 2 {
		b.add(c.n.place(base.Meta+"oneOf"), "pm:oneOf of %s needs two fields or more", b.term(c.n.iri))
	}
}

// stamps resolves pm:stampedBy.
func (b *builder) stamps(c *class) {
	for _, f := range c.c.Fields {
		n := b.nodes[f.Shape]
		if n.said[base.Meta+"stampedBy"] == nil || b.shapes[f.Shape].class != c && len(f.StampedBy) > 0 {
			continue
		}
		if !f.Observed || f.Type != base.TypeDateTime || f.Form != base.Single {
			b.add(n.place(base.Meta+"stampedBy"), "%s is stamped but is no observed time; give it \"sh:node pm:DateTime ; pm:observed true\"", b.name(n))
		}
		f.StampedBy = nil
		for _, o := range n.said[base.Meta+"stampedBy"] {
			if by := b.shapeIn(c, o, "pm:stampedBy"); by != nil {
				f.StampedBy = append(f.StampedBy, by.Name)
			}
		}
		slices.Sort(f.StampedBy)
	}
}

// quadsPath is the property that counts what a dataset holds.
const quadsPath = base.Ontology + "quads"

// dataset marks the field that counts the quads of a dataset. Changes of the
// dataset set it and nothing else does.
func (b *builder) dataset(c *class) {
	if !c.c.Dataset {
		return
	}
	place := c.n.place(base.Meta + "dataset")
	f := c.c.FieldOfIRI(quadsPath)
	if f == nil || !f.Observed || f.Form != base.Single || f.Type != base.TypeInteger {
		b.add(place, "kind %s holds a dataset but does not count it; add a field with \"sh:path pc:quads ; sh:node pm:Count ; sh:maxCount 1 ; pm:observed true\"", b.term(c.n.iri))
	} else {
		f.Quads = true
	}
	if c.c.Origin != base.Declared || c.c.Singleton {
		b.add(place, "kind %s holds a dataset, but clients neither declare nor delete it; leave out pm:dataset", b.term(c.n.iri))
	}
}
