package shacl

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Bounds of what is compiled.
const (
	maxProblems  = 100
	maxPathDepth = 64
	maxPathSize  = 4096    // operators of one path
	maxWeight    = 200_000 // instructions of all regular expressions
)

// Parse reads all shapes of a graph (section 2.1): what has a type, a target or
// a parameter of SHACL, and what those refer to. The error is of type Problems.
func Parse(g Graph) (*Shapes, error) {
	c := &compiler{
		graph: g, shapes: &Shapes{prefixes: g.Prefixes}, terms: map[base.Term]int{}, known: map[rdf.ID]*shape{},
		patterns: map[[2]string]*regexp.Regexp{}, parameters: parameters(),
	}
	c.shapes.rdfType = c.term(base.IRI(base.RDFType))
	c.shapes.below = &path{op: zeroOrMore, sub: []*path{{iri: rdfsSubClassOf, term: c.term(base.IRI(rdfsSubClassOf))}}}
	c.classes = c.classesBelow(rdfsClass, owlClass)
	c.find()
	for i := 0; i < len(c.shapes.all) && len(c.problems) < maxProblems; i++ { // compiling one finds others
		c.compile(c.shapes.all[i], c.ids[i])
	}
	c.siblings()
	c.circles()
	g.locate(c.wanted, func() bool { return false })
	c.problems.sort()
	c.shapes.Notices.sort()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c.shapes, nil
}

type compiler struct {
	graph      Graph
	shapes     *Shapes
	ids        []rdf.ID // of the shapes, by index
	terms      map[base.Term]int
	known      map[rdf.ID]*shape
	classes    map[rdf.ID]bool // whose instances are classes
	disjoint   []*qualified    // whose siblings are still to be found
	patterns   map[[2]string]*regexp.Regexp
	parameters []parameter
	weight     int // of the patterns
	problems   Problems
	wanted     []wanted
}

func (c *compiler) term(t base.Term) int {
	i, known := c.terms[t]
	if !known {
		i = len(c.shapes.terms)
		c.terms[t] = i
		c.shapes.terms = append(c.shapes.terms, t)
	}
	return i
}

// objects are the objects of a subject and predicate, each once.
func (c *compiler) objects(s rdf.ID, predicate string) (objects []rdf.ID) {
	p, ok := c.graph.Snapshot.Lookup(base.IRI(predicate))
	if !ok {
		return nil
	}
	for q := range c.graph.match(rdf.IDQuad{S: s, P: p}) {
		objects = append(objects, q.O)
	}
	if len(c.graph.Graphs) > 0 { // a triple may be in several
		slices.Sort(objects)
		objects = slices.Compact(objects)
	}
	return objects
}

func (c *compiler) termOf(id rdf.ID) base.Term { return c.graph.Snapshot.Term(id) }

func (c *compiler) show(id rdf.ID) string { return show(c.termOf(id), c.graph.Prefixes) }

// problem notes what is wrong at a statement; without a predicate, at a subject.
func (c *compiler) problem(s rdf.ID, predicate string, o rdf.ID, format string, args ...any) {
	if len(c.problems) == maxProblems {
		return
	}
	p := &Problem{Shape: c.termOf(s), Message: fmt.Sprintf(format, args...)}
	c.problems = append(c.problems, p)
	c.locate(p, s, predicate, o, true)
}

// locate asks for the place of a statement: of its object, or its predicate.
func (c *compiler) locate(p *Problem, s rdf.ID, predicate string, o rdf.ID, object bool) {
	w := wanted{triple: base.Triple{S: c.termOf(s)}, object: object, place: &p.Place}
	if predicate != "" && o != rdf.Any {
		w.triple.P, w.triple.O = base.IRI(predicate), c.termOf(o)
	}
	c.wanted = append(c.wanted, w)
}

// notice notes what has no effect.
func (c *compiler) notice(s rdf.ID, predicate string, o rdf.ID, format string, args ...any) {
	if len(c.shapes.Notices) == maxProblems {
		return
	}
	p := &Problem{Shape: c.termOf(s), Message: fmt.Sprintf(format, args...)}
	c.shapes.Notices = append(c.shapes.Notices, p)
	c.locate(p, s, predicate, o, false)
}

// refer is the shape that a shape refers to.
func (c *compiler) refer(s *shape, id rdf.ID, name string, at, o rdf.ID) *shape {
	if c.termOf(o).Kind == base.LiteralTerm {
		c.problem(id, sh+name, at, "the literal %s stands where a shape is expected; name a shape by its IRI, or write one in [ ]", c.show(o))
	}
	if name == "node" && len(c.objects(o, sh+"path")) > 0 {
		c.problem(id, sh+name, at, "sh:node refers to the property shape %s; write sh:property", c.show(o))
	}
	other := c.shape(o)
	s.refers = append(s.refers, other)
	return other
}

// shape is the shape of a node; it is compiled when its turn comes.
func (c *compiler) shape(id rdf.ID) *shape {
	s := c.known[id]
	if s == nil {
		s = &shape{index: len(c.shapes.all), node: c.termOf(id), severity: base.IRI(sh + "Violation")}
		c.known[id] = s
		c.shapes.all = append(c.shapes.all, s)
		c.ids = append(c.ids, id)
	}
	return s
}

