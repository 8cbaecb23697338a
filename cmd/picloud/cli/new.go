package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	generated "github.com/picloud/picloud/generated/cli"
	"github.com/picloud/picloud/generated/schema"
)

func (a *App) resourceNew() *cobra.Command {
	var kinds []*cobra.Command
	for _, class := range schema.Model.Classes {
		if class.Kind && class.Origin == base.Declared && !class.Singleton {
			kinds = append(kinds, a.resourceNewKind(class))
		}
	}
	return group(&cobra.Command{
		Use: "new KIND [NAME]", Short: "Write a file that declares a resource",
		Long:    "Write a valid .picloud file from flags. On a terminal it asks for what is needed and missing.",
		Example: "  picloud resource new volume media-store -p photo-app --size 100GB > media-store.picloud",
	}, kinds...)
}

func (a *App) resourceNewKind(class *base.Class) *cobra.Command {
	d := &draft{App: a, class: class}
	file := ""
	c := &cobra.Command{
		Use: class.Word + " [NAME]", Short: class.Comment, Args: between(0, 1), ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().SortFlags = false
	c.Flags().StringVarP(&file, "file", "f", "", "file to write (default: standard output)")
	if class.InProduct {
		productFlag(c, &d.product)
	}
	value := generated.Flags(c, schema.Model, class)
	c.RunE = func(_ *cobra.Command, arguments []string) (err error) {
		if len(arguments) == 1 {
			d.name = arguments[0]
		}
		if d.value, err = value(); err != nil {
			return usage{err}
		}
		text, err := d.write()
		if err != nil {
			return err
		}
		if file == "" {
			return a.copyOut([]byte(text))
		}
		return a.create(file, text)
	}
	return c
}

// create writes a file that is not there yet.
func (a *App) create(name, text string) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		fmt.Fprintln(a.Stderr, "wrote", name)
	}
	return err
}

// write gives a declaration without fault, or says what is missing.
func (d *draft) write() (string, error) {
	if err := d.takeSources(); err != nil {
		return "", err
	}
	if err := d.complete(); err != nil {
		return "", err
	}
	text := d.text()
	if violations := d.check(text); len(violations) > 0 {
		messages := make([]string, len(violations))
		for i, v := range violations {
			messages[i] = v.Message
		}
		return "", usagef("%s", strings.Join(messages, "\n"))
	}
	return text, nil
}

// complete asks for what is missing, if there is somebody to ask.
func (d *draft) complete() error {
	if d.name != "" && !base.IsName(d.name) || d.product != "" && !base.IsName(d.product) {
		return usagef("%s", aboutNames)
	}
	if err := d.askName(&d.name, "name:", true); err != nil {
		return err
	}
	if err := d.askName(&d.product, "product:", d.needsProduct()); err != nil {
		return err
	}
	for _, f := range generated.Missing(d.class, d.value) {
		if err := d.askField(f); err != nil {
			return err
		}
	}
	return d.askOneOf()
}

// sealless tells that of the sealed fields of which one is needed none is given.
func (d *draft) sealless() bool { return len(d.class.OneOf) > 0 && len(d.sources) == 0 }

// askOneOf asks where the first of those fields comes from.
func (d *draft) askOneOf() error {
	for d.sealless() {
		field := d.class.OneOf[0]
		answer, ok := d.ask(field + ", from env('NAME') or file('name'):")
		if !ok {
			return d.incomplete()
		}
		if !call.MatchString(answer) {
			fmt.Fprintln(d.Stderr, clear(d.class.Field(field)))
			continue
		}
		d.sources = append(d.sources, field+": "+answer)
	}
	return nil
}

const aboutNames = "a name has lower-case letters, digits and hyphens, begins with a letter, has at most 63 characters"

func (d *draft) askName(value *string, question string, needed bool) error {
	for needed && *value == "" {
		answer, ok := d.ask(question)
		switch {
		case !ok:
			return d.incomplete()
		case base.IsName(answer):
			*value = answer
		default:
			fmt.Fprintln(d.Stderr, aboutNames)
		}
	}
	return nil
}

// askField asks for a field until its value passes.
func (d *draft) askField(f *base.Field) error {
	hint := f.Comment
	if f.Syntax != base.PlainSyntax {
		hint += " " + base.ExpectedQuantity(f.Syntax)
	}
	if enum := schema.Model.Enum(f.Enum); enum != nil {
		var tokens []string
		for _, t := range enum.Tokens {
			tokens = append(tokens, t.Token)
		}
		hint += " " + strings.Join(tokens, ", ")
	}
	for said := false; ; said = true {
		if d.Interactive && !said {
			fmt.Fprintln(d.Stderr, hint)
		}
		answer, ok := d.ask(f.Name + ":")
		if !ok || f.Form != base.Single || f.Type == base.TypeObject { // these are given by flags
			return d.incomplete()
		}
		if answer == "" {
			continue
		}
		if err := d.take(f, answer); err != nil {
			fmt.Fprintln(d.Stderr, err)
			continue
		}
		return nil
	}
}

// incomplete is the error that names everything missing.
func (d *draft) incomplete() error {
	var words []string
	if d.name == "" {
		words = append(words, "a name")
	}
	if d.product == "" && d.needsProduct() {
		words = append(words, "-p PRODUCT")
	}
	for _, f := range generated.Missing(d.class, d.value) {
		words = append(words, "--"+kebab(f.Name))
	}
	if d.sealless() {
		flags := make([]string, len(d.class.OneOf))
		for i, name := range d.class.OneOf {
			flags[i] = "--" + kebab(name)
		}
		words = append(words, strings.Join(flags, " or "))
	}
	return usagef("%s also needs %s", article(d.class.Word), strings.Join(words, ", "))
}

// kebab writes a field's name as its flag is called: "storage-intent".
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
