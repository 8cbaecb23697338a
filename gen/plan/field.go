package plan

import (
	"slices"
	"strconv"

	"github.com/picloud/picloud/gen/base"
)

// field gives a field its names and its form in Go.
func (p *planner) field(f *base.Field) *Field {
	named := &Field{
		Field: f, Go: goName(f.Name), Var: varName(f.Name), Term: "Prop" + goName(local(f.IRI)),
		Scalar: p.scalars[f.Scalar], Enum: p.enums[f.Enum], Object: p.values[f.Object],
	}
	if f.Target != "" {
		target := &Target{Class: p.Model.Class(f.Target)}
		for _, kind := range target.Class.Kinds {
			target.Kinds = append(target.Kinds, p.kinds[kind])
		}
		named.Target = target
	}
	if f.Form == base.Map {
		named.Key, named.Value = named.Object.Key, named.Object.Scalar
		named.GoKey = named.Key.GoElem
	}
	named.GoElem = named.elem()
	named.Pointer = named.pointer()
	switch {
	case f.Form == base.Map:
		named.GoType = "map[" + named.GoKey + "]" + named.GoElem
	case f.Form == base.Set || f.Form == base.List:
		named.GoType = "[]" + named.GoElem
	case named.Pointer:
		named.GoType = "*" + named.GoElem
	default:
		named.GoType = named.GoElem
	}
	named.GoDefault = named.defaultValue()
	return named
}

// elem is the Go type of one value.
func (f *Field) elem() string {
	if f.Sensitive {
		return "base.Sensitive"
	}
	switch f.Type {
	case base.TypeInteger:
		return "int64"
	case base.TypeBoolean:
		return "bool"
	case base.TypeDouble:
		return "float64"
	case base.TypeDateTime:
		return "base.Time"
	case base.TypeRef:
		return "base.Ref"
	case base.TypeEnum:
		return f.Enum.Go
	case base.TypeObject:
		if f.Value != nil {
			return f.Value.GoElem
		}
		return f.Object.Go
	}
	return "string"
}

// pointer: only where the zero value means something are pointers needed to
// tell it from absence.
func (f *Field) pointer() bool {
	if f.Form != base.Single || f.Required || f.Default != "" || f.Sensitive {
		return false
	}
	switch f.Type {
	case base.TypeInteger, base.TypeBoolean, base.TypeDouble, base.TypeObject:
		return true
	case base.TypeString:
		return f.MinLength == 0
	}
	return false
}

func (f *Field) defaultValue() string {
	switch {
	case f.Default == "":
		return ""
	case f.Type == base.TypeString:
		return strconv.Quote(f.Default)
	case f.Type == base.TypeEnum:
		return f.Enum.token(f.Default).Go
	}
	return f.Default
}

func (e *Enum) token(token string) *Token {
	i := slices.IndexFunc(e.Tokens, func(t *Token) bool { return t.Token.Token == token })
	return e.Tokens[i]
}
