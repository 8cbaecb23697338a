package lang

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

// contentMax bounds what file('…') brings in, where the field has no bound of
// its own.
const contentMax = 1 << 20

// scalar compiles a simple value or a reference.
func (b *body) scalar(f *base.Field, n *Node) *base.Value {
	if n.Kind == CallNode {
		if f.Function == n.Text {
			return b.scalar(f, n.Items[0])
		}
		return b.bring(f, n)
	}
	switch f.Type {
	case base.TypeInteger:
		return b.integer(f, n)
	case base.TypeDouble:
		if n.Kind != NumberNode {
			return b.mistyped(n, f, "a number", "")
		}
		return at(n, base.NumberValue)
	case base.TypeBoolean:
		if n.Kind != BoolNode {
			return b.mistyped(n, f, "true or false", "it without quotes")
		}
		v := at(n, base.BoolValue)
		v.Text = ""
		return v
	case base.TypeRef:
		return b.reference(f, n)
	}
	if n.Kind != StringNode {
		return b.mistyped(n, f, "a string", inQuotes(n))
	}
	return at(n, base.StringValue)
}

// inQuotes is a number or truth value as a string.
func inQuotes(n *Node) string {
	if n.Kind == NumberNode || n.Kind == BoolNode {
		return quote(shorten(n.Text))
	}
	return ""
}

func (b *body) integer(f *base.Field, n *Node) *base.Value {
	v := at(n, base.NumberValue)
	switch {
	case f.Syntax != base.PlainSyntax && n.Kind == StringNode:
		value, err := base.ParseQuantity(n.Text, f.Syntax)
		if err != nil {
			return b.fault(n.Line, n.Column, "quantity", f.Shape, base.ExpectedQuantity(f.Syntax), f.Name+": "+err.Error())
		}
		v.Text = fmt.Sprint(value)
		return v
	case f.Syntax != base.PlainSyntax:
		return b.mistyped(n, f, base.ExpectedQuantity(f.Syntax), "")
	case n.Kind == StringNode && n.Text != "" && strings.Trim(n.Text, "-0123456789") == "":
		return b.mistyped(n, f, "a number", n.Text+" without quotes")
	case n.Kind != NumberNode:
		return b.mistyped(n, f, "a number", "")
	}
	return v
}

func (b *body) reference(f *base.Field, n *Node) *base.Value {
	if n.Kind != StringNode {
		return b.mistyped(n, f, "the name of "+article(labelOf(b.model.Class(f.Target))), "")
	}
	v := at(n, base.StringValue)
	failed := len(b.decoder.Violations)
	ref := b.decoder.Ref(v, f.Target, f.Shape)
	if len(b.decoder.Violations) > failed {
		b.resource.failed = append(b.resource.failed, b.decoder.Pointer(""))
		b.suggest(f, n.Text, &b.decoder.Violations[failed])
		return nil
	}
	v.Text = ref.Absolute(b.options.Root)
	return v
}

// suggest adds the nearest declared name to a violation about a reference of an
// abstract class, which only the deployment can resolve by name alone.
func (b *body) suggest(f *base.Field, name string, v *base.Violation) {
	target := b.model.Class(f.Target)
	if !target.Abstract || v.ID != "reference" {
		return
	}
	var names []string
	for ref, r := range b.declared {
		if slices.Contains(target.Kinds, r.Class.Name) && ref.Product() == b.resource.Address.Product {
			names = append(names, ref.Name())
		}
	}
	slices.Sort(names)
	if near := base.Nearest(name, names); near != "" {
		v.Message += "; did you mean " + quote(near) + "?"
	}
}

// bring compiles file('…') and env('…').
func (b *body) bring(f *base.Field, n *Node) *base.Value {
	if !brings(f, n.Text) {
		var words []string
		for _, word := range []string{"file", "env"} {
			if brings(f, word) {
				words = append(words, word)
			}
		}
		if f.Function != "" {
			words = append(words, f.Function)
		}
		return b.unknownFunction(f, n, words)
	}
	name := n.Items[0]
	v := &base.Value{Kind: base.StringValue, Line: n.Line, Column: n.Column}
	if n.Text == "env" {
		if b.options.Getenv != nil {
			if text, ok := b.options.Getenv(name.Text); ok {
				v.Text = text
				return b.text(f, v, "the environment variable "+name.Text)
			}
		}
		return b.fault(name.Line, name.Column, "env", f.Shape, "", fmt.Sprintf("%s: the environment has no variable %s; set it before", f.Name, shorten(name.Text)))
	}
	if b.read == nil {
		return b.fault(name.Line, name.Column, "file", f.Shape, "", f.Name+": no files can be read here")
	}
	content, err := b.read(name.Text, contentMax)
	if err != nil {
		return b.fault(name.Line, name.Column, "file", f.Shape, "", fmt.Sprintf("%s: %v", f.Name, err))
	}
	v.Text = string(content)
	return b.text(f, v, "the file "+quote(shorten(name.Text)))
}

// text refuses what is brought in and is no text. A sensitive value loses the
// line break that editors put at the end of a file.
func (b *body) text(f *base.Field, v *base.Value, source string) *base.Value {
	if !utf8.ValidString(v.Text) || strings.ContainsRune(v.Text, 0) {
		return b.fault(v.Line, v.Column, "utf8", f.Shape, "UTF-8", fmt.Sprintf("%s: %s is not UTF-8 text", f.Name, source))
	}
	if f.Sensitive {
		v.Text = strings.TrimSuffix(strings.TrimSuffix(v.Text, "\n"), "\r")
	}
	return v
}
