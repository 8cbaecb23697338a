package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	generated "github.com/picloud/picloud/generated/cli"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
)

// draft is a declaration in the making.
type draft struct {
	*App
	class         *base.Class
	name, product string
	value         *base.Value
	sources       []string // lines that say where sensitive values come from
}

// needsProduct tells kinds that exist in products only.
func (d *draft) needsProduct() bool { return d.class.InProduct && !d.class.InCluster }

// call is function('argument').
var call = regexp.MustCompile(`^(env|file)\('[^'\\\n]+'\)$`)

// takeSources moves sensitive values from the value into lines of the file,
// which says where they come from and never holds them in the clear.
func (d *draft) takeSources() error {
	for _, f := range d.class.Fields {
		v := d.value.Get(f.Name)
		if v == nil || !isSensitive(f) {
			continue
		}
		d.value.Members = slices.DeleteFunc(d.value.Members, func(m *base.Member) bool { return m.Name == f.Name })
		if v.Kind != base.ObjectValue {
			if !call.MatchString(v.Text) {
				return clear(f)
			}
			d.sources = append(d.sources, f.Name+": "+v.Text)
			continue
		}
		var members []string
		for _, m := range v.Members {
			if !call.MatchString(m.Value.Text) {
				return clear(f)
			}
			members = append(members, fmt.Sprintf("'%s': %s", strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(m.Name), m.Value.Text))
		}
		d.sources = append(d.sources, f.Name+": { "+strings.Join(members, ", ")+" }")
	}
	return nil
}

func isSensitive(f *base.Field) bool {
	if f.Form == base.Map && f.Value != "" {
		return f.Sensitive || schema.Model.Class(f.Object).Field(f.Value).Sensitive
	}
	return f.Sensitive
}

func clear(f *base.Field) error {
	return usagef("--%s: say where the value comes from, env('NAME') or file('name'): files never hold it in the clear", kebab(f.Name))
}

// take puts the answer of a person into the value, unless it breaks a rule.
func (d *draft) take(f *base.Field, answer string) error {
	v, err := generated.Value(schema.Model, f, answer)
	if err != nil {
		return err
	}
	d.value.Members = append(d.value.Members, &base.Member{Name: f.Name, Value: v})
	for _, violation := range d.check(d.text()) {
		if place := "/" + f.Name; violation.Pointer == place || strings.HasPrefix(violation.Pointer, place+"/") {
			d.value.Members = d.value.Members[:len(d.value.Members)-1]
			return errors.New(violation.Message)
		}
	}
	return nil
}

// text is the declaration as .picloud.
func (d *draft) text() string {
	r := &lang.Resource{Class: d.class, Value: d.value, Address: base.Address{Kind: d.class.Word, Name: d.name}}
	if d.product != "" {
		r.Address.Product = base.Ref("/products/" + d.product)
	}
	r.Address.Ref = d.class.RefTo(r.Address.Product, d.name)
	text := string(lang.Print(schema.Model, "https://"+defaultDomain, []*lang.Resource{r}))
	if len(d.sources) == 0 {
		return text
	}
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  // ") { // the hint where sensitive values go
			for _, source := range d.sources {
				lines = append(lines, "  "+source+"\n")
			}
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
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
