package model

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
)

func (b *builder) readEnums() {
	for _, n := range b.subjects {
		if n.role == enumRole {
			e := &base.Enum{Name: local(n.iri), IRI: n.iri, Comment: b.sentence(n, base.RDFSComment)}
			b.label(n)
			b.origin(n, e.Name)
			b.enums[n.iri] = e
			b.enumList = append(b.enumList, e)
		}
	}
	for _, n := range b.subjects {
		if n.role == memberRole {
			b.member(n)
		}
	}
	for _, e := range b.enumList {
		if len(e.Tokens) == 0 {
			b.add(b.nodes[e.IRI].at, "enumeration %s has no members; add e.g. 'pc:%sNone a %s ; pm:token \"none\"'", b.term(e.IRI), e.Name, b.term(e.IRI))
		}
	}
}

func (b *builder) member(n *node) {
	e := b.enums[n.said[base.RDFType][0].Value]
	if e == nil {
		return
	}
	t := base.Token{Token: b.text(n, base.Meta+"token"), IRI: n.iri, Name: local(n.iri), Comment: b.sentence(n, base.RDFSComment), Level: b.level(n)}
	if t.Token == "" {
		b.add(n.at, "%s of %s has no pm:token; add e.g. 'pm:token \"%s\"'", b.term(n.iri), e.Name, strings.ToLower(strings.TrimPrefix(t.Name, e.Name)))
	}
	for _, other := range e.Tokens {
		if strings.EqualFold(other.Token, t.Token) {
			b.add(n.place(base.Meta+"token"), "token %q of %s is that of %s too; choose another", t.Token, b.term(n.iri), b.term(other.IRI))
		}
	}
	e.Tokens = append(e.Tokens, t)
	if n.said[base.Meta+"status"] != nil {
		code := ErrorCode{Name: t.Name, IRI: t.IRI, Token: t.Token, Comment: t.Comment, Retry: b.text(n, base.Meta+"retry")}
		if status := b.integer(n, base.Meta+"status"); status != nil {
			code.Status = int(*status)
		}
		b.model.Errors = append(b.model.Errors, code)
	}
	if e.IRI == phaseEnum {
		b.phases[n.iri] = t.Name
	}
}

// label is the name for people.
func (b *builder) label(n *node) string {
	text := b.text(n, base.RDFSLabel)
	if text == "" {
		b.add(n.at, "%s has no rdfs:label; add e.g. 'rdfs:label \"%s\"@en'", b.term(n.iri), strings.ToLower(local(n.iri)))
		return local(n.iri)
	}
	return text
}

// origin remembers which file declares a class.
func (b *builder) origin(n *node, name string) {
	b.model.Origins[name] = strings.TrimSuffix(n.at.File, ".ttl")
}
