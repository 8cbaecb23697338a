package base

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// Ref reads a reference to a resource of a class: an absolute IRI below Root,
// a path ("/products/shop/secrets/db"), the name of a resource of the same
// product, "product/name", or, for an abstract class, "segment/name" and
// "product/segment/name". A kind that exists in products and in the cluster
// means that of the product where one is at hand; the other is named by path.
func (d *Decoder) Ref(v *Value, class, rule string) Ref {
	if v.Kind != StringValue {
		d.wrong(v, StringValue)
		return ""
	}
	if d.Stored {
		return Ref(v.Text)
	}
	ref, violation := d.resolve(v.Text, class)
	if violation != nil {
		d.note(violation.ID, rule, violation.Expected, violation.Message, v.Line, v.Column)
		return ""
	}
	return ref
}

// Link reads the address of something that need not be a resource: an event, or
// what lies elsewhere. IRIs below Root become references.
func (d *Decoder) Link(v *Value) Ref {
	text := d.Text(v)
	if ref, ok := d.below(text); ok && !d.Stored {
		return ref
	}
	return Ref(text)
}

// KeyRef reads the name of a member of a map whose key is a reference.
func (d *Decoder) KeyRef(m *Member, class, rule string) Ref {
	return d.Ref(&Value{Kind: StringValue, Text: m.Name, Line: m.Line, Column: m.Column}, class, rule)
}

func (d *Decoder) resolve(text, class string) (Ref, *Violation) {
	target := d.Model.Class(class)
	if target == nil {
		return "", &Violation{ID: "class", Message: fmt.Sprintf("nothing can refer to the unknown class %q", class)}
	}
	path, isPath := d.below(text)
	switch {
	case isPath:
	case strings.Contains(text, ":"):
		return "", &Violation{ID: "foreign", Expected: d.Root + "/…",
			Message: fmt.Sprintf("%q is not below this cluster's address %s", shorten(text), d.Root)}
	default:
		var violation *Violation
		if path, violation = d.named(strings.Split(text, "/"), target); violation != nil {
			return "", violation
		}
	}
	kind, address, violation := d.Model.AddressOf(path)
	if violation != nil {
		return "", violation
	}
	if kind != target && !slices.Contains(target.Kinds, kind.Name) {
		return "", &Violation{ID: "class", Expected: strings.Join(d.wordsOf(target), " or "),
			Message: fmt.Sprintf("%q is %s; expected %s", shorten(text), article(kind.Word), strings.Join(d.wordsOf(target), " or "))}
	}
	return address.Ref, nil
}

// below turns an absolute IRI of the cluster, or a path, into a path.
func (d *Decoder) below(text string) (Ref, bool) {
	if strings.HasPrefix(text, "/") {
		return Ref(text), true
	}
	rest, ok := strings.CutPrefix(text, d.Root)
	switch {
	case !ok || d.Root == "":
		return "", false
	case rest == "":
		return "/", true
	}
	return Ref(rest), rest[0] == '/'
}

// named resolves a name, "product/name", "segment/name" or
// "product/segment/name".
func (d *Decoder) named(steps []string, target *Class) (Ref, *Violation) {
	for _, step := range steps {
		if !IsName(step) {
			return "", nameViolation(step)
		}
	}
	name := steps[len(steps)-1]
	steps = steps[:len(steps)-1]
	kind := d.onlyKind(target)
	if n := len(steps); n > 0 && (n == 2 || kind == nil) {
		if named := d.Model.KindOfSegment(steps[n-1]); named != nil && slices.Contains(target.Kinds, named.Name) {
			kind, steps = named, steps[:n-1]
		}
	}
	if len(steps) > 1 {
		return "", &Violation{ID: "reference", Expected: d.wayToName(target),
			Message: fmt.Sprintf("%q is no reference; write %s", shorten(strings.Join(append(steps, name), "/")), d.wayToName(target))}
	}
	product, given := d.Address.Ref.Scope(), len(steps) == 1
	if product == "" {
		product = d.Address.Product
	}
	if given {
		product = Ref("/products/" + steps[0])
	}
	if kind == nil {
		return d.ambiguous(target, product, name)
	}
	switch {
	case kind.InProduct && product != "":
		return kind.RefTo(product, name), nil
	case kind.InCluster && !given, kind.Singleton:
		return kind.RefTo("", name), nil
	case given:
		return "", &Violation{ID: "scope", Expected: name,
			Message: fmt.Sprintf("%s belongs to no product; write %q", article(kind.Word), name)}
	}
	return "", &Violation{ID: "scope", Expected: "product/" + name,
		Message: fmt.Sprintf("the product of %q is not clear here; write \"product/%s\"", name, name)}
}

