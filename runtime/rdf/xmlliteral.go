package rdf

import (
	"cmp"
	"encoding/xml"
	"slices"
	"strings"

	"github.com/picloud/picloud/runtime/rdf/lex"
)

var (
	xmlText  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	xmlValue = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
)

// xmlLiteral reads the content of an element to its end and writes it in
// Exclusive XML Canonicalization 1.0, which makes it a term of its own: each
// namespace is declared where it is first used.
func (x *rdfxml) xmlLiteral(outer scope) (string, error) {
	var b strings.Builder
	type level struct {
		scope
		shown map[string]string // the declarations written so far
		name  string
	}
	levels := []level{{scope: outer, shown: map[string]string{"xml": xmlNS}}}
	for {
		token, at, err := x.next()
		if err != nil {
			return "", err
		}
		now := levels[len(levels)-1]
		switch t := token.(type) {
		case xml.CharData:
			xmlText.WriteString(&b, string(t))
		case xml.EndElement:
			levels = levels[:len(levels)-1]
			if len(levels) == 0 {
				return b.String(), nil
			}
			b.WriteString("</" + now.name + ">")
		case xml.StartElement:
			inner := level{scope: now.scope.declare(t), name: written(t.Name)}
			tag, shown, err := inner.startTag(t, now.shown, at)
			if err != nil {
				return "", err
			}
			inner.shown = shown
			b.WriteString(tag)
			levels = append(levels, inner)
		}
		if b.Len() > x.o.MaxLiteral {
			return "", lex.Errorf(at, "a literal longer than %d bytes is refused", x.o.MaxLiteral)
		}
	}
}

// declare is the scope with the namespaces of a start tag.
func (s scope) declare(start xml.StartElement) scope {
	out := scope{base: s.base, lang: s.lang, namespaces: map[string]string{}}
	for prefix, iri := range s.namespaces {
		out.namespaces[prefix] = iri
	}
	for _, a := range start.Attr {
		switch {
		case a.Name.Space == "xmlns":
			out.namespaces[a.Name.Local] = a.Value
		case a.Name == (xml.Name{Local: "xmlns"}):
			out.namespaces[""] = a.Value
		}
	}
	return out
}

// startTag is the canonical start tag, and the declarations shown in it.
func (s scope) startTag(start xml.StartElement, shown map[string]string, at Pos) (string, map[string]string, error) {
	var attributes []xml.Attr
	used := []string{start.Name.Space}
	for _, a := range start.Attr {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			continue
		}
		attributes = append(attributes, a)
		if a.Name.Space != "" {
			used = append(used, a.Name.Space)
		}
	}
	now := map[string]string{}
	for prefix, iri := range shown {
		now[prefix] = iri
	}
	slices.Sort(used)
	tag := "<" + written(start.Name)
	for _, prefix := range slices.Compact(used) {
		iri, ok := s.namespaces[prefix]
		switch {
		case !ok && prefix != "":
			return "", nil, lex.Errorf(at, "the prefix %s: is not declared", prefix)
		case now[prefix] == iri:
			continue
		}
		now[prefix] = iri
		tag += ` ` + strings.TrimSuffix("xmlns:"+prefix, ":") + `="` + xmlValue.Replace(iri) + `"`
	}
	slices.SortFunc(attributes, func(a, b xml.Attr) int {
		space := func(a xml.Attr) string {
			if a.Name.Space == "" {
				return ""
			}
			return s.namespaces[a.Name.Space]
		}
		return cmp.Or(cmp.Compare(space(a), space(b)), cmp.Compare(a.Name.Local, b.Name.Local))
	})
	for _, a := range attributes {
		tag += ` ` + written(a.Name) + `="` + xmlValue.Replace(a.Value) + `"`
	}
	return tag + ">", now, nil
}
