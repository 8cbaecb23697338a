package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/load"
)

const (
	nsSH          = "http://www.w3.org/ns/shacl#"
	nsOWL         = "http://www.w3.org/2002/07/owl#"
	subClassOf    = base.RDFS + "subClassOf"
	subPropertyOf = base.RDFS + "subPropertyOf"
	inverseOf     = nsOWL + "inverseOf"
)

// The three classes that the language itself knows by name.
const (
	rootClass  = base.Ontology + "Resource"
	eventClass = base.Ontology + "Event"
	phaseEnum  = base.Ontology + "Phase"
)

// metaShapes checks ontology edits with SHACL; it is no part of the model.
const metaShapes = "meta-shapes.ttl"

// object is one value of a predicate and where it stands.
type object struct {
	base.Term
	at, predicate load.Place
}

// node is one subject with everything that is said about it.
type node struct {
	iri   string // "_:" and the label for blank nodes
	at    load.Place
	said  map[string][]object
	order []string // predicates as first met
	role  role
}

// builder gathers the model and every problem on the way.
type builder struct {
	source   *load.Ontology
	nodes    map[string]*node
	subjects []*node // in the order of the files
	problems load.Problems
	model    *Model

	// By IRI, and in the order of the files where that matters.
	scalars    map[string]*base.Scalar
	scalarList []*base.Scalar
	enums      map[string]*base.Enum
	enumList   []*base.Enum
	classes    map[string]*class
	classList  []*class
	shapes     map[string]*shape
	phases     map[string]string // names of the members of Phase
}

func (b *builder) index() {
	for _, f := range b.source.Files {
		if f.Name == metaShapes {
			continue
		}
		for _, s := range f.Statements {
			n := b.node(key(s.S), s.Subject)
			predicate := s.P.Value
			if _, known := n.said[predicate]; !known {
				n.order = append(n.order, predicate)
			}
			n.said[predicate] = append(n.said[predicate], object{s.O, s.Object, s.Predicate})
		}
	}
}

func (b *builder) node(id string, at load.Place) *node {
	if n := b.nodes[id]; n != nil {
		return n
	}
	n := &node{iri: id, at: at, said: map[string][]object{}}
	b.nodes[id] = n
	b.subjects = append(b.subjects, n)
	return n
}

func key(t base.Term) string {
	if t.Kind == base.BlankTerm {
		return "_:" + t.Value
	}
	return t.Value
}

// add notes a problem.
func (b *builder) add(at load.Place, format string, args ...any) {
	b.problems = append(b.problems, load.Problem{Place: at, Message: fmt.Sprintf(format, args...)})
}

// term writes an IRI with its prefix, as people do.
func (b *builder) term(iri string) string {
	best, prefix := "", ""
	for p, namespace := range b.source.Prefixes {
		if strings.HasPrefix(iri, namespace) && (len(namespace) > len(best) || len(namespace) == len(best) && p < prefix) {
			best, prefix = namespace, p
		}
	}
	if best == "" {
		return "<" + iri + ">"
	}
	return prefix + ":" + iri[len(best):]
}

func (b *builder) show(o object) string {
	switch o.Kind {
	case base.IRITerm:
		return b.term(o.Value)
	case base.BlankTerm:
		return "[ … ]"
	}
	return strconv.Quote(o.Value)
}

// local is the part of an IRI that names: after the last # or /.
func local(iri string) string { return iri[strings.LastIndexAny(iri, "#/")+1:] }

// namespace is the rest of it.
func namespace(iri string) string { return iri[:strings.LastIndexAny(iri, "#/")+1] }

// one is the only value of a predicate, or nil; a second one is a problem.
func (b *builder) one(n *node, predicate string) *object {
	all := n.said[predicate]
	if len(all) == 0 {
		return nil
	}
	if len(all) > 1 {
		b.add(all[1].at, "%s has %d values for %s, which takes one; remove %s",
			b.name(n), len(all), b.term(predicate), b.show(all[1]))
	}
	return &all[0]
}

// name is how a subject is called in a message.
func (b *builder) name(n *node) string {
	if strings.HasPrefix(n.iri, "_:") {
		return "the nameless node"
	}
	if i := strings.IndexByte(n.iri, '-'); n.role == shapeRole && i > 0 {
		return "property " + b.pathOf(n) + " of " + local(n.iri[:i])
	}
	return b.term(n.iri)
}

func (b *builder) pathOf(n *node) string {
	if p := n.said[nsSH+"path"]; len(p) > 0 {
		return b.show(p[0])
	}
	return b.term(n.iri)
}

// text is a string value, "" when there is none.
func (b *builder) text(n *node, predicate string) string {
	o := b.one(n, predicate)
	switch {
	case o == nil:
		return ""
	case o.Kind != base.LiteralTerm || o.Datatype != base.XSDString && o.Datatype != base.RDFLangStr:
		b.add(o.at, "%s of %s must be a string, is %s", b.term(predicate), b.name(n), b.show(*o))
		return ""
	}
	return o.Value
}

func (b *builder) boolean(n *node, predicate string) bool {
	o := b.one(n, predicate)
	if o == nil {
		return false
	}
	if o.Kind != base.LiteralTerm || o.Datatype != base.XSDBoolean {
		b.add(o.at, "%s of %s must be true or false, is %s", b.term(predicate), b.name(n), b.show(*o))
		return false
	}
	return o.Value == "true" || o.Value == "1"
}

// integer is a whole number, nil when there is none.
func (b *builder) integer(n *node, predicate string) *int64 {
	o := b.one(n, predicate)
	if o == nil {
		return nil
	}
	i, err := strconv.ParseInt(o.Value, 10, 64)
	if o.Kind != base.LiteralTerm || o.Datatype != base.XSDInteger || err != nil || i > base.MaxInteger || i < -base.MaxInteger {
		b.add(o.at, "%s of %s must be a whole number within ±9007199254740991, is %s", b.term(predicate), b.name(n), b.show(*o))
		return nil
	}
	return &i
}

// iri is an IRI value, "" when there is none.
func (b *builder) iri(n *node, predicate string) string {
	o := b.one(n, predicate)
	if o == nil {
		return ""
	}
	if o.Kind != base.IRITerm {
		b.add(o.at, "%s of %s must be an IRI, is %s", b.term(predicate), b.name(n), b.show(*o))
		return ""
	}
	return o.Value
}

// list reads an RDF list.
func (b *builder) list(n *node, predicate string) []object {
	head := b.one(n, predicate)
	if head == nil {
		return nil
	}
	var items []object
	for at := head.Term; at.Value != base.RDFNil; {
		cell := b.nodes[key(at)]
		if cell == nil || len(cell.said[base.RDFFirst]) != 1 || len(cell.said[base.RDFRest]) != 1 || len(items) > 1000 {
			b.add(head.at, "%s of %s must be a list: write ( … )", b.term(predicate), b.name(n))
			return items
		}
		items = append(items, cell.said[base.RDFFirst][0])
		at = cell.said[base.RDFRest][0].Term
	}
	return items
}

// place is where a predicate of a subject stands, else the subject.
func (n *node) place(predicate string) load.Place {
	if all := n.said[predicate]; len(all) > 0 {
		return all[0].at
	}
	return n.at
}

func (n *node) is(class string) bool {
	return slices.ContainsFunc(n.said[base.RDFType], func(o object) bool { return o.Value == class })
}

// near is " did you mean …?" for a misspelt word, or "".
func near(word string, words []string) string {
	if best := base.Nearest(word, words); best != "" && best != word {
		return "; did you mean " + best + "?"
	}
	return ""
}
