package http

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
)

// shown is one value on a page for people: a leaf, several values, or fields
// within. Each field is a triple of the resource, each value its object.
type shown struct {
	Text, Href, Title, Time string
	Items                   []shown
	Ordered                 bool
	Fields                  []field
}

// field is one property of something that is shown.
type field struct {
	ID, Label, Href, Comment string
	Refers                   bool // the label is a reference, not a property
	Value                    shown
}

// Block reports whether a value needs a table of its own.
func (v shown) Block() bool {
	for _, f := range v.Fields {
		if len(f.Value.Fields) > 0 || len(f.Value.Items) > 0 || f.ID != "" {
			return true
		}
	}
	return false
}

// Long reports text that keeps its lines.
func (v shown) Long() bool { return strings.Contains(v.Text, "\n") }

// tree shows values by the description of their class.
type tree struct{ product base.Ref }

// fields shows the members of an object. at is the fragment of the object, ""
// for the resource itself.
func (t tree) fields(class *base.Class, v *base.Value, at string, skip ...string) (list []field) {
	for _, m := range v.Members {
		if contains(skip, m.Name) {
			continue
		}
		var f *base.Field
		if class != nil {
			f = class.Field(m.Name)
		}
		if f == nil {
			list = append(list, field{Label: words(m.Name), Value: t.plain(m.Value)})
			continue
		}
		list = append(list, field{
			ID: fragment(f, at), Label: words(f.Name), Href: ontologyHref(f.Shape), Comment: f.Comment, Value: t.value(f, m.Value, step(at, f.Name)),
		})
	}
	return list
}

// fragment is the anchor of an object that has an address.
func fragment(f *base.Field, at string) string {
	if f.Type == base.TypeObject && f.Form == base.Single {
		return step(at, f.Name)
	}
	return ""
}

func step(at, name string) string {
	if at == "" {
		return name
	}
	return at + "/" + name
}

// value shows all that a field holds.
func (t tree) value(f *base.Field, v *base.Value, at string) shown {
	switch {
	case f.Form == base.Map && v.Kind == base.ObjectValue:
		return shown{Fields: t.members(f, v, at)}
	case v.Kind == base.ArrayValue:
		list := shown{Ordered: f.Form == base.List}
		for _, item := range v.Items {
			list.Items = append(list.Items, t.one(f, item, at))
		}
		if len(list.Items) == 1 && !list.Ordered {
			return list.Items[0]
		}
		return list
	}
	return t.one(f, v, at)
}

// members shows a map: its keys take the place of labels.
func (t tree) members(f *base.Field, v *base.Value, at string) (list []field) {
	class := schema.Model.Class(f.Object)
	key := class.Field(f.Key)
	for _, m := range v.Members {
		entry := field{ID: step(at, url.PathEscape(m.Name)), Label: m.Name}
		if key != nil && key.Type == base.TypeRef {
			link := t.ref(t.absolute(key, m.Name))
			entry.Label, entry.Href, entry.Refers = link.Text, link.Href, true
		}
		if value := class.Field(f.Value); value != nil {
			entry.Value = t.one(value, m.Value, entry.ID)
		} else {
			entry.Value = shown{Fields: t.fields(class, m.Value, entry.ID)}
		}
		list = append(list, entry)
	}
	return list
}

// absolute is the address that a key of a map means: a name in the same
// product, or an address.
func (t tree) absolute(key *base.Field, name string) string {
	class := schema.Model.Class(key.Target)
	if strings.HasPrefix(name, "/") || class == nil || !class.Kind {
		return name
	}
	if t.product != "" && class.InProduct {
		return string(t.product) + "/" + class.Segment + "/" + name
	}
	return "/" + class.Segment + "/" + name
}

