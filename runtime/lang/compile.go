package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// Compile turns parsed files into the resources of one deployment. All
// violations of all files are returned, in the order of their places; where
// there are any, the deployment is incomplete and must not be applied.
func Compile(model *base.Model, files []*File, o Options) (*Deployment, []base.Violation) {
	c := newCompiler(model, o)
	c.declare(files)
	c.compile()
	return c.finish()
}

type compiler struct {
	model      *base.Model
	options    Options
	deployment *Deployment
	declared   map[base.Ref]*Resource
	bodies     []pending
	edges      map[base.Ref][]edge // between declared resources
	violations []base.Violation
}

// pending is a declaration whose address is known and whose body is not yet
// compiled, since references in it may name what comes later.
type pending struct {
	resource *Resource
	body     *Node
	read     func(name string, limit int64) ([]byte, error)
}

func newCompiler(model *base.Model, o Options) *compiler {
	return &compiler{model: model, options: o, deployment: &Deployment{}, declared: map[base.Ref]*Resource{}, edges: map[base.Ref][]edge{}}
}

func (c *compiler) note(file string, line, column int, id, expected, message string) {
	c.violations = append(c.violations, base.Violation{ID: id, Message: message, Expected: expected, File: file, Line: line, Column: column})
}

// declare finds the address of each declaration. Products come first, because
// one that is alone need not be named.
func (c *compiler) declare(files []*File) {
	for _, f := range files {
		for _, d := range f.Declarations {
			if kind := c.model.Kind(d.Kind); kind != nil && base.IsName(d.Name) {
				c.ownProduct(kind.RefTo("", d.Name))
			}
		}
	}
	for _, f := range files {
		for _, d := range f.Declarations {
			c.declaration(f, d)
		}
	}
}

// ownProduct notes that the deployment declares a resource, if it is a product.
func (c *compiler) ownProduct(ref base.Ref) {
	if ref.Scope() == ref && !slices.Contains(c.deployment.Products, ref) {
		c.deployment.Products = append(c.deployment.Products, ref)
	}
}

func (c *compiler) declaration(f *File, d *Declaration) {
	file := f.Name
	kind := c.kind(file, d)
	if kind == nil {
		return
	}
	if kind.Singleton && d.Name != kind.Word || !kind.Singleton && !base.IsName(d.Name) {
		expected := "lower-case letters, digits and hyphens, beginning with a letter, at most 63"
		if kind.Singleton {
			expected = quote(kind.Word)
		}
		c.note(file, d.NameLine, d.NameColumn, "name", expected, fmt.Sprintf("%s cannot name %s; expected %s", quote(shorten(d.Name)), article(kind.Word), expected))
		return
	}
	product, ok := c.product(file, kind, d)
	if !ok {
		return
	}
	r := &Resource{Class: kind, File: file, Line: d.Line, Column: d.Column, broken: f.broken}
	r.Address = base.Address{Ref: kind.RefTo(product, d.Name), Kind: kind.Word, Name: d.Name, Product: product}
	if kind.Singleton {
		r.Address.Name = ""
	}
	if c.add(r) {
		c.bodies = append(c.bodies, pending{r, d.Body, f.read})
	}
}

func (c *compiler) kind(file string, d *Declaration) *base.Class {
	kind := c.model.Kind(d.Kind)
	if kind != nil && kind.Origin == base.Declared {
		return kind
	}
	var words []string
	for _, k := range c.model.Classes {
		if k.Kind && k.Origin == base.Declared {
			words = append(words, k.Word)
		}
	}
	message := fmt.Sprintf("%s is no kind of resource", shorten(d.Kind))
	if kind != nil {
		message = article(d.Kind) + " comes from the cluster itself and cannot be declared"
	} else if near := base.Nearest(d.Kind, words); near != "" {
		message += "; did you mean " + near + "?"
	}
	c.note(file, d.Line, d.Column, "kind", strings.Join(words, ", "), message)
	return nil
}

