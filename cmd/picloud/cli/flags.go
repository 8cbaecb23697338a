package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
)

// fieldFlag is a flag that gives a field of a class, or of an object in it.
type fieldFlag struct {
	name  string   // "storage-intent.durability"
	path  []string // of the field: "storageIntent", "durability"
	field *base.Field
	texts []string // as given
}

// addFieldFlags defines a flag for each field that can be declared. The fields
// of single objects get flags of their own, with a dot.
func addFieldFlags(c *cobra.Command, class *base.Class, above *fieldFlag) (flags []*fieldFlag) {
	for _, f := range class.Fields {
		if f.Observed {
			continue
		}
		flag := &fieldFlag{name: kebab(f.Name), path: []string{f.Name}, field: f}
		if above != nil {
			flag.name = above.name + "." + flag.name
			flag.path = append(append([]string(nil), above.path...), f.Name)
		}
		flags = append(flags, flag)
		c.Flags().Var(flag, flag.name, f.Comment+flag.hint())
		if f.Type == base.TypeBoolean && f.Form == base.Single {
			c.Flags().Lookup(flag.name).NoOptDefVal = "true"
		}
		if enum := schema.Model.Enum(f.Enum); enum != nil {
			must(c.RegisterFlagCompletionFunc(flag.name, cobra.FixedCompletions(tokens(enum), cobra.ShellCompDirectiveNoFileComp)))
		}
		if object := schema.Model.Class(f.Object); object != nil && f.Form == base.Single && object.Separator == "" {
			flags = append(flags, addFieldFlags(c, object, flag)...)
		}
	}
	return flags
}

var _ pflag.Value = (*fieldFlag)(nil)

// Set takes a value; sets, lists and maps take several.
func (f *fieldFlag) Set(text string) error {
	if f.field.Form == base.Single && len(f.texts) > 0 {
		return fmt.Errorf("it was given twice")
	}
	if f.field.Form == base.Map && !strings.Contains(text, "=") {
		return fmt.Errorf("expected %s=…", f.field.Key)
	}
	if f.field.Sensitive && !isCall(text) {
		return fmt.Errorf("expected where the value comes from, env('NAME') or file('name'): files never hold it in the clear")
	}
	f.texts = append(f.texts, text)
	return nil
}

func (f *fieldFlag) String() string { return strings.Join(f.texts, ", ") }

// Type is how the help calls the value.
func (f *fieldFlag) Type() string {
	switch {
	case f.field.Form == base.Map:
		return f.field.Key + "=…"
	case f.field.Type == base.TypeObject:
		return "{ … }"
	case f.field.Type == base.TypeInteger:
		return "number"
	case f.field.Type == base.TypeBoolean:
		return "bool"
	}
	return "text"
}

// hint says what the flag expects beyond its comment.
func (f *fieldFlag) hint() string {
	var hints []string
	if f.field.Syntax != base.PlainSyntax && f.field.Syntax != base.CompoundSyntax {
		hints = append(hints, base.ExpectedQuantity(f.field.Syntax))
	}
	if enum := schema.Model.Enum(f.field.Enum); enum != nil {
		hints = append(hints, strings.Join(tokens(enum), ", "))
	}
	if f.field.Sensitive {
		hints = append(hints, "env('NAME') or file('name')")
	}
	if f.field.Form != base.Single {
		hints = append(hints, "may be repeated")
	}
	if len(hints) == 0 {
		return ""
	}
	return " (" + strings.Join(hints, "; ") + ")"
}

func tokens(enum *base.Enum) []string {
	words := make([]string, len(enum.Tokens))
	for i, t := range enum.Tokens {
		words[i] = t.Token
	}
	return words
}

// kebab writes a field's name as flags are written: "storage-intent".
func kebab(name string) string {
	var b strings.Builder
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('-')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}