// one shows one value.
func (t tree) one(f *base.Field, v *base.Value, at string) shown {
	switch {
	case v.Kind == base.ObjectValue:
		return shown{Fields: t.fields(schema.Model.Class(f.Object), v, at)}
	case f.Type == base.TypeRef:
		return t.ref(v.Text)
	case f.Type == base.TypeDateTime:
		return moment(v.Text)
	case f.Type == base.TypeEnum:
		return token(f.Enum, v.Text)
	case f.Type == base.TypeInteger && f.Syntax != base.PlainSyntax:
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return shown{Text: readable(n, f.Syntax), Title: v.Text + " " + f.Unit}
		}
	}
	return t.plain(v)
}

// readable is a quantity as people write it, rounded where the exact text would
// be a row of digits.
func readable(n int64, syntax base.Syntax) string {
	exact := base.Quantity(n, syntax)
	if syntax != base.ByteSyntax || len(exact) <= len("9999MiB") {
		return exact
	}
	value, unit := float64(n), 0
	for ; value >= 1024 && unit < len(byteUnits)-1; unit++ {
		value /= 1024
	}
	return fmt.Sprintf("%.1f%s", value, byteUnits[unit])
}

var byteUnits = [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}

// plain shows what is not described.
func (t tree) plain(v *base.Value) shown {
	switch v.Kind {
	case base.StringValue, base.NumberValue:
		return shown{Text: v.Text}
	case base.BoolValue:
		if v.Bool {
			return shown{Text: "yes"}
		}
		return shown{Text: "no"}
	case base.ArrayValue:
		var list shown
		for _, item := range v.Items {
			list.Items = append(list.Items, t.plain(item))
		}
		return list
	case base.ObjectValue:
		return shown{Fields: t.fields(nil, v, "")}
	}
	return shown{}
}

// ref shows an address of the cluster, short within the same product.
func (t tree) ref(ref string) shown {
	if !strings.HasPrefix(ref, "/") {
		return shown{Text: ref}
	}
	text := ref
	if t.product != "" {
		if short, ok := strings.CutPrefix(ref, string(t.product)+"/"); ok {
			text = short
		}
	}
	if text == "/" {
		text = "the cluster"
	}
	return shown{Text: strings.TrimPrefix(text, "/"), Href: ref, Title: ref}
}

// moment shows a time as people read it.
func moment(text string) shown {
	short := text
	if len(text) >= len("2006-01-02T15:04:05") {
		short = strings.Replace(text[:len("2006-01-02T15:04:05")], "T", " ", 1)
	}
	return shown{Text: short + " UTC", Time: text, Title: text}
}

// token shows a member of an enumeration, with its meaning.
func token(enum, text string) shown {
	if e := schema.Model.Enum(enum); e != nil {
		for _, member := range e.Tokens {
			if member.Token == text {
				return shown{Text: text, Href: ontologyHref(member.IRI), Title: member.Comment}
			}
		}
	}
	return shown{Text: text}
}

// words parts a name as it stands in JSON or in a path: "storageIntent" is
// "storage intent", "feature-flags" are "feature flags".
func words(name string) string {
	var b strings.Builder
	for i, r := range strings.ReplaceAll(name, "-", " ") {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte(' ')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// ontologyHref is where a term of the ontology is described on this cluster.
func ontologyHref(iri string) string {
	if local, ok := strings.CutPrefix(iri, base.Meta); ok {
		return "/ontology/meta#" + local
	}
	if local, ok := strings.CutPrefix(iri, base.Ontology); ok {
		return "/ontology#" + local
	}
	return ""
}

// term shows a term of the graph: names of vocabularies with their prefix,
// addresses of the cluster from its root, both as links.
func (s *Server) term(t base.Term) shown {
	if t.Kind != base.IRITerm {
		if t.Datatype == base.XSDDateTime {
			return moment(t.Value)
		}
		return shown{Text: t.Value}
	}
	for _, p := range prefixes {
		if local, ok := strings.CutPrefix(t.Value, p.IRI); ok && local != "" {
			return shown{Text: p.Name + ":" + local, Href: ontologyHref(t.Value), Title: t.Value}
		}
	}
	if path, own := strings.CutPrefix(t.Value, s.root); own && strings.HasPrefix(path, "/") {
		return shown{Text: path, Href: path, Title: t.Value}
	}
	return shown{Text: t.Value}
}
