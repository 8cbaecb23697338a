package rdf

import (
	"bufio"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

// Context is what JSON-LD calls by that name, as far as the flat form needs it.
type Context struct {
	Vocab    string // IRI that property names without a term are appended to, or ""
	Prefixes []Prefix
	Terms    []ContextTerm
}

// ContextTerm gives a property a short name and its objects a type: "@id", a
// datatype IRI, or "" for plain strings. Names are unique.
type ContextTerm struct{ Name, IRI, Type string }

// writeJSONLD writes the flat form: one object for each subject, values as
// strings in their lexical form, so that no processor touches a number.
func writeJSONLD(w *bufio.Writer, quads []base.Quad, c *Context, p *pulse) error {
	j := newJSONLDWriter(c, quads)
	j.pulse = p
	j.b = append(j.b, '{')
	if j.context() {
		j.b = append(j.b, ',')
	}
	j.b = append(j.b, "\n  \"@graph\": ["...)
	first := true
	for _, g := range groupBy(p, quads, func(q base.Quad) base.Term { return q.G }) {
		if g.key.IsZero() {
			j.nodes(g.quads, "\n    ", &first)
			continue
		}
		j.comma(&first)
		j.b = append(j.b, "\n    {\"@id\": "...)
		j.str(resourceName(g.key))
		j.b = append(j.b, ", \"@graph\": ["...)
		inner := true
		j.nodes(g.quads, "\n      ", &inner)
		j.b = append(j.b, "\n    ]}"...)
	}
	if !first {
		j.b = append(j.b, "\n  "...)
	}
	j.b = append(j.b, "]\n}\n"...)
	if p.err != nil {
		return p.err
	}
	_, err := w.Write(j.b)
	return err
}

type jsonldWriter struct {
	b      []byte
	c      Context
	terms  map[string][]ContextTerm // by IRI
	taken  map[string]bool          // names of terms and prefixes
	active bool
	pulse  *pulse
}

// newJSONLDWriter takes over the part of the context that these quads use and
// that is safe for them: an absolute IRI whose scheme is also a prefix would
// read as short, and JSON-LD has no escape, so such data are written without a
// context.
func newJSONLDWriter(c *Context, quads []base.Quad) *jsonldWriter {
	j := &jsonldWriter{terms: map[string][]ContextTerm{}, taken: map[string]bool{}}
	if c == nil {
		return j
	}
	j.c, j.active = *c, true
	j.c.Terms = nil
	used := map[string]bool{}
	for _, q := range quads {
		used[q.P.Value] = true
	}
	for _, t := range c.Terms {
		if !used[t.IRI] {
			continue
		}
		j.c.Terms = append(j.c.Terms, t)
		j.terms[t.IRI] = append(j.terms[t.IRI], t)
		j.taken[t.Name] = true
	}
	j.c.Prefixes = nil
	for _, p := range c.Prefixes {
		if isPrefixName(p.Name) && p.Name != "" && !j.taken[p.Name] {
			j.taken[p.Name] = true
			j.c.Prefixes = append(j.c.Prefixes, p)
		}
	}
	for _, q := range quads {
		for _, t := range [5]base.Term{q.S, q.P, q.O, q.G, base.IRI(q.O.Datatype)} {
			if t.Kind == base.IRITerm && j.mistaken(t.Value) {
				return &jsonldWriter{terms: map[string][]ContextTerm{}, taken: map[string]bool{}}
			}
		}
	}
	return j
}

// mistaken reports whether an absolute IRI would be read as a compact one.
func (j *jsonldWriter) mistaken(iri string) bool {
	scheme, rest, _ := strings.Cut(iri, ":")
	return j.taken[scheme] && !strings.HasPrefix(rest, "//")
}

// context writes @context and reports whether there is one.
func (j *jsonldWriter) context() bool {
	if !j.active {
		return false
	}
	first := true
	entry := func(name string) {
		j.comma(&first)
		j.b = append(j.b, "\n    "...)
		j.str(name)
		j.b = append(j.b, ": "...)
	}
	j.b = append(j.b, "\n  \"@context\": {"...)
	for _, p := range j.c.Prefixes {
		entry(p.Name)
		if strings.ContainsAny(p.IRI[max(0, len(p.IRI)-1):], ":/?#[]@") {
			j.str(p.IRI)
		} else { // JSON-LD 1.1, section 4.1.5: no other IRI is a prefix by itself
			j.object("@id", p.IRI, "@prefix", "")
		}
	}
	if j.c.Vocab != "" {
		entry("@vocab")
		j.str(j.c.Vocab)
	}
	for _, t := range j.c.Terms {
		entry(t.Name)
		if t.Type == "" {
			j.object("@id", j.compact(t.IRI))
		} else if t.Type == "@id" {
			j.object("@id", j.compact(t.IRI), "@type", "@id")
		} else {
			j.object("@id", j.compact(t.IRI), "@type", j.compact(t.Type))
		}
	}
	j.b = append(j.b, "\n  }"...)
	return true
}

// nodes writes the subjects of one graph.
func (j *jsonldWriter) nodes(quads []base.Quad, indent string, first *bool) {
	for _, s := range groupBy(j.pulse, quads, func(q base.Quad) base.Term { return q.S }) {
		if !j.pulse.beats() {
			break
		}
		j.comma(first)
		j.b = append(append(j.b, indent...), "{\"@id\": "...)
		j.str(resourceName(s.key))
		for _, p := range j.properties(s.quads) {
			j.b = append(append(append(j.b, ','), indent...), ' ')
			j.str(p.name)
			j.b = append(j.b, ": "...)
			many := len(p.objects) > 1 || p.name == "@type"
			if many {
				j.b = append(j.b, '[')
			}
			for i, o := range p.objects {
				if i > 0 {
					j.b = append(j.b, ", "...)
				}
				j.value(o, p)
			}
			if many {
				j.b = append(j.b, ']')
			}
		}
		j.b = append(j.b, '}')
	}
}

// member is a property under the name it is written with.
type member struct {
	name, kind string // kind: the type that the name gives to strings
	objects    []base.Term
}

// properties groups the quads of a subject by the name of their property: an
// object takes the term that has its type, if there is one.
func (j *jsonldWriter) properties(quads []base.Quad) []member {
	var out []member
	at := map[string]int{}
	for _, p := range groupBy(j.pulse, quads, func(q base.Quad) base.Term { return q.P }) {
		for _, o := range groupBy(j.pulse, p.quads, func(q base.Quad) base.Term { return q.O }) {
			name, kind := j.name(p.key.Value, o.key)
			i, ok := at[name]
			if !ok {
				i = len(out)
				at[name] = i
				out = append(out, member{name: name, kind: kind})
			}
			out[i].objects = append(out[i].objects, o.key)
		}
	}
	return out
}

func (j *jsonldWriter) name(property string, object base.Term) (name, kind string) {
	if property == base.RDFType && object.Kind != base.LiteralTerm {
		return "@type", "@type"
	}
	terms := j.terms[property]
	for _, t := range terms {
		if t.Type == valueType(object) {
			return t.Name, t.Type
		}
	}
	if len(terms) > 0 {
		return terms[0].Name, terms[0].Type
	}
	if local, ok := strings.CutPrefix(property, j.c.Vocab); ok && j.c.Vocab != "" && local != "" && isPlainLocal(local) && !j.taken[local] {
		return local, ""
	}
	return j.compact(property), ""
}

// valueType is the type that a term must have for the object to be a string.
func valueType(o base.Term) string {
	switch {
	case o.Kind != base.LiteralTerm:
		return "@id"
	case o.Datatype == base.XSDString:
		return ""
	case o.Lang != "":
		return "@language" // no term has it
	}
	return o.Datatype
}

func (j *jsonldWriter) value(o base.Term, p member) {
	switch {
	case p.kind == "@type" && o.Kind == base.IRITerm:
		j.str(j.compact(o.Value))
	case o.Kind != base.LiteralTerm && (p.kind == "@type" || p.kind == "@id"):
		j.str(resourceName(o))
	case o.Kind != base.LiteralTerm:
		j.object("@id", resourceName(o))
	case p.kind == valueType(o):
		j.str(o.Value)
	case o.Lang != "":
		j.object("@value", o.Value, "@language", o.Lang)
	case o.Datatype == base.XSDString && p.kind != "":
		j.object("@value", o.Value)
	default:
		j.object("@value", o.Value, "@type", j.compact(o.Datatype))
	}
}

// compact shortens an IRI with the longest prefix that fits.
func (j *jsonldWriter) compact(iri string) string {
	best := Prefix{}
	for _, p := range j.c.Prefixes {
		if local, ok := strings.CutPrefix(iri, p.IRI); ok && local != "" && isPlainLocal(local) && len(p.IRI) > len(best.IRI) {
			best = p
		}
	}
	if best.IRI == "" {
		return iri
	}
	return best.Name + ":" + iri[len(best.IRI):]
}

func resourceName(t base.Term) string {
	if t.Kind == base.BlankTerm {
		return "_:" + t.Value
	}
	return t.Value
}

func (j *jsonldWriter) comma(first *bool) {
	if !*first {
		j.b = append(j.b, ',')
	}
	*first = false
}

// object writes names and strings; the value of "@prefix" is true.
func (j *jsonldWriter) object(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if i == 0 {
			j.b = append(j.b, '{')
		} else {
			j.b = append(j.b, ", "...)
		}
		j.str(pairs[i])
		j.b = append(j.b, ": "...)
		if pairs[i] == "@prefix" {
			j.b = append(j.b, "true"...)
		} else {
			j.str(pairs[i+1])
		}
	}
	j.b = append(j.b, '}')
}

// str writes a JSON string (RFC 8259 section 7). The text is valid UTF-8.
func (j *jsonldWriter) str(s string) {
	const hex = "0123456789abcdef"
	j.b = append(j.b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			j.b = append(j.b, '\\', byte(r))
		case r == '\n':
			j.b = append(j.b, '\\', 'n')
		case r < ' ' || r == 0x7F:
			j.b = append(j.b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			j.b = utf8.AppendRune(j.b, r)
		}
	}
	j.b = append(j.b, '"')
}
