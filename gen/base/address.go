package base

import (
	"fmt"
	"strings"
)

// IsName reports whether a text may name a resource: lower-case letters, digits
// and hyphens, beginning with a letter, ending with no hyphen, at most 63
// characters (a label of DNS, RFC 1035 section 2.3.1).
func IsName(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] < 'a' || s[0] > 'z' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Scope is the product inside which bare names are looked up for a resource:
// the product it belongs to, itself if it is a product, or "".
func (r Ref) Scope() Ref {
	if r.Parent() == "/products" {
		return r
	}
	return r.Product()
}

// Short is the shortest text by which a resource may refer to this one where
// its kind is known: the bare name, "product/name", or the whole path. The kind
// says whether it exists in products and in the cluster alike (inBoth).
func (r Ref) Short(from Ref, inBoth bool) string {
	product := r.Product()
	switch {
	case product == "" && (!inBoth || from.Scope() == ""):
		return r.Name()
	case product == "":
		return string(r)
	case product == from.Scope():
		return r.Name()
	}
	return product.Name() + "/" + r.Name()
}

// RefTo is the reference to a resource of a kind; the product is "" for those
// of the cluster.
func (c *Class) RefTo(product Ref, name string) Ref {
	if c.Singleton {
		return "/"
	}
	return Ref(string(product) + "/" + c.Segment + "/" + name)
}

// AddressOf takes a path apart. The error is a violation without a place.
func (m *Model) AddressOf(ref Ref) (*Class, Address, *Violation) {
	if ref == "/" {
		for _, c := range m.Classes {
			if c.Singleton {
				return c, Address{Ref: ref, Kind: c.Word}, nil
			}
		}
	}
	steps := strings.Split(string(ref), "/")
	product := Ref("")
	if len(steps) == 5 && steps[1] == "products" {
		if !IsName(steps[2]) {
			return nil, Address{}, nameViolation(steps[2])
		}
		product = Ref("/products/" + steps[2])
		steps = append(steps[:1], steps[3:]...)
	}
	if len(steps) != 3 || steps[0] != "" {
		return nil, Address{}, &Violation{ID: "address", Expected: "/products/{product}/{kinds}/{name} or /{kinds}/{name}",
			Message: fmt.Sprintf("%q is no address of a resource; expected /products/{product}/{kinds}/{name} or /{kinds}/{name}", shorten(string(ref)))}
	}
	class := m.KindOfSegment(steps[1])
	if class == nil || class.Singleton {
		return nil, Address{}, m.unknownSegment(steps[1])
	}
	if !IsName(steps[2]) {
		return nil, Address{}, nameViolation(steps[2])
	}
	if product == "" && !class.InCluster {
		return nil, Address{}, &Violation{ID: "scope", Expected: "/products/{product}/" + class.Segment + "/" + steps[2],
			Message: fmt.Sprintf("%s belongs to a product; write /products/{product}/%s/%s", article(class.Word), class.Segment, steps[2])}
	}
	if product != "" && !class.InProduct {
		return nil, Address{}, &Violation{ID: "scope", Expected: "/" + class.Segment + "/" + steps[2],
			Message: fmt.Sprintf("%s belongs to no product; write /%s/%s", article(class.Word), class.Segment, steps[2])}
	}
	return class, Address{Ref: ref, Kind: class.Word, Name: steps[2], Product: product}, nil
}

func nameViolation(name string) *Violation {
	const rule = "lower-case letters, digits and hyphens, beginning with a letter, at most 63"
	return &Violation{ID: "name", Expected: rule, Message: fmt.Sprintf("%q is not a name; expected %s", shorten(name), rule)}
}

func (m *Model) unknownSegment(segment string) *Violation {
	var segments []string
	for _, c := range m.Classes {
		if c.Kind && !c.Singleton {
			segments = append(segments, c.Segment)
		}
	}
	message := fmt.Sprintf("no kind has the path segment %q", shorten(segment))
	if c := m.Kind(segment); c != nil {
		message += fmt.Sprintf("; did you mean %q?", c.Segment)
	} else if near := Nearest(segment, segments); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return &Violation{ID: "segment", Expected: strings.Join(segments, ", "), Message: message}
}
