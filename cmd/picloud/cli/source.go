package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
)

// source writes a declaration in .picloud from what flags and answers gave.
func source(class *base.Class, name, product string, flags []*fieldFlag) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s = {\n", class.Word, quote(name))
	if product != "" {
		fmt.Fprintf(&b, "  product: %s\n", quote(product))
	}
	writeFields(&b, flags, 1)
	b.WriteString("}\n")
	return b.String()
}

// writeFields writes the fields that were given. The flags of an object's
// fields stand behind its own, one step deeper.
func writeFields(b *strings.Builder, flags []*fieldFlag, depth int) {
	indent := strings.Repeat("  ", depth)
	for len(flags) > 0 {
		f, end := flags[0], 1
		for end < len(flags) && len(flags[end].path) > depth {
			end++
		}
		inside := flags[1:end]
		flags = flags[end:]
		switch {
		case len(f.texts) > 0:
			fmt.Fprintf(b, "%s%s: %s\n", indent, f.field.Name, f.literal())
		case given(inside):
			fmt.Fprintf(b, "%s%s: {\n", indent, f.field.Name)
			writeFields(b, inside, depth+1)
			fmt.Fprintf(b, "%s}\n", indent)
		}
	}
}

func given(flags []*fieldFlag) bool {
	for _, f := range flags {
		if len(f.texts) > 0 {
			return true
		}
	}
	return false
}

// literal is the given value as .picloud writes it.
func (f *fieldFlag) literal() string {
	parts := make([]string, len(f.texts))
	switch f.field.Form {
	case base.Map:
		class := schema.Model.Class(f.field.Object)
		for i, text := range f.texts {
			key, value, _ := strings.Cut(text, "=")
			field := class.Field(f.field.Value)
			if field == nil {
				field = class.Field(class.Shorthand)
			}
			parts[i] = quote(key) + ": " + literal(field, value)
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case base.Set, base.List:
		for i, text := range f.texts {
			parts[i] = literal(f.field, text)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return literal(f.field, f.texts[0])
}

// literal is one value: objects and functions as they were given, for they are
// .picloud already, all else as the field demands. A nil field is that of a
// value without a short form.
func literal(f *base.Field, text string) string {
	switch {
	case strings.HasPrefix(text, "{") || isCall(text):
		return text
	case f == nil:
		return quote(text)
	case f.Type == base.TypeBoolean && (text == "true" || text == "false"):
		return text
	case f.Syntax == base.PlainSyntax && (f.Type == base.TypeInteger || f.Type == base.TypeDouble):
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return text
		}
	}
	return quote(text)
}

var call = regexp.MustCompile(`^[a-z]+\('[^'\\]*'\)$`)

// isCall tells function('argument').
func isCall(text string) bool { return call.MatchString(text) }

// quote writes a text as .picloud does.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, c := range text {
		switch {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case !strconv.IsPrint(c):
			fmt.Fprintf(&b, `\u{%x}`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
