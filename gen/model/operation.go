package model

import (
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// operations reads operations, views, rules and messages.
func (b *builder) operations() {
	for _, n := range b.subjects {
		switch n.role {
		case operationRole:
			b.operation(n)
		case viewRole:
			if c, path := b.onKind(n, "view"), b.pathOfCall(n, "view"); c != nil {
				b.model.Views = append(b.model.Views, &View{Name: path, IRI: n.iri, Kind: c.c.Name, Comment: b.sentence(n, base.RDFSComment)})
			}
		case ruleRole:
			b.rule(n)
		case messageRole:
			b.message(n)
		}
	}
}

// onKind is the kind that pm:on names.
func (b *builder) onKind(n *node, what string) *class {
	on := b.iri(n, base.Meta+"on")
	c := b.classes[on]
	switch {
	case on == "":
		b.add(n.at, "%s %s has no pm:on; add e.g. \"pm:on pc:Volume\"", what, b.term(n.iri))
		return nil
	case c == nil || c.n.role == valueRole:
		b.add(n.place(base.Meta+"on"), "%s %s is on %s, which is no kind%s", what, b.term(n.iri), b.term(on), near(b.term(on), b.classNames()))
		return nil
	}
	return c
}

func (b *builder) pathOfCall(n *node, what string) string {
	path := b.text(n, base.Meta+"path")
	switch {
	case path == "":
		b.add(n.at, "%s %s has no pm:path; add e.g. 'pm:path \"%s\"'", what, b.term(n.iri), pathPart(n.iri))
	case !wordPattern.MatchString(path):
		b.add(n.place(base.Meta+"path"), "pm:path %q of %s must be a lower-case word", path, b.term(n.iri))
	}
	return path
}

func (b *builder) operation(n *node) {
	c, path := b.onKind(n, "operation"), b.pathOfCall(n, "operation")
	if c == nil {
		return
	}
	o := &Operation{Operation: base.Operation{Name: path, Comment: b.sentence(n, base.RDFSComment)}, IRI: n.iri, Kind: c.c.Name}
	if slices.ContainsFunc(b.model.Operations, func(other *Operation) bool { return other.Kind == o.Kind && other.Name == o.Name }) {
		b.add(n.place(base.Meta+"path"), "operation %s has the path %q of another operation of %s; choose another", b.term(n.iri), path, c.c.Name)
	}
	if strings.EqualFold(path, "read") || strings.EqualFold(path, "write") || strings.EqualFold(path, "delete") || strings.EqualFold(path, "observe") {
		b.add(n.place(base.Meta+"path"), "path %q of %s is the name of a permission that every kind has; choose another", path, b.term(n.iri))
	}
	for _, from := range n.said[base.Meta+"from"] {
		if p := b.phase(&from); p != "" {
			o.From = append(o.From, p)
		}
	}
	if input := b.one(n, base.Meta+"input"); input != nil {
		if v := b.classes[input.Value]; v == nil || v.n.role != valueRole {
			b.add(input.at, "pm:input %s of %s is no value class%s", b.show(*input), b.term(n.iri), near(b.show(*input), b.classNames()))
		} else {
			o.Input = v.c.Name
			o.Operation.Input = v.c.Name
		}
	}
	b.caused(c, n, o)
	b.model.Operations = append(b.model.Operations, o)
	if !o.Platform {
		c.c.Operations = append(c.c.Operations, o.Operation)
	} else if o.Input != "" {
		b.add(n.place(base.Meta+"input"), "operation %s of the platform has an input; its command carries what its event carries", b.term(n.iri))
	}
}

func (b *builder) caused(c *class, n *node, o *Operation) {
	causes := b.one(n, base.Meta+"causes")
	if causes == nil {
		b.add(n.at, "operation %s has no pm:causes; name the event that it leads to", b.term(n.iri))
		return
	}
	for _, e := range b.model.Events {
		if e.IRI == causes.Value && e.Kind == c.c.Name {
			o.Causes = e.Name
			o.Platform = len(e.By) > 0 && !slices.Contains(e.By, Client)
			return
		}
	}
	b.add(causes.at, "pm:causes %s of %s is no event of %s%s", b.show(*causes), b.term(n.iri), b.term(c.n.iri), near(b.show(*causes), b.eventNames()))
}

func (b *builder) rule(n *node) {
	c := b.onKind(n, "rule")
	if c == nil {
		return
	}
	r := &Rule{Name: local(n.iri), IRI: n.iri, Kind: c.c.Name, Slice: b.text(n, base.Meta+"slice"), Comment: b.sentence(n, base.RDFSComment)}
	if r.Slice == "" {
		r.Slice = c.c.Slice
	}
	b.model.Rules = append(b.model.Rules, r)
}

func (b *builder) message(n *node) {
	m := Message{Name: local(n.iri), IRI: n.iri, Token: b.text(n, base.Meta+"token"), Sentence: b.text(n, base.Meta+"sentence"), Comment: b.sentence(n, base.RDFSComment)}
	if m.Token == "" || m.Sentence == "" {
		b.add(n.at, "message %s needs pm:token and pm:sentence", b.term(n.iri))
	}
	b.model.Messages = append(b.model.Messages, m)
}
