package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// references checks that what a resource refers to is declared, as far as the
// deployment can know: what lies in a product that it declares itself. The
// rest is listed for the cluster to check.
func (c *compiler) references(r *Resource) {
	w := &walker{compiler: c, resource: r, decoder: c.decoder(r)}
	if product := r.Address.Product; product != "" && c.declared[product] == nil &&
		!slices.ContainsFunc(c.deployment.Outside, func(o Outside) bool { return o.Target == product }) {
		w.outside(r.Address.Product, "", &base.Value{Line: r.Line, Column: r.Column})
	}
	w.object(r.Class, r.Value)
	c.take(r, w.decoder.Violations)
}

type walker struct {
	*compiler
	resource *Resource
	decoder  *base.Decoder
}

func (w *walker) object(class *base.Class, v *base.Value) {
	for _, m := range v.Members {
		f := class.Field(m.Name)
		if f == nil || f.Observed {
			continue
		}
		w.decoder.Enter(m.Name)
		switch {
		case f.Form == base.Map:
			w.mapping(f, m.Value)
		case f.Type == base.TypeObject:
			w.object(w.model.Class(f.Object), m.Value)
		case f.Type == base.TypeRef && f.Form == base.Single:
			w.reference(f, m.Value)
		case f.Type == base.TypeRef:
			for item := range w.decoder.Items(m.Value) {
				w.reference(f, item)
			}
		}
		w.decoder.Leave()
	}
}

func (w *walker) mapping(f *base.Field, v *base.Value) {
	class := w.model.Class(f.Object)
	key, value := class.Field(f.Key), class.Field(f.Value)
	for _, m := range v.Members {
		w.decoder.Enter(m.Name)
		if key.Type == base.TypeRef {
			w.reference(key, &base.Value{Kind: base.StringValue, Text: m.Name, Line: m.Line, Column: m.Column})
		}
		switch {
		case f.Value == "":
			w.object(class, m.Value)
		case value.Type == base.TypeRef:
			w.reference(value, m.Value)
		}
		w.decoder.Leave()
	}
}

func (w *walker) reference(f *base.Field, v *base.Value) {
	faults := len(w.decoder.Violations)
	target := w.decoder.Ref(v, f.Target, f.Shape)
	switch {
	case len(w.decoder.Violations) > faults:
		w.resource.failed = append(w.resource.failed, w.decoder.Pointer(""))
	case w.declared[target] != nil:
		if f.Acyclic {
			from := w.resource.Address.Ref
			w.edges[from] = append(w.edges[from], edge{target, f, w.resource, v})
		}
	case slices.Contains(w.deployment.Products, target.Product()):
		w.missing(f, v, target)
	default:
		w.outside(target, f.Target, v)
	}
}

func (w *walker) missing(f *base.Field, v *base.Value, target base.Ref) {
	kind, _, _ := w.model.AddressOf(target)
	var names []string
	for ref := range w.declared {
		if ref.Parent() == target.Parent() {
			names = append(names, ref.Name())
		}
	}
	slices.Sort(names)
	message := fmt.Sprintf("%s: the product %s has no %s %s in this deployment", f.Name, quote(target.Product().Name()), kind.Word, quote(target.Name()))
	if near := base.Nearest(target.Name(), names); near != "" {
		message += "; did you mean " + quote(near) + "?"
	} else {
		message += "; declare it, or refer to another"
	}
	w.decoder.Violations = append(w.decoder.Violations, base.Violation{
		ID: "reference", Message: message, Rule: f.Shape, Pointer: w.decoder.Pointer(""), Line: v.Line, Column: v.Column,
	})
}

func (w *walker) outside(target base.Ref, class string, v *base.Value) {
	w.deployment.Outside = append(w.deployment.Outside, Outside{
		From: w.resource.Address.Ref, Target: target, Class: class, File: w.resource.File, Line: v.Line, Column: v.Column,
	})
}

// edge is a reference whose following must never lead back.
type edge struct {
	target base.Ref
	field  *base.Field
	from   *Resource
	value  *base.Value
}

// cycles notes each reference that closes a circle of acyclic references.
func (c *compiler) cycles() {
	const entered, left = 1, 2
	state := map[base.Ref]int{}
	var path []base.Ref
	var visit func(base.Ref)
	visit = func(ref base.Ref) {
		state[ref] = entered
		path = append(path, ref)
		for _, e := range c.edges[ref] {
			switch state[e.target] {
			case entered:
				c.circle(e, path[slices.Index(path, e.target):])
			case left:
			default:
				visit(e.target)
			}
		}
		path = path[:len(path)-1]
		state[ref] = left
	}
	for _, r := range c.deployment.Resources {
		if state[r.Address.Ref] == 0 {
			visit(r.Address.Ref)
		}
	}
}

func (c *compiler) circle(e edge, path []base.Ref) {
	var steps []string
	for _, ref := range path {
		steps = append(steps, string(ref))
	}
	steps = append(steps, string(e.target))
	if len(steps) > 6 {
		steps = append(append(steps[:3:3], "…"), steps[len(steps)-2:]...)
	}
	c.violations = append(c.violations, base.Violation{
		ID: "cycle", Rule: e.field.Shape, File: e.from.File, Line: e.value.Line, Column: e.value.Column,
		Message: fmt.Sprintf("%s must not lead back to where it began: %s", e.field.Name, strings.Join(steps, " → ")),
	})
}
