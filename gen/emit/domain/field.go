package domain

import (
	"fmt"
	"math"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/expr"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/plan"
)

// members are the fields of a struct.
func members(fields []*plan.Field) (m []gocode.Member) {
	for _, f := range fields {
		m = append(m, gocode.Member{Name: f.Go, Type: f.GoType, Doc: fieldDoc(f)})
	}
	return m
}

func fieldDoc(f *plan.Field) string {
	doc := f.Comment
	if f.Unit != "" {
		doc += " Unit: " + f.Unit + "."
	}
	if f.Field.Default != "" {
		doc += " Default: " + f.Field.Default + "."
	}
	return doc
}

// equal is the expression that compares one field of two objects.
func equal(f *plan.Field, a, b string) string {
	x, y := a+"."+f.Go, b+"."+f.Go
	switch {
	case f.Sensitive && f.Form == base.Single:
		return x + ".Same(" + y + ")"
	case f.Sensitive:
		return "maps.EqualFunc(" + x + ", " + y + ", base.Sensitive.Same)"
	case f.Form == base.Map && f.Value == nil:
		return "maps.EqualFunc(" + x + ", " + y + ", " + f.GoElem + ".Equal)"
	case f.Form == base.Map:
		return "maps.Equal(" + x + ", " + y + ")"
	case f.Form != base.Single:
		return "slices.Equal(" + x + ", " + y + ")"
	case f.Type == base.TypeObject && f.Pointer:
		return "base.Equal(" + x + ", " + y + ")"
	case f.Type == base.TypeObject:
		return x + ".Equal(" + y + ")"
	case f.Pointer:
		return "base.Same(" + x + ", " + y + ")"
	}
	return x + " == " + y
}

func differs(f *plan.Field, a, b string) string {
	text := equal(f, a, b)
	if strings.Contains(text, " == ") {
		return strings.Replace(text, " == ", " != ", 1)
	}
	return "!" + text
}

// validate writes the checks of one field.
func validate(b *gocode.Block, f *plan.Field, of string) {
	x := of + "." + f.Go
	switch {
	case f.Sensitive && f.Form == base.Single:
		b.Do("c.Sensitive(%q, %s, %s, %d, %d)", f.Name, expr.Rule(f), x, f.MinLength, f.MaxLength)
	case f.Form != base.Single && f.Required:
		validateMany(b, f, x)
	case f.Form != base.Single:
		b.If("len("+x+") > 0", func(b *gocode.Block) { validateMany(b, f, x) })
	case f.Type == base.TypeObject:
		b.When(expr.Given(f, of), func(b *gocode.Block) {
			b.Do("c.Enter(%q)", f.Name)
			b.Do("%s.Validate(c)", x)
			b.Do("c.Leave()")
		})
	default:
		validateSingle(b, f, of)
	}
}

// validateMany checks the number of values and each of them.
func validateMany(b *gocode.Block, f *plan.Field, x string) {
	b.Do("c.Items(%q, %s, len(%s), %d, %d)", f.Name, expr.Rule(f), x, max(f.MinItems, 1), f.MaxItems)
	switch {
	case f.Sensitive:
		b.Do("c.Sensitives(%q, %s, %s, %d, %d)", f.Name, expr.Rule(f.Value), x, f.Value.MinLength, f.Value.MaxLength)
	case f.Form == base.Map:
		validateMap(b, f, x)
	case f.Type == base.TypeString:
		b.Do("c.Texts(%q, %s, %s, %s)", f.Name, expr.Rule(f), x, limits(f))
	case f.Type == base.TypeInteger:
		b.Do("c.Integers(%q, %s, %s, %s)", f.Name, expr.Rule(f), x, bounds(f))
	}
}

func validateSingle(b *gocode.Block, f *plan.Field, of string) {
	check := func(b *gocode.Block) {
		switch f.Type {
		case base.TypeString:
			b.Do("c.Text(%q, %s, %s, %s)", f.Name, expr.Rule(f), expr.Value(f, of), limits(f))
		case base.TypeInteger:
			b.Do("c.Integer(%q, %s, %s, %s)", f.Name, expr.Rule(f), expr.Value(f, of), bounds(f))
		}
	}
	if f.Type != base.TypeString && f.Type != base.TypeInteger {
		return
	}
	b.When(expr.Given(f, of), check)
}

// validateMap checks the keys and values of a map.
func validateMap(b *gocode.Block, f *plan.Field, x string) {
	byRef := f.GoKey == "base.Ref"
	b.Do("c.Enter(%q)", f.Name)
	loop := "key, value"
	if f.Value != nil && f.Value.Type != base.TypeString && f.Value.Type != base.TypeInteger {
		loop = "key"
	}
	b.For(loop+" := range base.Sorted("+x+")", func(b *gocode.Block) {
		if byRef {
			b.Do("c.EnterKey(key, %t)", expr.InBoth(f.Key))
		} else {
			b.Do("c.Key(key, %s, %s)", expr.Rule(f.Key), limits(f.Key))
			if f.Value != nil {
				validateEntry(b, f.Value)
				return
			}
			b.Do("c.Enter(key)")
		}
		b.Do("value.Validate(c)")
		b.Do("c.Leave()")
	})
	b.Do("c.Leave()")
}