// find looks for shapes that nothing needs to refer to.
func (c *compiler) find() {
	types := c.classesBelow(sh+"NodeShape", sh+"PropertyShape")
	roles := map[rdf.ID]role{}
	for q := range c.graph.match(rdf.IDQuad{}) {
		r, seen := roles[q.P]
		if !seen {
			r = c.roleOf(q.P)
			roles[q.P] = r
		}
		switch {
		case r == marksShape, r == isType && types[q.O]:
			c.shape(q.S)
		case r == foreign:
			local := strings.TrimPrefix(c.termOf(q.P).Value, sh)
			c.notice(q.S, sh+local, q.O, "sh:%s is ignored: %s", local, foreignWord(local))
		case r == regime:
			c.problem(q.S, sh+"entailment", q.O, "the shapes ask for the entailment regime %s, and there is none here; leave sh:entailment out and validate a graph with its inferences", c.show(q.O))
		}
	}
}

// role is what a predicate says about its subject.
type role uint8

const (
	nothing role = iota
	marksShape
	isType
	foreign
	regime
)

func (c *compiler) roleOf(predicate rdf.ID) role {
	iri := c.termOf(predicate).Value
	local, ours := strings.CutPrefix(iri, sh)
	switch {
	case iri == base.RDFType:
		return isType
	case !ours:
		return nothing
	case local == "entailment":
		return regime
	case strings.HasPrefix(local, "target") && known(local) && local != "target", isParameter(local):
		return marksShape
	case !known(local) || local == "target":
		return foreign
	}
	return nothing
}

func foreignWord(local string) string {
	if near := base.Nearest(local, strings.Fields(words)); near != "" {
		return "SHACL Core has no such word; did you mean sh:" + near + "?"
	}
	return "it is not of SHACL Core, which is all that is validated here; say it with the constraints of https://www.w3.org/TR/shacl/#core-components"
}

// classesBelow are classes and their sub-classes in the shapes graph.
func (c *compiler) classesBelow(classes ...string) map[rdf.ID]bool {
	found := map[rdf.ID]bool{}
	var queue []rdf.ID
	for _, class := range classes {
		if id, ok := c.graph.Snapshot.Lookup(base.IRI(class)); ok {
			queue = append(queue, id)
		}
	}
	below, ok := c.graph.Snapshot.Lookup(base.IRI(rdfsSubClassOf))
	for ; len(queue) > 0; queue = queue[1:] {
		if found[queue[0]] {
			continue
		}
		found[queue[0]] = true
		if ok {
			for q := range c.graph.match(rdf.IDQuad{P: below, O: queue[0]}) {
				queue = append(queue, q.S)
			}
		}
	}
	return found
}

// compile fills in a shape from what the graph says about it.
func (c *compiler) compile(s *shape, id rdf.ID) {
	c.kind(s, id)
	for _, o := range c.objects(id, sh+"message") {
		if t := c.termOf(o); t.Datatype == base.XSDString || t.Lang != "" {
			s.messages = append(s.messages, t)
		} else {
			c.problem(id, sh+"message", o, "%s is no message: write a string, with or without a language", c.show(o))
		}
	}
	if o, ok := c.single(id, "severity"); ok {
		if s.severity = c.termOf(o); s.severity.Kind != base.IRITerm {
			c.problem(id, sh+"severity", o, "%s is no severity: write sh:Info, sh:Warning, sh:Violation or an IRI of your own", c.show(o))
		}
	}
	s.deactivated = c.boolean(id, "deactivated")
	c.targets(s, id)
	for _, p := range c.parameters {
		objects := c.objects(id, sh+p.name)
		if len(objects) > 0 && p.propertyOnly && s.path == nil {
			c.problem(id, sh+p.name, objects[0], "sh:%s stands at the node shape %s, which has no path to count or compare along; put it into a sh:property", p.name, c.show(id))
			continue
		}
		if p.once {
			c.single(id, p.name)
		}
		for _, o := range objects {
			if k := p.build(c, s, id, o); k != nil {
				s.constraints = append(s.constraints, k)
			}
		}
	}
	s.composite = len(s.refers) > 0
}

// kind tells node shapes and property shapes apart, and reads the path.
func (c *compiler) kind(s *shape, id rdf.ID) {
	types := c.objects(id, base.RDFType)
	is := func(class string) bool {
		return slices.ContainsFunc(types, func(o rdf.ID) bool { return c.termOf(o) == base.IRI(sh+class) })
	}
	o, ok := c.single(id, "path")
	switch {
	case ok && is("NodeShape"):
		c.problem(id, sh+"path", o, "%s is a sh:NodeShape and has a sh:path; make it a sh:PropertyShape, or put the path into a sh:property", c.show(id))
	case !ok && is("PropertyShape"):
		c.problem(id, "", rdf.Any, "%s is a sh:PropertyShape without a sh:path; add one", c.show(id))
	}
	if ok {
		r := pathReader{compiler: c, shape: id, at: o}
		if s.path = r.read(o, 0); s.path == nil {
			s.path = &path{op: alternative} // a path to nowhere; the problem is noted
		}
	}
}

