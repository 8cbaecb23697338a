package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// body compiles the value of one resource. The decoder keeps the place and
// gathers the violations.
type body struct {
	*compiler
	resource *Resource
	decoder  *base.Decoder
	read     func(name string, limit int64) ([]byte, error)
}

// fault notes that the value at the present place cannot be read.
func (b *body) fault(line, column int, id, rule, expected, message string) *base.Value {
	pointer := b.decoder.Pointer("")
	b.resource.failed = append(b.resource.failed, pointer)
	b.decoder.Violations = append(b.decoder.Violations, base.Violation{
		ID: id, Message: message, Rule: rule, Pointer: pointer, Expected: expected, Line: line, Column: column,
	})
	return nil
}

// mistyped notes a value of another kind than the one expected. The hint, if
// any, says how it is written.
func (b *body) mistyped(n *Node, f *base.Field, expected, hint string) *base.Value {
	found := n.Kind.String()
	if n.Kind == CallNode {
		found = n.Text + "('…')"
	}
	message := fmt.Sprintf("%s: expected %s, found %s", f.Name, expected, found)
	if hint != "" {
		message += "; write " + hint
	}
	return b.fault(n.Line, n.Column, "type", f.Shape, expected, message)
}

func at(n *Node, kind base.ValueKind) *base.Value {
	return &base.Value{Kind: kind, Text: n.Text, Bool: n.Bool, Line: n.Line, Column: n.Column}
}

// object compiles the fields of a class. The key field of a map's value is
// given by the key and is left out.
func (b *body) object(class *base.Class, n *Node, key string) *base.Value {
	v := at(n, base.ObjectValue)
	v.Text = ""
	seen := map[string]bool{}
	for _, e := range n.Entries {
		if e.Name == key || class.Kind && e.Name == "product" && class.Field("product") == nil {
			continue
		}
		b.decoder.Enter(e.Name)
		if seen[e.Name] {
			b.fault(e.Line, e.Column, "twice", "", "", e.Name+" stands twice here")
		} else if value := b.entry(class, e); value != nil {
			v.Members = append(v.Members, &base.Member{Name: e.Name, Line: e.Line, Column: e.Column, Value: value})
		}
		seen[e.Name] = true
		b.decoder.Leave()
	}
	return v
}

func (b *body) entry(class *base.Class, e *Entry) *base.Value {
	f := class.Field(e.Name)
	switch {
	case f == nil:
		return b.unknown(class, e)
	case f.Observed:
		return b.fault(e.Line, e.Column, "observed", f.Shape, "", f.Name+" is reported by the cluster; leave it out")
	}
	switch f.Form {
	case base.Map:
		return b.mapping(f, e.Value)
	case base.Set, base.List:
		return b.array(f, e.Value)
	}
	return b.single(f, e.Value)
}

func (b *body) unknown(class *base.Class, e *Entry) *base.Value {
	var words []string
	for _, f := range class.Fields {
		if !f.Observed {
			words = append(words, f.Name)
		}
	}
	if class.InProduct {
		words = append(words, "product")
	}
	message := fmt.Sprintf("%s has no field %s", article(labelOf(class)), quote(shorten(e.Name)))
	if near := base.Nearest(e.Name, words); near != "" {
		message += "; did you mean " + near + "?"
		parent, _ := strings.CutSuffix(b.decoder.Pointer(""), b.lastStep(e.Name))
		b.resource.failed = append(b.resource.failed, parent+"/"+near) // which is not missing, only misspelt
	}
	return b.fault(e.Line, e.Column, "unknown", "", strings.Join(words, ", "), message)
}

// lastStep is how a name ends a pointer.
func (b *body) lastStep(name string) string {
	var c base.Check
	return c.Pointer(name)
}

// article puts "a" or "an" before a word.
func article(word string) string {
	if word != "" && strings.IndexByte("aeiouAEIOU", word[0]) >= 0 {
		return "an " + word
	}
	return "a " + word
}

func labelOf(c *base.Class) string {
	for _, name := range []string{c.Label, c.Word} {
		if name != "" {
			return name
		}
	}
	return c.Name
}

func (b *body) single(f *base.Field, n *Node) *base.Value {
	if f.Type == base.TypeObject {
		return b.nested(f, n, "")
	}
	return b.scalar(f, n)
}

// nested compiles a value object, which may be written in full, by its
// shorthand, as a compound text, or by a function.
func (b *body) nested(f *base.Field, n *Node, key string) *base.Value {
	class := b.model.Class(f.Object)
	switch {
	case n.Kind == ObjectNode:
		return b.object(class, n, key)
	case n.Kind == CallNode:
		field := functionField(class, n.Text)
		if field == nil {
			return b.noFunction(f, class, n)
		}
		return b.filled(field, n, n.Items[0])
	case n.Kind == StringNode && class.Separator != "":
		return b.compound(f, class, n, key)
	case class.Shorthand != "" && n.Kind != ListNode:
		return b.filled(class.Field(class.Shorthand), n, n)
	}
	return b.mistyped(n, f, b.formOf(class, key), "")
}

