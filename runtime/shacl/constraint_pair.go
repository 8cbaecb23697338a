package shacl

import (
	"github.com/RoaringBitmap/roaring/v2"

	"github.com/picloud/picloud/runtime/rdf"
)

// objects are what a predicate of the focus node leads to; the caller drops
// them from the stack.
func (c *check) objects(term int) []rdf.ID {
	return c.walk(&path{term: term}, c.one[:], false)
}

// equals is sh:equals (section 4.5.1).
type equals struct {
	term int
	iri  string
}

func (k *equals) component() string { return "Equals" }
func (k *equals) check(c *check) {
	mark := len(c.stack)
	defer func() { c.stack = c.stack[:mark] }()
	others := check{values: c.objects(k.term)}
	for _, v := range c.values {
		if !c.tick() || !others.holdsValue(v) && !c.failAt(k, v, rdf.Any, "extra") {
			return
		}
	}
	for _, v := range others.values {
		if !c.tick() || !c.holdsValue(v) && !c.failAt(k, v, rdf.Any, "missing") {
			return
		}
	}
}

// disjoint is sh:disjoint (section 4.5.2).
type disjoint struct {
	term int
	iri  string
}

func (k *disjoint) component() string { return "Disjoint" }
func (k *disjoint) check(c *check) {
	for _, v := range c.values {
		if c.has(c.focus, c.ids[k.term], v) && !c.fail(k, v) {
			return
		}
	}
}

// less is sh:lessThan or sh:lessThanOrEquals (sections 4.5.3, 4.5.4): a result
// for each pair that does not compare so.
type less struct {
	name, words string
	term        int
	iri         string
	most        int // the greatest order that is right
}

func (k *less) component() string { return k.name }
func (k *less) check(c *check) {
	mark := len(c.stack)
	defer func() { c.stack = c.stack[:mark] }()
	others := c.objects(k.term)
	operands := make([]operand, len(others))
	for i, other := range others {
		if !c.tick() {
			return
		}
		operands[i] = operandOf(c.term(other))
	}
	for _, v := range c.values {
		one := operandOf(c.term(v))
		for i := range operands {
			if !c.tick() {
				return
			}
			if order, ok := one.compare(operands[i]); (!ok || order > k.most) && !c.failAt(k, v, rdf.Any, show(operands[i].term, nil)) {
				return
			}
		}
	}
}

// closed is sh:closed with sh:ignoredProperties (section 4.8.1).
type closed struct {
	owner   *shape
	ignored []int
}

func (k *closed) component() string { return "Closed" }
func (k *closed) check(c *check) {
	allowed := c.set(k, k.allowed())
	for _, v := range c.values {
		c.run.each(rdf.IDQuad{S: v}, func(q rdf.IDQuad) bool {
			return allowed.Contains(uint32(q.P)) || !c.firstGraph(q) || c.failAt(k, q.O, q.P, "")
		})
	}
}

// firstGraph reports whether no graph before that of a quad has its triple.
func (r *run) firstGraph(q rdf.IDQuad) bool {
	if len(r.graphs) == 1 && r.graphs[0] != rdf.Any {
		return true
	}
	first := q
	r.each(rdf.IDQuad{S: q.S, P: q.P, O: q.O}, func(found rdf.IDQuad) bool {
		first = found
		return false
	})
	return first.G == q.G
}

// allowed are the predicates that may be there: those of the property shapes
// whose path is one predicate, and the ignored ones.
func (k *closed) allowed() []int {
	terms := k.ignored[:len(k.ignored):len(k.ignored)]
	for _, p := range k.owner.properties {
		if p.path.op == predicate {
			terms = append(terms, p.path.term)
		}
	}
	return terms
}

// set is a set of terms as ids of the data, made once a run.
func (r *run) set(k constraint, terms []int) *roaring.Bitmap {
	set := r.sets[k]
	if set == nil {
		set = roaring.New()
		for _, t := range terms {
			set.Add(uint32(r.ids[t]))
		}
		r.sets[k] = set
		r.kept += len(terms)
	}
	return set
}