// validateEntry checks the value of a map of one scalar.
func validateEntry(b *gocode.Block, f *plan.Field) {
	switch f.Type {
	case base.TypeString:
		b.Do("c.Text(key, %s, value, %s)", expr.Rule(f), limits(f))
	case base.TypeInteger:
		b.Do("c.Integer(key, %s, value, %s)", expr.Rule(f), bounds(f))
	}
}

// limits are the length and pattern of a text as arguments.
func limits(f *plan.Field) string {
	pattern := "nil"
	if f.Scalar.Pattern != "" {
		pattern = f.Scalar.Pattern
	}
	return fmt.Sprintf("%d, %d, %s, %q", f.MinLength, f.MaxLength, pattern, f.Scalar.Phrase)
}

// bounds are those of a number and its syntax as arguments.
func bounds(f *plan.Field) string {
	low, high := int64(-base.MaxInteger), int64(base.MaxInteger)
	if f.Min != nil {
		low = max(low, *f.Min)
	}
	if f.Max != nil {
		high = min(high, *f.Max)
	}
	return number(low) + ", " + number(high) + ", " + syntax(f.Syntax)
}

func number(i int64) string {
	switch i {
	case base.MaxInteger:
		return "base.MaxInteger"
	case math.MinInt64, -base.MaxInteger:
		return "-base.MaxInteger"
	}
	return fmt.Sprint(i)
}

func syntax(s base.Syntax) string {
	switch s {
	case base.ByteSyntax:
		return "base.ByteSyntax"
	case base.CPUSyntax:
		return "base.CPUSyntax"
	case base.SecondsSyntax:
		return "base.SecondsSyntax"
	case base.MillisSyntax:
		return "base.MillisSyntax"
	}
	return "base.PlainSyntax"
}

// references writes what gathers the references of a field, at any depth.
func references(b *gocode.Block, f *plan.Field, of string) {
	x := of + "." + f.Go
	switch {
	case f.Form == base.Map && refers(f):
		b.If("len("+x+") > 0", func(b *gocode.Block) {
			b.Do("r.Enter(%q)", f.Name)
			b.For(entries(f)+" := range base.Sorted("+x+")", func(b *gocode.Block) {
				if f.GoKey == "base.Ref" {
					b.Do("r.AddKey(key, %t, %s)", expr.InBoth(f.Key), about(f.Key))
				}
				if !deep(f.Object) {
					return
				}
				if f.GoKey == "base.Ref" {
					b.Do("r.EnterKey(key, %t)", expr.InBoth(f.Key))
				} else {
					b.Do("r.Enter(key)")
				}
				b.Do("value.references(r)")
				b.Do("r.Leave()")
			})
			b.Do("r.Leave()")
		})
	case f.Type == base.TypeObject && f.Form == base.Single && deep(f.Object):
		b.When(expr.Given(f, of), func(b *gocode.Block) {
			b.Do("r.Enter(%q)", f.Name)
			b.Do("%s.references(r)", x)
			b.Do("r.Leave()")
		})
	case f.Type == base.TypeRef && f.Target != nil && f.Form == base.Single:
		b.Do("r.Add(%q, %s, %s)", f.Name, x, about(f))
	case f.Type == base.TypeRef && f.Target != nil:
		b.Do("r.AddSet(%q, %s, %s)", f.Name, x, about(f))
	}
}

func entries(f *plan.Field) string {
	if deep(f.Object) {
		return "key, value"
	}
	return "key"
}

// deep reports whether the fields of a value class, its key aside, hold
// references.
func deep(v *plan.Value) bool {
	for _, f := range v.Fields {
		if refers(f) {
			return true
		}
	}
	return false
}

func refers(f *plan.Field) bool {
	switch {
	case f.Type == base.TypeObject && f.Object != nil:
		return f.Key != nil && f.GoKey == "base.Ref" || deep(f.Object)
	case f.Type == base.TypeRef:
		return f.Target != nil
	}
	return false
}

func anyRefers(fields []*plan.Field) bool {
	for _, f := range fields {
		if refers(f) {
			return true
		}
	}
	return false
}

// about is the literal that describes the references of a field.
func about(f *plan.Field) string {
	s := fmt.Sprintf("base.Reference{Class: %q", f.Target.Class.Name)
	switch f.OnDelete {
	case base.Cascade:
		s += ", OnDelete: base.Cascade"
	case base.Clear:
		s += ", OnDelete: base.Clear"
	}
	if f.Acyclic {
		s += ", Acyclic: true"
	}
	return s + ", Rule: " + expr.Rule(f) + "}"
}