// single is the only object of a property; several are a problem.
func (c *compiler) single(id rdf.ID, name string) (rdf.ID, bool) {
	objects := c.objects(id, sh+name)
	if len(objects) > 1 {
		c.problem(id, sh+name, objects[1], "%s has %d values of sh:%s, and may have one; leave out all but one", c.show(id), len(objects), name)
	}
	if len(objects) == 0 {
		return rdf.Any, false
	}
	return objects[0], true
}

func (c *compiler) boolean(id rdf.ID, name string) bool {
	o, ok := c.single(id, name)
	if !ok {
		return false
	}
	switch c.termOf(o) {
	case base.Boolean(true):
		return true
	case base.Boolean(false), base.Typed("0", base.XSDBoolean):
		return false
	case base.Typed("1", base.XSDBoolean): // SHACL means the term true, not its value
		c.notice(id, sh+name, o, "sh:%s is \"1\", which SHACL does not take for true; write true", name)
		return false
	}
	c.problem(id, sh+name, o, "sh:%s is %s; write true or false, without quotes", name, c.show(o))
	return false
}

// targets reads the targets of a shape (section 2.1.3). A class of OWL is taken
// for a class, which RDFS alone would not know.
func (c *compiler) targets(s *shape, id rdf.ID) {
	for kind, name := range []string{"targetNode", "targetClass", "targetSubjectsOf", "targetObjectsOf"} {
		for _, o := range c.objects(id, sh+name) {
			t := c.termOf(o)
			if t.Kind == base.BlankTerm || t.Kind == base.LiteralTerm && targetKind(kind) != targetNode {
				c.problem(id, sh+name, o, "sh:%s is %s; write an IRI%s", name, c.show(o), map[bool]string{true: " or a literal"}[targetKind(kind) == targetNode])
				continue
			}
			s.targets = append(s.targets, target{targetKind(kind), c.term(t)})
		}
	}
	if s.node.Kind == base.IRITerm && slices.ContainsFunc(c.objects(id, base.RDFType), func(o rdf.ID) bool { return c.classes[o] }) {
		s.targets = append(s.targets, target{targetClass, c.term(s.node)})
	}
}

// list reads the members of a well-formed RDF list.
func (c *compiler) list(id rdf.ID, name string, head rdf.ID) (members []rdf.ID, ok bool) {
	seen := map[rdf.ID]bool{}
	for cell := head; ; {
		if c.termOf(cell) == base.IRI(base.RDFNil) {
			return members, true
		}
		first, rest := c.objects(cell, base.RDFFirst), c.objects(cell, base.RDFRest)
		if len(first) != 1 || len(rest) != 1 || seen[cell] {
			c.problem(id, sh+name, head, "sh:%s is no well-formed list; write ( … )", name)
			return nil, false
		}
		seen[cell] = true
		members = append(members, first[0])
		cell = rest[0]
	}
}

// iri is the place among the terms of an object that must be an IRI.
func (c *compiler) iri(id rdf.ID, name string, o rdf.ID) (int, bool) {
	t := c.termOf(o)
	if t.Kind != base.IRITerm {
		c.problem(id, sh+name, o, "sh:%s is %s; write an IRI", name, c.show(o))
		return 0, false
	}
	return c.term(t), true
}

// siblings finds the sibling shapes of qualified value shapes (section 4.7.3).
func (c *compiler) siblings() {
	parents := map[*shape][]*shape{}
	if len(c.disjoint) > 0 {
		for _, s := range c.shapes.all {
			for _, p := range s.properties {
				parents[p] = append(parents[p], s)
			}
		}
	}
	for _, k := range c.disjoint {
		found := map[*shape]bool{}
		for _, parent := range parents[k.owner] {
			for _, p := range parent.properties {
				if p.qualified != nil && p.qualified != k.shape {
					found[p.qualified] = true
				}
			}
		}
		k.siblings = slices.SortedFunc(maps.Keys(found), func(a, b *shape) int { return a.index - b.index })
	}
}

// circles marks the shapes from which references may lead into a circle: what
// is left when shapes that refer to nothing left are taken away in turn.
func (c *compiler) circles() {
	asked := map[*shape][]*shape{}
	left := map[*shape]int{}
	var free []*shape
	for _, k := range c.disjoint {
		k.owner.refers = append(k.owner.refers, k.siblings...)
	}
	for _, s := range c.shapes.all {
		s.recursive = true
		left[s] = len(s.refers)
		for _, r := range s.refers {
			asked[r] = append(asked[r], s)
		}
		if left[s] == 0 {
			free = append(free, s)
		}
	}
	for ; len(free) > 0; free = free[1:] {
		free[0].recursive = false
		for _, s := range asked[free[0]] {
			if left[s]--; left[s] == 0 {
				free = append(free, s)
			}
		}
	}
}
