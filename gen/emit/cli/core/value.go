package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// Value reads one value of a field as people write it: quantities with units,
// members of enumerations by their tokens, true and false, texts as they are.
// What is no value of the type is refused; bounds and patterns are left to the
// decoder of the kind.
func Value(model *base.Model, f *base.Field, text string) (*base.Value, error) {
	switch f.Type {
	case base.TypeInteger:
		n, err := base.ParseQuantity(text, f.Syntax)
		if err != nil {
			return nil, err
		}
		return &base.Value{Kind: base.NumberValue, Text: strconv.FormatInt(n, 10)}, nil
	case base.TypeDouble:
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return nil, fmt.Errorf("%q is no number", text)
		}
		return &base.Value{Kind: base.NumberValue, Text: text}, nil
	case base.TypeBoolean:
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return &base.Value{Kind: base.BoolValue, Bool: text == "true"}, nil
	case base.TypeObject:
		return object(model, model.Class(f.Object), text)
	}
	return &base.Value{Kind: base.StringValue, Text: text}, nil
}

// object reads a nested object from "field=value,field=value", or from a bare
// value where the class says which field that fills.
func object(model *base.Model, class *base.Class, text string) (*base.Value, error) {
	name, _, pair := strings.Cut(text, "=")
	if f := class.Field(class.Shorthand); f != nil && (!pair || class.Field(name) == nil) {
		return one(model, f, text)
	}
	v := &base.Value{Kind: base.ObjectValue}
	if text == "" {
		return v, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		f := class.Field(name)
		if f == nil {
			return nil, fmt.Errorf("%s has no field %q; write FIELD=VALUE,… of %s", class.Label, name, strings.Join(simple(class), ", "))
		}
		inner, err := Value(model, f, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		v.Members = append(v.Members, &base.Member{Name: name, Value: inner})
	}
	return v, nil
}

func one(model *base.Model, f *base.Field, text string) (*base.Value, error) {
	inner, err := Value(model, f, text)
	if err != nil {
		return nil, err
	}
	return &base.Value{Kind: base.ObjectValue, Members: []*base.Member{{Name: f.Name, Value: inner}}}, nil
}

// simple are the fields that FIELD=VALUE can give.
func simple(class *base.Class) (names []string) {
	for _, f := range class.Fields {
		if f.Form == base.Single && f.Type != base.TypeObject {
			names = append(names, f.Name)
		}
	}
	return names
}

// entry reads one member of a map: KEY=VALUE, or KEY,FIELD=VALUE,….
func entry(model *base.Model, f *base.Field, text string) (*base.Member, error) {
	class := model.Class(f.Object)
	at := strings.IndexAny(text, "=,")
	if at < 0 {
		at = len(text)
	}
	key, rest := text[:at], text[min(at+1, len(text)):]
	if key == "" {
		return nil, fmt.Errorf("%q names no %s; write %s", text, f.Key, usage(model, f))
	}
	var v *base.Value
	var err error
	switch shorthand := class.Field(class.Shorthand); {
	case f.Value != "":
		v, err = Value(model, class.Field(f.Value), rest)
	case at < len(text) && text[at] == '=' && shorthand != nil:
		v, err = one(model, shorthand, rest)
	default:
		v, err = object(model, class, rest)
	}
	return &base.Member{Name: key, Value: v}, err
}

// usage is what the value of a flag looks like.
func usage(model *base.Model, f *base.Field) string {
	switch {
	case f.Form != base.Map:
		return placeholder(model, f)
	case f.Value != "" || model.Class(f.Object).Shorthand != "":
		return "KEY=VALUE"
	}
	return "KEY,FIELD=VALUE,…"
}

func placeholder(model *base.Model, f *base.Field) string {
	switch {
	case f.Type == base.TypeEnum:
		var tokens []string
		for _, t := range model.Enum(f.Enum).Tokens {
			tokens = append(tokens, t.Token)
		}
		return strings.Join(tokens, "|")
	case f.Type == base.TypeRef:
		return "NAME"
	case f.Type == base.TypeInteger && f.Syntax != base.PlainSyntax:
		return strings.ToUpper(string(f.Syntax))
	case f.Type == base.TypeInteger:
		return "NUMBER"
	case f.Type == base.TypeDateTime:
		return "TIME"
	}
	return "TEXT"
}
