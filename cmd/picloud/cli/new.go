package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
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
		RunE: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) == 1 {
				d.name = arguments[0]
			}
			text, err := d.write()
			if err != nil {
				return err
			}
			if file == "" {
				return a.copyOut([]byte(text))
			}
			return a.create(file, text)
		},
	}
	c.Flags().SortFlags = false
	c.Flags().StringVarP(&file, "file", "f", "", "file to write (default: standard output)")
	if class.InProduct {
		productFlag(c, &d.product)
	}
	d.flags = addFieldFlags(c, class, nil)
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

// draft is a declaration in the making.
type draft struct {
	*App
	class         *base.Class
	name, product string
	flags         []*fieldFlag
}

// write gives a declaration without fault, or says what is missing.
func (d *draft) write() (string, error) {
	if !d.Interactive {
		if missing := d.missing(); len(missing) > 0 {
			return "", usagef("a %s also needs %s", d.class.Word, strings.Join(missing, ", "))
		}
	} else if err := d.complete(); err != nil {
		return "", err
	}
	text := source(d.class, d.name, d.product, d.flags)
	if violations := d.check(text); len(violations) > 0 {
		messages := make([]string, len(violations))
		for i, v := range violations {
			messages[i] = v.Message
		}
		return "", usagef("%s", strings.Join(messages, "\n"))
	}
	return text, nil
}

// needsProduct tells kinds that exist in products only.
func (d *draft) needsProduct() bool { return d.class.InProduct && !d.class.InCluster }

func (d *draft) missing() (words []string) {
	if d.name == "" {
		words = append(words, "a name")
	}
	if d.product == "" && d.needsProduct() {
		words = append(words, "-p PRODUCT")
	}
	for _, f := range d.required() {
		words = append(words, "--"+f.name)
	}
	return words
}

// required are the flags of fields that are needed and absent: those of the
// kind, and those of objects that are begun.
func (d *draft) required() (flags []*fieldFlag) {
	for i, f := range d.flags {
		if !f.field.Required || len(f.texts) > 0 || f.field.Default != "" {
			continue
		}
		if len(f.path) == 1 && !given(d.within(i, f.path)) || len(f.path) > 1 && d.begun(f) {
			flags = append(flags, f)
		}
	}
	return flags
}

// within are the flags of the fields of the object of the flag at i.
func (d *draft) within(i int, path []string) []*fieldFlag {
	end := i + 1
	for end < len(d.flags) && len(d.flags[end].path) > len(path) {
		end++
	}
	return d.flags[i+1 : end]
}

// begun tells whether another field of the same object is given by its own
// flag, and the object is not given as a whole.
func (d *draft) begun(f *fieldFlag) bool {
	above := strings.Join(f.path[:len(f.path)-1], ".")
	found := false
	for _, other := range d.flags {
		path := strings.Join(other.path, ".")
		if len(other.texts) > 0 && path == above {
			return false
		}
		found = found || len(other.texts) > 0 && strings.HasPrefix(path, above+".")
	}
	return found
}

// complete asks for what is missing.
func (d *draft) complete() error {
	if err := d.askFor(&d.name, "name:", base.IsName); d.name == "" {
		return err
	}
	if d.needsProduct() {
		if err := d.askFor(&d.product, "product:", base.IsName); d.product == "" {
			return err
		}
	}
	for flags := d.required(); len(flags) > 0; flags = d.required() {
		if err := d.askField(flags[0]); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) askFor(value *string, question string, valid func(string) bool) error {
	for *value == "" {
		answer, ok := d.ask(question)
		switch {
		case !ok:
			return usagef("a %s also needs %s", d.class.Word, strings.Join(d.missing(), ", "))
		case valid(answer):
			*value = answer
		default:
			fmt.Fprintln(d.Stderr, "  a name has lower-case letters, digits and hyphens, begins with a letter, has at most 63")
		}
	}
	return nil
}

// askField asks for a field until its value passes.
func (d *draft) askField(f *fieldFlag) error {
	fmt.Fprintln(d.Stderr, f.field.Comment+f.hint())
	for {
		answer, ok := d.ask(f.name + ":")
		if !ok {
			return usagef("a %s also needs %s", d.class.Word, strings.Join(d.missing(), ", "))
		}
		if answer == "" {
			continue
		}
		err := f.Set(answer)
		if err == nil {
			place := "/" + strings.Join(f.path, "/")
			for _, v := range d.check(source(d.class, d.name, d.product, d.flags)) {
				if v.Pointer == place || strings.HasPrefix(v.Pointer, place+"/") {
					err = fmt.Errorf("%s", v.Message)
				}
			}
		}
		if err == nil {
			return nil
		}
		f.texts = nil
		fmt.Fprintln(d.Stderr, " ", err)
	}
}

// check holds a text to the rules of its kind. What it brings in need not be
// there yet.
func (d *draft) check(text string) []base.Violation {
	file, violations := lang.Parse("", []byte(text))
	_, more := lang.Compile(schema.Model, []*lang.File{file}, lang.Options{
		Root: "https://" + defaultDomain, Check: checkKind,
		ReadFile: func(string, int64) ([]byte, error) { return []byte("placeholder"), nil },
		Getenv:   func(string) (string, bool) { return "placeholder", true },
	})
	return append(violations, more...)
}
