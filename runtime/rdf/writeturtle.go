package rdf

import (
	"bufio"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// Widths in characters.
const (
	turtleIndent = "   "
	rowMax       = 120 // a fragment that needs more is not put on one line
	cellMax      = 60  // a column wider than this is not aligned
)

// turtleWriter renders quads as a person would lay them out: the resource as a
// block with a property a line, its fragments a line each, and neighbouring
// fragments of the same shape as a table.
type turtleWriter struct {
	o    WriteOptions
	used map[string]bool // prefixes, by name
	pulse
}

func newTurtleWriter(o WriteOptions) *turtleWriter {
	t := &turtleWriter{o: o, used: map[string]bool{}, pulse: pulse{alive: o.Alive}}
	t.o.Prefixes = nil
	names := map[string]bool{}
	for _, p := range o.Prefixes { // one that cannot be declared is not used
		if isPrefixName(p.Name) && CheckIRI(p.IRI) == nil && !names[p.Name] {
			names[p.Name] = true
			t.o.Prefixes = append(t.o.Prefixes, p)
		}
	}
	return t
}

// subjectText is a subject with its properties, rendered.
type subjectText struct {
	subject    string
	properties []propertyText
	fragment   bool // of the base: stands on one line if it fits
}

type propertyText struct{ predicate, objects string }

func (t *turtleWriter) write(w *bufio.Writer, quads []base.Quad) error {
	var body strings.Builder
	for _, g := range groupBy(&t.pulse, quads, func(q base.Quad) base.Term { return q.G }) {
		if body.Len() > 0 {
			body.WriteByte('\n')
		}
		if g.key.IsZero() {
			t.blocks(&body, g.quads, "")
			continue
		}
		body.WriteString(t.term(g.key) + " {\n")
		t.blocks(&body, g.quads, turtleIndent)
		body.WriteString("}\n")
	}
	if t.err != nil {
		return t.err
	}
	header := t.header()
	if header != "" && body.Len() > 0 {
		header += "\n"
	}
	if _, err := w.WriteString(header); err != nil {
		return err
	}
	_, err := w.WriteString(body.String())
	return err
}

// header declares the base and the prefixes in use, aligned.
func (t *turtleWriter) header() string {
	var b strings.Builder
	if t.o.Base != "" {
		b.WriteString("@base <" + t.o.Base + "> .\n")
	}
	widest := 0
	for name := range t.used {
		widest = max(widest, utf8.RuneCountInString(name))
	}
	for _, p := range t.o.Prefixes {
		if t.used[p.Name] {
			b.WriteString("@prefix " + pad(p.Name+":", widest+1) + " <" + p.IRI + "> .\n")
		}
	}
	return b.String()
}

// blocks renders the subjects of one graph.
func (t *turtleWriter) blocks(b *strings.Builder, quads []base.Quad, indent string) {
	var subjects []subjectText
	for _, s := range groupBy(&t.pulse, quads, func(q base.Quad) base.Term { return q.S }) {
		subjects = append(subjects, t.subject(s))
	}
	for i := 0; i < len(subjects) && t.beats(); {
		if i > 0 && (!subjects[i].row() || !subjects[i-1].row()) {
			b.WriteByte('\n')
		}
		if !subjects[i].row() {
			subjects[i].block(b, indent)
			i++
			continue
		}
		end := i + 1
		for end < len(subjects) && subjects[end].row() && subjects[i].sameShape(subjects[end]) {
			end++
		}
		table(b, indent, subjects[i:end])
		i = end
	}
}

func (t *turtleWriter) subject(s quadGroup) subjectText {
	out := subjectText{subject: t.term(s.key), fragment: t.o.Base != "" && strings.HasPrefix(s.key.Value, t.o.Base+"#")}
	for _, p := range groupBy(&t.pulse, s.quads, func(q base.Quad) base.Term { return q.P }) {
		text := propertyText{predicate: "a"}
		if p.key.Value != base.RDFType {
			text.predicate = t.term(p.key)
		}
		var objects strings.Builder // of one subject there may be very many
		for i, o := range groupBy(&t.pulse, p.quads, func(q base.Quad) base.Term { return q.O }) {
			if i > 0 {
				objects.WriteString(", ")
			}
			objects.WriteString(t.term(o.key))
		}
		text.objects = objects.String()
		out.properties = append(out.properties, text)
	}
	return out
}

// row reports whether the subject goes on one line.
func (s subjectText) row() bool {
	width := len(s.subject)
	for _, p := range s.properties {
		width += len(p.predicate) + len(p.objects) + len("  ; ")
	}
	return s.fragment && width <= rowMax
}

func (s subjectText) sameShape(other subjectText) bool {
	if len(s.properties) != len(other.properties) {
		return false
	}
	for i, p := range s.properties {
		if p.predicate != other.properties[i].predicate {
			return false
		}
	}
	return true
}

func (s subjectText) block(b *strings.Builder, indent string) {
	b.WriteString(indent + s.subject)
	for i, p := range s.properties {
		if i > 0 {
			b.WriteString(" ;\n" + indent + turtleIndent[1:])
		}
		b.WriteString(" " + p.predicate + " " + p.objects)
	}
	b.WriteString(" .\n")
}

// table renders subjects of one shape with aligned columns.
func table(b *strings.Builder, indent string, rows []subjectText) {
	cell := func(r subjectText, column int) string {
		if column == 0 {
			return r.subject
		}
		return r.properties[column-1].objects
	}
	widths := make([]int, len(rows[0].properties)) // the last column needs none
	for column := range widths {
		for _, r := range rows {
			widths[column] = max(widths[column], utf8.RuneCountInString(cell(r, column)))
		}
		if widths[column] > cellMax {
			widths[column] = 0
		}
	}
	for _, r := range rows {
		b.WriteString(indent + pad(r.subject, widths[0]))
		for i, p := range r.properties {
			objects := p.objects
			if i+1 < len(widths) {
				objects = pad(objects, widths[i+1])
			}
			if i > 0 {
				b.WriteString(" ;")
			}
			b.WriteString(" " + p.predicate + " " + objects)
		}
		b.WriteString(" .\n")
	}
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// term renders a term with the prefixes and the base.
func (t *turtleWriter) term(term base.Term) string {
	switch {
	case term.Kind == base.IRITerm:
		return t.iri(term.Value)
	case term.Kind != base.LiteralTerm || term.Lang != "" || term.Datatype == base.XSDString:
		return string(appendTerm(nil, term))
	case isShort(term):
		return term.Value
	}
	return string(appendString(nil, term.Value)) + "^^" + t.iri(term.Datatype)
}

func (t *turtleWriter) iri(iri string) string {
	best := -1
	for i, p := range t.o.Prefixes {
		local, ok := strings.CutPrefix(iri, p.IRI)
		if ok && isPlainLocal(local) && (best < 0 || len(p.IRI) > len(t.o.Prefixes[best].IRI)) {
			best = i
		}
	}
	if best >= 0 {
		p := t.o.Prefixes[best]
		t.used[p.Name] = true
		return p.Name + ":" + iri[len(p.IRI):]
	}
	if rest, ok := strings.CutPrefix(iri, t.o.Base); ok && t.o.Base != "" && (rest == "" || rest[0] == '#') {
		iri = rest
	}
	return "<" + iri + ">"
}

// isPlainLocal tests for local names that need no escape and surprise nobody:
// PN_LOCAL without colons, percent signs and backslashes.
func isPlainLocal(s string) bool { return s == "" || isLabel(s) }

// isPrefixName tests for PN_PREFIX, which may be empty.
func isPrefixName(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return s == "" || isLabel(s) && lex.IsNameBase(first)
}

// isShort reports whether a literal may stand without quotes: it is one token
// that reads back as the same term.
func isShort(t base.Term) bool {
	switch t.Datatype {
	case base.XSDBoolean:
		return t.Value == "true" || t.Value == "false"
	case base.XSDInteger, base.XSDDecimal, base.XSDDouble:
		return numberType(t.Value) == t.Datatype
	}
	return false
}

// numberType is the datatype of an unquoted number, "" if s is none.
func numberType(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	mantissa, exponent, double := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent, double = s[:i], s[i+1:], true
	}
	whole, fraction, dot := strings.Cut(mantissa, ".")
	digits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	switch {
	case !digits(whole) || !digits(fraction) || whole+fraction == "":
		return ""
	case double:
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if exponent == "" || !digits(exponent) {
			return ""
		}
		return base.XSDDouble
	case dot && fraction != "":
		return base.XSDDecimal
	case dot:
		return ""
	}
	return base.XSDInteger
}

// quadGroup is the quads that share one term, in the order of its first quad.
type quadGroup struct {
	key   base.Term
	quads []base.Quad
}

// groupBy groups quads by a term. Most groups stand together and most lists of
// groups are short, so it looks at the last one first and hashes only many.
// Without a pulse it ends early.
func groupBy(p *pulse, quads []base.Quad, key func(base.Quad) base.Term) []quadGroup {
	const few = 16
	var groups []quadGroup
	var at map[base.Term]int
	find := func(k base.Term) int {
		if last := len(groups) - 1; last >= 0 && groups[last].key == k {
			return last
		}
		if at != nil {
			if i, ok := at[k]; ok {
				return i
			}
			return -1
		}
		return slices.IndexFunc(groups, func(g quadGroup) bool { return g.key == k })
	}
	for _, q := range quads {
		if !p.beats() {
			break
		}
		k := key(q)
		i := find(k)
		if i < 0 {
			i = len(groups)
			groups = append(groups, quadGroup{key: k})
			if at != nil {
				at[k] = i
			} else if len(groups) > few {
				at = make(map[base.Term]int, len(quads))
				for j, g := range groups {
					at[g.key] = j
				}
			}
		}
		groups[i].quads = append(groups[i].quads, q)
	}
	return groups
}
