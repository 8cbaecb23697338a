package lang

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
)

// mapping compiles a map in either of its forms: { key: value } or
// [ { keyField: key, … } ].
func (b *body) mapping(f *base.Field, n *Node) *base.Value {
	v := at(n, base.ObjectValue)
	v.Text = ""
	seen := map[string]bool{}
	switch n.Kind {
	case ObjectNode:
		for _, e := range n.Entries {
			b.pair(v, f, e, seen)
		}
	case ListNode:
		for i, item := range n.Items {
			if e := b.keyed(f, i, item); e != nil {
				b.pair(v, f, e, seen)
			}
		}
	default:
		return b.mistyped(n, f, "an object", "{ "+f.Key+": … }")
	}
	return v
}

// keyed finds the key inside an item of the list form.
func (b *body) keyed(f *base.Field, i int, item *Node) *Entry {
	b.decoder.Enter(fmt.Sprint(i))
	defer b.decoder.Leave()
	if item.Kind != ObjectNode {
		b.mistyped(item, f, "an object", "{ "+f.Key+": '…', … }")
		return nil
	}
	for _, e := range item.Entries {
		if e.Name != f.Key {
			continue
		}
		if e.Value.Kind != StringNode {
			b.mistyped(e.Value, b.model.Class(f.Object).Field(f.Key), "a string", "")
			return nil
		}
		return &Entry{Name: e.Value.Text, Line: e.Value.Line, Column: e.Value.Column, Value: item}
	}
	b.fault(item.Line, item.Column, "missing", f.Shape, f.Key, fmt.Sprintf("%s: %s is missing", f.Name, f.Key))
	return nil
}

// pair compiles one key with its value into a member of v.
func (b *body) pair(v *base.Value, f *base.Field, e *Entry, seen map[string]bool) {
	b.decoder.Enter(e.Name)
	defer b.decoder.Leave()
	key, ok := b.key(f, e)
	if !ok {
		return
	}
	if seen[key] {
		b.fault(e.Line, e.Column, "twice", f.Shape, "", fmt.Sprintf("%s: the key %s stands twice", f.Name, quote(shorten(key))))
		return
	}
	seen[key] = true
	value := b.valueOf(f, e.Value)
	if value != nil {
		v.Members = append(v.Members, &base.Member{Name: key, Line: e.Line, Column: e.Column, Value: value})
	}
}

// valueOf compiles the value of a key: an object, or the one scalar of a map
// of scalars.
func (b *body) valueOf(f *base.Field, n *Node) *base.Value {
	if f.Value == "" {
		return b.nested(f, n, f.Key)
	}
	field := b.model.Class(f.Object).Field(f.Value)
	if n.Kind != ObjectNode {
		return b.scalar(field, n)
	}
	object := b.nested(f, n, f.Key)
	if object == nil {
		return nil
	}
	if value := object.Get(f.Value); value != nil {
		return value
	}
	return b.fault(n.Line, n.Column, "missing", field.Shape, f.Value, f.Value+" is missing")
}

// key is the name of a member as JSON has it: for references the shortest.
func (b *body) key(f *base.Field, e *Entry) (string, bool) {
	field := b.model.Class(f.Object).Field(f.Key)
	if field.Type != base.TypeRef {
		return e.Name, true
	}
	failed := len(b.decoder.Violations)
	ref := b.decoder.KeyRef(&base.Member{Name: e.Name, Line: e.Line, Column: e.Column}, field.Target, field.Shape)
	if len(b.decoder.Violations) > failed {
		b.resource.failed = append(b.resource.failed, b.decoder.Pointer(""))
		return "", false
	}
	return shortest(b.model, field, ref, b.resource.Address.Ref), true
}

// shortest is the least text by which a reference in a field is understood.
func shortest(model *base.Model, field *base.Field, ref, from base.Ref) string {
	kind, _, violation := model.AddressOf(ref)
	if violation != nil {
		return string(ref)
	}
	target := model.Class(field.Target)
	if kind == target {
		return ref.Short(from, kind.InCluster && kind.InProduct)
	}
	product := ref.Product()
	switch {
	case product != "" && product == from.Scope():
		return kind.Segment + "/" + ref.Name()
	case product != "":
		return product.Name() + "/" + kind.Segment + "/" + ref.Name()
	}
	return string(ref)
}