// filled is an object of which one field is given.
func (b *body) filled(field *base.Field, n, content *Node) *base.Value {
	b.decoder.Enter(field.Name)
	value := b.single(field, content)
	b.decoder.Leave()
	v := &base.Value{Kind: base.ObjectValue, Line: n.Line, Column: n.Column}
	if value != nil {
		v.Members = []*base.Member{{Name: field.Name, Line: n.Line, Column: n.Column, Value: value}}
	}
	return v
}

// compound takes 'container:read' apart.
func (b *body) compound(f *base.Field, class *base.Class, n *Node, key string) *base.Value {
	fields := compoundFields(class, key)
	parts := strings.SplitN(n.Text, class.Separator, len(fields))
	if len(parts) != len(fields) {
		return b.mistyped(n, f, b.formOf(class, key), "")
	}
	v := &base.Value{Kind: base.ObjectValue, Line: n.Line, Column: n.Column}
	for i, field := range fields {
		b.decoder.Enter(field.Name)
		part := &Node{Kind: StringNode, Text: parts[i], Line: n.Line, Column: n.Column}
		if field.Type == base.TypeInteger && field.Syntax == base.PlainSyntax {
			part.Kind = NumberNode
		}
		if value := b.scalar(field, part); value != nil {
			v.Members = append(v.Members, &base.Member{Name: field.Name, Line: n.Line, Column: n.Column, Value: value})
		}
		b.decoder.Leave()
	}
	return v
}

func compoundFields(class *base.Class, key string) []*base.Field {
	return slices.DeleteFunc(slices.Clone(class.Fields), func(f *base.Field) bool {
		return f.Name == key || f.Observed || f.Form != base.Single || f.Type == base.TypeObject
	})
}

// formOf says in a few words how a value of a class is written.
func (b *body) formOf(class *base.Class, key string) string {
	if class.Separator != "" {
		var names []string
		for _, f := range compoundFields(class, key) {
			names = append(names, f.Name)
		}
		return quote(strings.Join(names, class.Separator))
	}
	for _, f := range class.Fields {
		if f.Name != key && !f.Observed {
			return "{ " + f.Name + ": … }"
		}
	}
	return "an object"
}

// functionField is the field of a class that a function fills, or nil.
func functionField(class *base.Class, function string) *base.Field {
	if class.Function == function && class.Filled != "" {
		return class.Field(class.Filled)
	}
	for _, f := range class.Fields {
		if f.Function == function && function != "" {
			return f
		}
	}
	if shorthand := class.Field(class.Shorthand); shorthand != nil && brings(shorthand, function) {
		return nil // file and env belong to the field itself
	}
	return nil
}

// brings tests whether a field takes the functions that bring text in.
func brings(f *base.Field, function string) bool {
	return function == "file" && (f.Content || f.Sensitive) || function == "env" && f.Sensitive
}

func (b *body) noFunction(f *base.Field, class *base.Class, n *Node) *base.Value {
	if shorthand := class.Field(class.Shorthand); shorthand != nil && brings(shorthand, n.Text) {
		return b.filled(shorthand, n, n)
	}
	var words []string
	for _, field := range class.Fields {
		if field.Function != "" {
			words = append(words, field.Function)
		}
	}
	return b.unknownFunction(f, n, words)
}

func (b *body) unknownFunction(f *base.Field, n *Node, words []string) *base.Value {
	message := fmt.Sprintf("%s: %s('…') means nothing here", f.Name, shorten(n.Text))
	if near := base.Nearest(n.Text, words); near != "" {
		message += "; did you mean " + near + "?"
	} else if len(words) > 0 {
		message += "; known are " + strings.Join(words, ", ")
	}
	return b.fault(n.Line, n.Column, "function", f.Shape, strings.Join(words, ", "), message)
}

func (b *body) array(f *base.Field, n *Node) *base.Value {
	if n.Kind != ListNode {
		return b.mistyped(n, f, "a list", b.asList(n))
	}
	v := at(n, base.ArrayValue)
	for i, item := range n.Items {
		b.decoder.Enter(fmt.Sprint(i))
		if value := b.scalar(f, item); value != nil {
			v.Items = append(v.Items, value)
		}
		b.decoder.Leave()
	}
	return v
}

// asList says how a single value is written as a list.
func (b *body) asList(n *Node) string {
	if n.Kind == StringNode {
		return "[" + quote(shorten(n.Text)) + "]"
	}
	return "[ … ]"
}
