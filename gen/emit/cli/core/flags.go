package cli

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
)

// Flags adds a flag to a command for each field that a class declares, and
// gives the function that turns those that were set into a value.
func Flags(c *cobra.Command, model *base.Model, class *base.Class) func() (*base.Value, error) {
	set := &flagSet{command: c, model: model}
	set.add(class, nil)
	return set.value
}

type flagSet struct {
	command *cobra.Command
	model   *base.Model
	flags   []*flag
}

// flag is one field, or all values of it.
type flag struct {
	name  string
	path  []string // of members
	field *base.Field
	texts []string
}

func (s *flagSet) add(class *base.Class, path []string) {
	for _, f := range class.Fields {
		if f.Observed {
			continue
		}
		at := append(append([]string(nil), path...), f.Name)
		if f.Type == base.TypeObject && f.Form == base.Single {
			s.add(s.model.Class(f.Object), at)
			continue
		}
		s.flag(&flag{name: kebab(at), path: at, field: f})
	}
}

func (s *flagSet) flag(f *flag) {
	flags := s.command.Flags()
	if flags.Lookup(f.name) != nil { // taken by the command itself, such as --output
		f.name = "set-" + f.name
	}
	s.flags = append(s.flags, f)
	flags.VarP(&flagValue{f, s.model}, f.name, "", help(f.field))
	if f.field.Type == base.TypeBoolean && f.field.Form == base.Single {
		flags.Lookup(f.name).NoOptDefVal = "true"
	}
	if f.field.Type == base.TypeEnum {
		tokens := strings.Split(placeholder(s.model, f.field), "|")
		// the flag exists: nothing else can fail
		_ = s.command.RegisterFlagCompletionFunc(f.name, cobra.FixedCompletions(tokens, cobra.ShellCompDirectiveNoFileComp))
	}
}

// help is the comment of a field with its bounds and default.
func help(f *base.Field) string {
	text := strings.TrimSuffix(f.Comment, ".")
	if f.Min != nil && f.Max != nil && f.Syntax != base.CompoundSyntax {
		text += fmt.Sprintf("; %s to %s", base.Quantity(*f.Min, f.Syntax), base.Quantity(*f.Max, f.Syntax))
	}
	if f.Default != "" {
		text += "; default " + f.Default
	}
	if f.Form != base.Single {
		text += "; can be repeated"
	}
	return text
}

// kebab is a path as the name of a flag: --storage-intent-durability.
func kebab(path []string) string {
	var b strings.Builder
	for i, step := range path {
		if i > 0 {
			b.WriteByte('-')
		}
		for j, r := range step {
			if unicode.IsUpper(r) && j > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// flagValue is a flag as cobra takes it. A value is checked when it is set, so
// that the message names the flag.
type flagValue struct {
	flag  *flag
	model *base.Model
}

func (v *flagValue) String() string { return "" }
func (v *flagValue) Type() string   { return usage(v.model, v.flag.field) }
func (v *flagValue) Set(text string) error {
	f := v.flag.field
	var err error
	if f.Form == base.Map {
		_, err = entry(v.model, f, text)
	} else {
		_, err = Value(v.model, f, text)
	}
	if err != nil {
		return err
	}
	if f.Form == base.Single {
		v.flag.texts = nil
	}
	v.flag.texts = append(v.flag.texts, text)
	return nil
}

// value is what the flags that were set declare together.
func (s *flagSet) value() (*base.Value, error) {
	whole := &base.Value{Kind: base.ObjectValue}
	for _, f := range s.flags {
		if len(f.texts) == 0 {
			continue
		}
		v, err := f.read(s.model)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", f.name, err)
		}
		at := whole
		for _, step := range f.path[:len(f.path)-1] {
			at = within(at, step)
		}
		at.Members = append(at.Members, &base.Member{Name: f.path[len(f.path)-1], Value: v})
	}
	return whole, nil
}

// within is the object that a member holds; it is made where there is none.
func within(v *base.Value, name string) *base.Value {
	if inner := v.Get(name); inner != nil {
		return inner
	}
	inner := &base.Value{Kind: base.ObjectValue}
	v.Members = append(v.Members, &base.Member{Name: name, Value: inner})
	return inner
}

func (f *flag) read(model *base.Model) (*base.Value, error) {
	switch f.field.Form {
	case base.Single:
		return Value(model, f.field, f.texts[0])
	case base.Map:
		v := &base.Value{Kind: base.ObjectValue}
		for _, text := range f.texts {
			m, err := entry(model, f.field, text)
			if err != nil {
				return nil, err
			}
			if v.Get(m.Name) != nil {
				return nil, fmt.Errorf("%s is given twice", m.Name)
			}
			v.Members = append(v.Members, m)
		}
		return v, nil
	}
	v := &base.Value{Kind: base.ArrayValue}
	for _, text := range f.texts {
		item, err := Value(model, f.field, text)
		if err != nil {
			return nil, err
		}
		v.Items = append(v.Items, item)
	}
	return v, nil
}

// Missing are the required fields that a value does not have.
func Missing(class *base.Class, v *base.Value) (fields []*base.Field) {
	for _, f := range class.Fields {
		if f.Required && !f.Observed && v.Get(f.Name) == nil {
			fields = append(fields, f)
		}
	}
	return fields
}