func (d *Decoder) onlyKind(target *Class) *Class {
	if target.Kind && len(target.Kinds) <= 1 {
		return target
	}
	if len(target.Kinds) == 1 {
		return d.Model.Class(target.Kinds[0])
	}
	return nil
}

// ambiguous resolves a bare name of an abstract class by asking who has it.
func (d *Decoder) ambiguous(target *Class, product Ref, name string) (Ref, *Violation) {
	if d.Resolve != nil {
		if ref, ok := d.Resolve(target, product, name); ok {
			return ref, nil
		}
	}
	return "", &Violation{ID: "reference", Expected: d.wayToName(target),
		Message: fmt.Sprintf("no %s %q is known; write %s", target.Label, name, d.wayToName(target))}
}

// wayToName shows how a reference to a class is written unmistakably.
func (d *Decoder) wayToName(target *Class) string {
	var ways []string
	for _, name := range target.Kinds {
		if kind := d.Model.Class(name); kind != nil && len(target.Kinds) > 1 {
			ways = append(ways, kind.Segment+"/name")
		}
	}
	if len(ways) == 0 {
		return "name or product/name"
	}
	return strings.Join(ways, " or ")
}

func (d *Decoder) wordsOf(target *Class) []string {
	var words []string
	for _, name := range target.Kinds {
		if kind := d.Model.Class(name); kind != nil {
			words = append(words, kind.Word)
		}
	}
	return words
}

// Addressed checks a member "iri", "kind", "name" or "product" against what
// the address of the resource says. While the log is read, and where the
// address is not known, there is nothing to check.
func (d *Decoder) Addressed(m *Member) {
	if d.Stored || d.Address.Ref == "" {
		return
	}
	text := d.Text(m.Value)
	if m.Value.Kind != StringValue {
		return
	}
	var want string
	agrees := false
	switch m.Name {
	case "iri":
		path, ok := d.below(text)
		want, agrees = d.Address.Ref.Absolute(d.Root), ok && path == d.Address.Ref
	case "kind":
		want, agrees = d.Address.Kind, text == d.Address.Kind
	case "name":
		want, agrees = d.Address.Name, text == d.Address.Name
	case "product":
		path, ok := d.below(text)
		want = d.Address.Product.Name()
		agrees = ok && path == d.Address.Product || want != "" && text == want
	}
	if !agrees {
		message := fmt.Sprintf("%q contradicts the address, which says %q", shorten(text), want)
		if want == "" {
			message = "a resource of the cluster has no " + m.Name
		}
		d.note("address", "", want, message, m.Value.Line, m.Value.Column)
	}
}

// Sensitive reads the value of a write-only field: a text in the clear, or what
// was sealed while the log is read.
func (d *Decoder) Sensitive(v *Value) Sensitive {
	if !d.Stored {
		if v.Kind != StringValue {
			d.wrong(v, StringValue)
			return Sensitive{}
		}
		return Sensitive{Clear: []byte(v.Text)}
	}
	sealed, fingerprint := v.Get("sealed"), v.Get("fingerprint")
	if sealed == nil || fingerprint == nil {
		d.note("sealed", "", "sealed and fingerprint", "expected a sealed value", v.Line, v.Column)
		return Sensitive{}
	}
	bytes, err := base64.StdEncoding.DecodeString(d.Text(sealed))
	if err != nil {
		d.note("sealed", "", "base64", "the sealed value is not base64", v.Line, v.Column)
	}
	return Sensitive{Sealed: bytes, Fingerprint: d.Text(fingerprint)}
}
