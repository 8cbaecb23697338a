package codec

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/expr"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/plan"
)

// encode writes the statements that write one field.
func encode(b *gocode.Block, f *plan.Field, of string) {
	x := of + "." + f.Go
	switch {
	case f.Sensitive && f.Form == base.Single:
		b.Do("e.Sensitive(%q, %s)", f.Name, x)
	case f.Sensitive:
		b.Do("e.Sensitives(%q, %s)", f.Name, x)
	case f.Form == base.Map && f.Value != nil && f.GoType == "map[string]string":
		b.Do("e.Map(%q, %s)", f.Name, x)
	case f.Form == base.Map:
		b.If(expr.Given(f, of), func(b *gocode.Block) { encodeMap(b, f, x) })
	case f.Form != base.Single:
		encodeMany(b, f, x)
	default:
		b.When(expr.Given(f, of), func(b *gocode.Block) { encodeSingle(b, f, of) })
	}
}

func encodeMap(b *gocode.Block, f *plan.Field, x string) {
	b.Do("e.Object(%q)", f.Name)
	b.For("key, value := range base.Sorted("+x+")", func(b *gocode.Block) {
		if f.GoKey == "base.Ref" {
			b.Do("e.Key(key, %t)", expr.InBoth(f.Key))
		} else {
			b.Do("e.Name(key)")
		}
		switch {
		case f.Value == nil:
			b.Do("append%s(e, &value)", f.Object.Go)
		case f.Value.Type == base.TypeEnum:
			b.Do("e.TextItem(string(value))")
		default:
			b.Do("e.%sItem(value)", verb(f.Value))
		}
	})
	b.Do("e.End()")
}

func encodeMany(b *gocode.Block, f *plan.Field, x string) {
	switch f.Type {
	case base.TypeRef:
		b.Do("e.Refs(%q, %s)", f.Name, x)
	case base.TypeEnum:
		b.Do("e.Texts(%q, base.Strings(%s))", f.Name, x)
	case base.TypeInteger:
		b.Do("e.Integers(%q, %s)", f.Name, x)
	case base.TypeDateTime:
		b.Do("e.Texts(%q, base.Times(%s))", f.Name, x)
	default:
		b.Do("e.Texts(%q, %s)", f.Name, x)
	}
}

func encodeSingle(b *gocode.Block, f *plan.Field, of string) {
	x := expr.Value(f, of)
	switch f.Type {
	case base.TypeObject:
		b.Do("e.Name(%q)", f.Name)
		if !f.Pointer {
			x = "&" + x
		}
		b.Do("append%s(e, %s)", f.Object.Go, x)
	case base.TypeEnum:
		b.Do("e.Text(%q, string(%s))", f.Name, x)
	default:
		b.Do("e.%s(%q, %s)", verb(f), f.Name, x)
	}
}

// verb is the method that writes a single value.
func verb(f *plan.Field) string {
	switch f.Type {
	case base.TypeInteger:
		return "Integer"
	case base.TypeBoolean:
		return "Boolean"
	case base.TypeDouble:
		return "Double"
	case base.TypeDateTime:
		return "Time"
	case base.TypeRef:
		return "Ref"
	}
	return "Text"
}

// decode writes the statement that reads one field.
func decode(b *gocode.Block, f *plan.Field, to string) {
	x := to + "." + f.Go
	switch f.Form {
	case base.Map:
		b.Do("%s = base.ReadMap(d, m.Value, %s,\n%s,\n%s)", x, expr.Rule(f), key(f), entry(f))
	case base.Set:
		b.Do("%s = base.ReadSet(d, m.Value, %s, %s)", x, expr.Rule(f), reader(f))
	case base.List:
		b.Do("%s = base.ReadList(d, m.Value, %s)", x, reader(f))
	default:
		if f.Pointer {
			b.Do("%s = new(%s)", x, read(f, "m.Value"))
			return
		}
		b.Do("%s = %s", x, read(f, "m.Value"))
	}
}

// key is the function that reads the key of a map.
func key(f *plan.Field) string {
	if f.GoKey == "base.Ref" {
		return fmt.Sprintf("func(m *base.Member) base.Ref { return d.KeyRef(m, %q, %s) }", f.Key.Target.Class.Name, expr.Rule(f.Key))
	}
	return "nameOf"
}

// entry is the function that reads the value of a map.
func entry(f *plan.Field) string {
	inner := f
	if f.Value != nil {
		inner = f.Value
	}
	return fmt.Sprintf("func(m *base.Member) %s { return %s }", qualified(inner), read(inner, "m.Value"))
}

// reader is the function that reads one value of a set or list.
func reader(f *plan.Field) string {
	switch {
	case f.Type == base.TypeString:
		return "d.Text"
	case f.Type == base.TypeInteger:
		return "d.Integer"
	case f.Type == base.TypeDateTime:
		return "d.DateTime"
	}
	return fmt.Sprintf("func(v *base.Value) %s { return %s }", qualified(f), read(f, "v"))
}

func qualified(f *plan.Field) string {
	if f.Type == base.TypeEnum || f.Type == base.TypeObject && f.Value == nil {
		return "domain." + f.GoElem
	}
	return f.GoElem
}

// read is the expression that reads one value.
func read(f *plan.Field, v string) string {
	switch {
	case f.Sensitive:
		return "d.Sensitive(" + v + ")"
	case f.Type == base.TypeObject:
		return "decode" + f.Object.Go + "(d, " + v + ")"
	case f.Type == base.TypeEnum:
		var tokens []string
		for _, t := range f.Enum.Tokens {
			tokens = append(tokens, t.Token.Token)
		}
		return fmt.Sprintf("domain.%s(d.Token(%s, %s, %s))", f.Enum.Go, v, expr.Rule(f), expr.Quoted(tokens))
	case f.Type == base.TypeRef && f.Target == nil:
		return "d.Link(" + v + ")"
	case f.Type == base.TypeRef:
		return fmt.Sprintf("d.Ref(%s, %q, %s)", v, f.Target.Class.Name, expr.Rule(f))
	case optionalText(f):
		return fmt.Sprintf("d.Given(%s, %s)", v, expr.Rule(f))
	case f.Type == base.TypeDateTime:
		return "d.DateTime(" + v + ")"
	}
	return "d." + verb(f) + "(" + v + ")"
}

// fill is the default of a field as an expression.
func fill(f *plan.Field) string {
	if f.Type == base.TypeEnum {
		return "domain." + f.GoDefault
	}
	return f.GoDefault
}

// optionalText reports whether the empty text stands for absence in Go.
func optionalText(f *plan.Field) bool {
	return f.Type == base.TypeString && f.Form == base.Single && !f.Required && f.Default == "" && !f.Pointer && f.MinLength > 0
}
