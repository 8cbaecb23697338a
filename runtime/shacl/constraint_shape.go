package shacl

import "github.com/picloud/picloud/runtime/rdf"

// conform judges the value nodes by what other shapes say of them.
func (c *check) conform(k constraint, holds func(rdf.ID) bool) {
	for _, v := range c.values {
		if right := holds(v); c.err != nil || !right && !c.failFor(k, v) {
			break
		}
	}
	c.reason = nil
}

// failFor is fail with the first of the reasons for which the value does not
// conform to the shape that was asked. It is one and not all, so that reasons
// within reasons stay few.
func (c *check) failFor(k constraint, v rdf.ID) bool {
	more := c.fail(k, v)
	if more && c.reason != nil {
		detail := collector{most: 1}
		c.eval(c.reason, v, &detail)
		c.out.results[len(c.out.results)-1].Detail = detail.results
	}
	return more
}

// not is sh:not (section 4.6.1).
type not struct{ shape *shape }

func (k *not) component() string { return "Not" }
func (k *not) check(c *check) {
	c.conform(k, func(v rdf.ID) bool { return !c.conforms(k.shape, v) })
}

// and is sh:and (section 4.6.2).
type and struct{ shapes []*shape }

func (k *and) component() string { return "And" }
func (k *and) check(c *check) {
	c.conform(k, func(v rdf.ID) bool {
		n := c.conforming(k.shapes, v, false)
		c.reason = nil
		if n < len(k.shapes) {
			c.reason = k.shapes[n]
		}
		return c.reason == nil
	})
}

// or is sh:or (section 4.6.3).
type or struct{ shapes []*shape }

func (k *or) component() string { return "Or" }
func (k *or) check(c *check) {
	c.conform(k, func(v rdf.ID) bool { return c.conformsToAny(k.shapes, v) })
}

// xone is sh:xone (section 4.6.4).
type xone struct{ shapes []*shape }

func (k *xone) component() string { return "Xone" }
func (k *xone) check(c *check) {
	c.conform(k, func(v rdf.ID) bool { return c.conforming(k.shapes, v, true) == 1 })
}

// conforming counts the shapes that a node conforms to, up to the first that it
// does not, or all of them.
func (r *run) conforming(shapes []*shape, v rdf.ID, all bool) (n int) {
	for _, s := range shapes {
		if r.conforms(s, v) {
			n++
		} else if !all {
			break
		}
	}
	return n
}

// node is sh:node (section 4.7.1).
type node struct{ shape *shape }

func (k *node) component() string { return "Node" }
func (k *node) check(c *check) {
	c.reason = k.shape
	c.conform(k, func(v rdf.ID) bool { return c.conforms(k.shape, v) })
}

// property is sh:property (section 4.7.2): the results are those of the
// property shape.
type property struct{ shape *shape }

func (k *property) component() string { return "Property" }
func (k *property) check(c *check) {
	for _, v := range c.values {
		if !c.nested(k.shape, v) {
			c.failed = true
			if c.out == nil || c.out.full {
				return
			}
		}
		if c.err != nil {
			return
		}
	}
}

// nested validates a value by a property shape. Below the first property
// shape nodes may be reached in many ways, so it is remembered that there was
// nothing to say.
func (c *check) nested(s *shape, v rdf.ID) bool {
	if c.out == nil {
		return c.conforms(s, v)
	}
	q := question{s.index, v}
	remember := s.composite && c.depth > 1
	if remember && c.memo[q] {
		return true
	}
	verdict := c.eval(s, v, c.out)
	if remember && c.err == nil && !c.out.full {
		c.memo[q] = verdict
		c.holds(0)
	}
	return verdict
}

// qualified is sh:qualifiedValueShape with one of its counts (section 4.7.3).
type qualified struct {
	owner, shape *shape
	siblings     []*shape // that values must not conform to
	count        int
	most         bool
}

func (k *qualified) component() string {
	if k.most {
		return "QualifiedMaxCount"
	}
	return "QualifiedMinCount"
}

func (k *qualified) check(c *check) {
	n := 0
	for _, v := range c.values {
		if c.conforms(k.shape, v) && !c.conformsToAny(k.siblings, v) {
			n++
		}
		if c.err != nil {
			return
		}
	}
	if k.most && n > k.count || !k.most && n < k.count {
		c.failAt(k, rdf.Any, rdf.Any, countOf(n))
	}
}

func (r *run) conformsToAny(shapes []*shape, v rdf.ID) bool {
	for _, s := range shapes {
		if r.conforms(s, v) {
			return true
		}
	}
	return false
}