// product finds the product of a declaration: the one it names, or the only
// one of the deployment for kinds that cannot be without.
func (c *compiler) product(file string, kind *base.Class, d *Declaration) (base.Ref, bool) {
	for _, e := range d.Body.Entries {
		if e.Name != "product" || kind.Field("product") != nil {
			continue
		}
		name, ok := c.productName(e.Value)
		switch {
		case !kind.InProduct:
			c.note(file, e.Line, e.Column, "scope", "", article(kind.Word)+" belongs to no product; leave product out")
		case !ok:
			c.note(file, e.Value.Line, e.Value.Column, "product", "'name'", "product: expected the name of a product in quotes")
		default:
			return base.Ref("/products/" + name), true
		}
		return "", false
	}
	switch {
	case kind.InCluster || kind.Singleton:
		return "", true
	case len(c.deployment.Products) == 1:
		return c.deployment.Products[0], true
	}
	c.note(file, d.Line, d.Column, "missing", "product: 'name'", fmt.Sprintf("product is missing; add product: 'name' to the %s %s", kind.Word, quote(d.Name)))
	return "", false
}

func (c *compiler) productName(n *Node) (string, bool) {
	name := n.Text
	for _, prefix := range []string{c.options.Root, "/products/"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name, n.Kind == StringNode && base.IsName(name)
}

// add takes a resource in, unless its address is taken.
func (c *compiler) add(r *Resource) bool {
	if other := c.declared[r.Address.Ref]; other != nil {
		c.note(r.File, r.Line, r.Column, "twice", "", fmt.Sprintf("%s %s is declared already at %s:%d:%d",
			r.Address.Kind, quote(r.Address.Name), other.File, other.Line, other.Column))
		return false
	}
	if len(c.declared) == resourcesMax {
		c.note(r.File, r.Line, r.Column, "size", "", fmt.Sprintf("a deployment has at most %d resources; split it", resourcesMax))
	}
	c.declared[r.Address.Ref] = r
	if len(c.declared) > resourcesMax {
		return false
	}
	c.deployment.Resources = append(c.deployment.Resources, r)
	return true
}

func (c *compiler) compile() {
	for _, p := range c.bodies {
		b := &body{compiler: c, resource: p.resource, decoder: c.decoder(p.resource), read: p.read}
		if b.read == nil {
			b.read = c.options.ReadFile
		}
		p.resource.Value = b.object(p.resource.Class, p.body, "")
		c.take(p.resource, b.decoder.Violations)
	}
}

func (c *compiler) decoder(r *Resource) *base.Decoder {
	return &base.Decoder{Model: c.model, Root: c.options.Root, Address: r.Address, Resolve: c.resolve}
}

// resolve finds the one declared resource of an abstract class.
func (c *compiler) resolve(class *base.Class, product base.Ref, name string) (base.Ref, bool) {
	var found base.Ref
	for _, k := range class.Kinds {
		ref := c.model.Class(k).RefTo(product, name)
		if c.declared[ref] == nil {
			continue
		}
		if found != "" {
			return "", false
		}
		found = ref
	}
	return found, found != ""
}

// take adds violations of a resource, which know their line but not the file.
func (c *compiler) take(r *Resource, violations []base.Violation) {
	for _, v := range violations {
		v.File = r.File
		if v.Line == 0 {
			at := r.Value.Locate(v.Pointer)
			v.Line, v.Column = at.Line, at.Column
		}
		if v.Line == 0 {
			v.Line, v.Column = r.Line, r.Column
		}
		c.violations = append(c.violations, v)
	}
}

// finish checks what needs all resources, and each by the rules of its kind.
func (c *compiler) finish() (*Deployment, []base.Violation) {
	for _, r := range c.deployment.Resources {
		c.references(r)
		addressed(r, c.options.Root)
		if c.options.Check == nil {
			continue
		}
		d := c.decoder(r)
		c.options.Check(d, r.Class, r.Value)
		var news []base.Violation
		for _, v := range d.Violations {
			if !r.knownToFail(v) {
				news = append(news, v)
			}
		}
		c.take(r, news)
	}
	c.cycles()
	return c.deployment, sorted(c.violations)
}

// knownToFail tests whether a violation only follows from one noted already:
// what could not be read is not missing.
func (r *Resource) knownToFail(v base.Violation) bool {
	absent := v.ID == "missing" || v.ID == "oneOf" || v.ID == "minItems"
	if r.broken && absent {
		return true
	}
	for _, failed := range r.failed {
		if failed == v.Pointer || strings.HasPrefix(v.Pointer, failed+"/") ||
			absent && strings.HasPrefix(failed, v.Pointer+"/") {
			return true
		}
	}
	return false
}
