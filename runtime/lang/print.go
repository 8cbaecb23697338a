package lang

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

// lineMax is how many characters a line may have before an object or list on
// it is spread over several.
const lineMax = 100

// Print writes resources as .picloud: products first, each followed by what
// belongs to it, kinds in the order of the model, then by name. Values are as
// JSON gives them (what is reported under status is left out, write-only values
// are not there to be printed), references are below root.
//
// The text is the one that Compile reads back as the same values.
func Print(model *base.Model, root string, resources []*Resource) []byte {
	ranks := map[*base.Class]int{}
	for i, c := range model.Classes {
		ranks[c] = i
	}
	resources = slices.Clone(resources)
	slices.SortStableFunc(resources, func(a, b *Resource) int {
		return cmp.Or(
			cmp.Compare(a.Address.Ref.Scope(), b.Address.Ref.Scope()),
			compareBool(a.Address.Product != "", b.Address.Product != ""),
			cmp.Compare(ranks[a.Class], ranks[b.Class]),
			cmp.Compare(a.Address.Name, b.Address.Name))
	})
	var b bytes.Buffer
	for i, r := range resources {
		if i > 0 {
			b.WriteByte('\n')
		}
		p := &printer{model: model, resource: r, out: &b}
		p.decoder = &base.Decoder{Model: model, Root: root, Address: r.Address}
		p.declaration()
	}
	return b.Bytes()
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

type printer struct {
	model    *base.Model
	resource *Resource
	decoder  *base.Decoder // resolves references
	out      *bytes.Buffer
}

// text is a printed value: a scalar on one line, or the parts of an object or
// list, which become lines or are joined.
type text struct {
	line  string
	parts []text
	open  string // "{" or "[" if there are parts
	name  string // before the colon
}

func (p *printer) declaration() {
	name := p.resource.Address.Name
	if p.resource.Class.Singleton {
		name = p.resource.Class.Word
	}
	p.out.WriteString(p.resource.Class.Word + " " + quote(name) + " = {\n")
	if product := p.resource.Address.Product; product != "" {
		p.out.WriteString("  product: " + quote(product.Name()) + "\n")
	}
	var secrets []string
	for _, f := range p.resource.Class.Fields {
		switch v := p.resource.Value.Get(f.Name); {
		case f.Observed:
		case p.sensitive(f):
			secrets = append(secrets, f.Name)
		case v != nil && v.Kind != base.NullValue:
			t := p.field(f, v)
			t.name = f.Name
			p.write(t, 1, 1)
		}
	}
	if len(secrets) > 0 {
		p.out.WriteString("  // " + strings.Join(secrets, " or ") + " is never shown; where there is none yet, add " + secrets[0] + ": env('…') or file('…')\n")
	}
	p.out.WriteString("}\n")
}

// sensitive tests for fields that are never printed, even where a value is at
// hand.
func (p *printer) sensitive(f *base.Field) bool {
	if f.Form == base.Map && f.Value != "" {
		return f.Sensitive || p.model.Class(f.Object).Field(f.Value).Sensitive
	}
	return f.Sensitive
}

// write puts a text on lines. Objects directly in a resource are always
// spread, as their fields are what people change.
func (p *printer) write(t text, level int, spread int) {
	indent := strings.Repeat("  ", level)
	head := indent
	if t.name != "" {
		head += t.name + ": "
	}
	if line := t.oneLine(); t.open == "" || utf8.RuneCountInString(head+line) <= lineMax && (t.open == "[" || level > spread) {
		p.out.WriteString(head + line + "\n")
		return
	}
	p.out.WriteString(head + t.open + "\n")
	for _, part := range t.parts {
		p.write(part, level+1, spread)
	}
	p.out.WriteString(indent + closing(t.open) + "\n")
}

func closing(open string) string {
	if open == "[" {
		return "]"
	}
	return "}"
}

func (t text) oneLine() string {
	if t.open == "" {
		return t.line
	}
	parts := make([]string, len(t.parts))
	for i, part := range t.parts {
		if parts[i] = part.oneLine(); part.name != "" {
			parts[i] = part.name + ": " + parts[i]
		}
		if strings.Contains(parts[i], "\n") {
			return strings.Repeat(" ", lineMax) // never on one line
		}
	}
	switch {
	case len(parts) == 0:
		return t.open + closing(t.open)
	case t.open == "[":
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

func (p *printer) field(f *base.Field, v *base.Value) text {
	switch {
	case f.Form == base.Map && v.Kind == base.ObjectValue:
		return p.mapping(f, v)
	case v.Kind == base.ArrayValue:
		t := text{open: "["}
		for _, item := range v.Items {
			t.parts = append(t.parts, p.field(f, item))
		}
		return t
	case f.Type == base.TypeObject && v.Kind == base.ObjectValue:
		return p.object(p.model.Class(f.Object), v, "")
	}
	return text{line: p.scalar(f, v)}
}

func (p *printer) mapping(f *base.Field, v *base.Value) text {
	class := p.model.Class(f.Object)
	t := text{open: "{"}
	for _, m := range v.Members {
		var value text
		if f.Value != "" {
			value = p.field(class.Field(f.Value), m.Value)
		} else {
			value = p.object(class, m.Value, f.Key)
		}
		value.name = p.key(class.Field(f.Key), m)
		t.parts = append(t.parts, value)
	}
	return t
}

func (p *printer) key(field *base.Field, m *base.Member) string {
	name := m.Name
	if field.Type == base.TypeRef {
		p.decoder.Violations = nil
		if ref := p.decoder.KeyRef(m, field.Target, ""); len(p.decoder.Violations) == 0 {
			name = shortest(p.model, field, ref, p.resource.Address.Ref)
		}
	}
	if isWord(name) {
		return name
	}
	return quote(name)
}

func isWord(s string) bool {
	for _, c := range s {
		if !isWordPart(c) {
			return false
		}
	}
	return s != "" && isWordStart(rune(s[0]))
}

// object prints a value object in its shortest form.
func (p *printer) object(class *base.Class, v *base.Value, key string) text {
	if line, ok := p.compound(class, v, key); ok {
		return text{line: line}
	}
	if len(v.Members) == 1 {
		if t, ok := p.shorthand(class, v.Members[0]); ok {
			return t
		}
	}
	t := text{open: "{"}
	for _, f := range class.Fields {
		if value := v.Get(f.Name); value != nil && value.Kind != base.NullValue && !f.Observed && !p.sensitive(f) {
			part := p.field(f, value)
			part.name = f.Name
			t.parts = append(t.parts, part)
		}
	}
	return t
}

// shorthand prints the only member of an object as a function or bare value.
func (p *printer) shorthand(class *base.Class, m *base.Member) (text, bool) {
	f := class.Field(m.Name)
	if f == nil || p.sensitive(f) || f.Form != base.Single || f.Type == base.TypeObject {
		return text{}, false
	}
	function := f.Function
	if class.Filled == f.Name {
		function = cmp.Or(function, class.Function)
	}
	switch {
	case function != "" && m.Value.Kind == base.StringValue:
		return text{line: function + "(" + p.scalar(f, m.Value) + ")"}, true
	case class.Shorthand == f.Name && class.Separator == "":
		return text{line: p.scalar(f, m.Value)}, true
	}
	return text{}, false
}

// compound joins the fields of a compound value, if that can be taken apart
// again.
func (p *printer) compound(class *base.Class, v *base.Value, key string) (string, bool) {
	if class.Separator == "" {
		return "", false
	}
	fields := compoundFields(class, key)
	if len(v.Members) != len(fields) {
		return "", false
	}
	parts := make([]string, len(fields))
	for i, f := range fields {
		value := v.Get(f.Name)
		if value == nil || value.Kind != base.StringValue && value.Kind != base.NumberValue {
			return "", false
		}
		parts[i] = p.plain(f, value)
		if i < len(fields)-1 && strings.Contains(parts[i], class.Separator) {
			return "", false
		}
	}
	return quote(strings.Join(parts, class.Separator)), true
}

// scalar prints a simple value.
func (p *printer) scalar(f *base.Field, v *base.Value) string {
	switch v.Kind {
	case base.BoolValue:
		return strconv.FormatBool(v.Bool)
	case base.NumberValue:
		if f.Syntax == base.PlainSyntax {
			return v.Text
		}
	case base.StringValue:
		if f.Type != base.TypeRef && strings.Contains(v.Text, "\n") && canBeRaw(v.Text) {
			return "'''\n" + v.Text + "'''"
		}
	}
	return quote(p.plain(f, v))
}

// plain is the content of a scalar without quotes.
func (p *printer) plain(f *base.Field, v *base.Value) string {
	switch {
	case f.Type == base.TypeRef:
		p.decoder.Violations = nil
		if ref := p.decoder.Ref(v, f.Target, ""); len(p.decoder.Violations) == 0 {
			return shortest(p.model, f, ref, p.resource.Address.Ref)
		}
	case v.Kind == base.NumberValue && f.Syntax != base.PlainSyntax:
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return base.Quantity(n, f.Syntax)
		}
	}
	return v.Text
}

// canBeRaw tests whether a text reads the same between ”' and ”'.
func canBeRaw(s string) bool {
	return !strings.Contains(s, "'''") && !strings.HasSuffix(s, "'") && !strings.ContainsFunc(s, func(c rune) bool { return c == '\r' || isHidden(c) })
}
