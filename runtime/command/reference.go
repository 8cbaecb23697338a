package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// checkPlaces refuses resources of a product that is not there.
func (t *trial) checkPlaces() error {
	for _, ref := range t.touched {
		product := ref.Product()
		if product == "" || t.state().Get(ref) == nil || t.state().Get(product) != nil {
			continue
		}
		return &base.Error{
			Code: base.Invalid, Ref: ref, Detail: fmt.Sprintf("there is no product %s; declare it first, or in the same deployment", product.Name()),
			Violations: []base.Violation{{
				ID: "reference", Rule: base.Ontology + "product", Pointer: t.pointer(ref, "/product"),
				Message: fmt.Sprintf("product %q does not exist", product.Name()),
			}},
		}
	}
	return nil
}

// checkReferences demands that every declared reference of what changed names
// a live resource of the right class. All that do not are listed.
func (t *trial) checkReferences() error {
	var violations []base.Violation
	var first base.Ref
	for _, ref := range t.touched {
		resource := t.state().Get(ref)
		if resource == nil {
			continue
		}
		for _, reference := range resource.References() {
			message := t.unresolved(reference)
			if message == "" {
				continue
			}
			if first == "" {
				first = ref
			}
			violations = append(violations, base.Violation{
				ID: "reference", Rule: reference.Rule, Pointer: t.pointer(ref, reference.Pointer), Message: message,
			})
		}
	}
	if len(violations) == 0 {
		return nil
	}
	return &base.Error{Code: base.Invalid, Ref: first, Detail: "a reference leads nowhere", Violations: violations}
}

// unresolved says what is wrong with a reference, or "".
func (t *trial) unresolved(reference base.Reference) string {
	target := t.state().Get(reference.Target)
	class := t.door.cfg.Model.Class(reference.Class)
	if target == nil {
		message := fmt.Sprintf("there is no %s %s", strings.ToLower(class.Label), reference.Target)
		if near := t.nearby(reference.Target); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		return message
	}
	kind := t.door.cfg.Model.Kind(string(target.Kind()))
	if !slices.Contains(class.Kinds, kind.Name) {
		return fmt.Sprintf("%s is a %s, needed is a %s", reference.Target, kind.Word, strings.ToLower(class.Label))
	}
	return ""
}

// nearby finds a neighbour of a missing resource with almost its name.
func (t *trial) nearby(ref base.Ref) string {
	var names []string
	for entry := range t.state().List(ref.Parent(), "") {
		if names = append(names, entry.Resource.Common().Ref.Name()); len(names) == 1000 {
			break
		}
	}
	return base.Nearest(ref.Name(), names)
}

// checkNames refuses a name that another kind of the same abstract class has
// in the same place, where that class says that names are unique.
func (t *trial) checkNames() error {
	for _, ref := range t.touched {
		resource := t.state().Get(ref)
		if resource == nil {
			continue
		}
		kind := t.door.cfg.Model.Kind(string(resource.Kind()))
		for _, super := range kind.Supers {
			class := t.door.cfg.Model.Class(super)
			if class == nil || !class.UniqueName {
				continue
			}
			if other := t.namesake(ref, kind, class); other != "" {
				return &base.Error{
					Code: base.Conflict, Ref: ref, Rule: class.IRI, Resources: []base.Ref{other},
					Detail: fmt.Sprintf("the name %q is taken by %s; every %s has a name of its own", ref.Name(), other, strings.ToLower(class.Label)),
				}
			}
		}
	}
	return nil
}

func (t *trial) namesake(ref base.Ref, kind, class *base.Class) base.Ref {
	above := strings.TrimSuffix(string(ref), kind.Segment+"/"+ref.Name())
	for _, name := range class.Kinds {
		sibling := t.door.cfg.Model.Class(name)
		other := base.Ref(above + sibling.Segment + "/" + ref.Name())
		if sibling != kind && t.state().Get(other) != nil {
			return other
		}
	}
	return ""
}

// checkCircles refuses a chain of acyclic references that leads back. Before the
// request there was none, so one that is there now leads through what changed.
func (t *trial) checkCircles() error {
	done := map[base.Ref]bool{}
	for _, start := range t.touched {
		chain := t.circle(start, nil, done)
		if chain == nil {
			continue
		}
		steps := make([]string, len(chain))
		for i, ref := range chain {
			steps[i] = string(ref)
		}
		message := "references lead in a circle: " + strings.Join(steps, " → ")
		return &base.Error{
			Code: base.Invalid, Ref: chain[0], Detail: message,
			Violations: []base.Violation{{ID: "circle", Pointer: t.pointer(chain[0], ""), Message: message}},
		}
	}
	return nil
}

// circle follows acyclic references from at, where chain led, and gives the
// first circle that it finds, which begins and ends with the same resource.
// From what is done no circle can be reached.
func (t *trial) circle(at base.Ref, chain []base.Ref, done map[base.Ref]bool) []base.Ref {
	if i := slices.Index(chain, at); i >= 0 {
		return append(chain[i:], at)
	}
	resource := t.state().Get(at)
	if resource == nil || done[at] {
		return nil
	}
	chain = append(chain, at)
	for _, reference := range resource.References() {
		if !reference.Acyclic {
			continue
		}
		if found := t.circle(reference.Target, chain, done); found != nil {
			return found
		}
	}
	done[at] = true
	return nil
}
