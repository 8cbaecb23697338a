package base

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Place is a place in a text; line and column count from 1, 0 is unknown.
type Place struct{ Line, Column int }

// Placed is a quad with the places of its terms.
type Placed struct {
	Quad
	Subject, Predicate, Object Place
}

// ReadGraph turns the quads about one resource into the value that the same
// resource has in JSON: maps by their keys, lists in order, members of
// enumerations as tokens, references as absolute IRIs. The subject is the IRI
// of the resource; nested objects are its fragments, or blank nodes where
// field, position and key say which fragment is meant.
//
// Facts about the address have to agree with it, observed properties are left
// out. All violations are listed: unknown properties with the nearest known
// one, wrong datatypes, a second type, subjects that belong to nothing, quads
// in a graph that is not the resource's. The shape itself (what is missing, how
// much is too much) is left to the decoder of the kind.
func ReadGraph(model *Model, class *Class, root string, subject Term, quads []Placed) (*Value, []Violation) {
	r := &graphReader{
		model: model, root: root, class: class, subject: subject, address: Ref(strings.TrimPrefix(subject.Value, root)),
		about: map[Term][]Placed{}, reached: map[Term]bool{},
	}
	if r.address == "" {
		r.address = "/"
	}
	r.index(quads)
	var place Place
	if own := r.about[subject]; len(own) > 0 {
		place = own[0].Subject
	}
	r.reached[subject] = true
	v := r.object(class, subject, "", place)
	r.strangers(quads)
	sort.SliceStable(r.check.Violations, func(i, j int) bool {
		a, b := r.check.Violations[i], r.check.Violations[j]
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
	return v, r.check.Violations
}

const (
	violationsMax = 1000 // that one text is told about
	depthMax      = 32   // nodes inside each other, as in JSON
)

type graphReader struct {
	model   *Model
	root    string
	class   *Class
	subject Term
	address Ref
	about   map[Term][]Placed // by subject, each triple once
	reached map[Term]bool     // subjects that something refers to
	check   Check
}

func (r *graphReader) note(place Place, id, rule, expected, message string) {
	if len(r.check.Violations) < violationsMax {
		r.check.Add(id, "", rule, expected, message)
		last := &r.check.Violations[len(r.check.Violations)-1]
		last.Line, last.Column = place.Line, place.Column
	}
}

func (r *graphReader) index(quads []Placed) {
	seen := make(map[Triple]bool, len(quads))
	graphs := map[Term]bool{}
	for _, q := range quads {
		if !graphs[q.G] && !r.inGraph(q.G) {
			graphs[q.G] = true
			r.note(q.Subject, "graph", "", "the default graph", fmt.Sprintf("the graph %s is not that of %s; leave it out", compact(q.G), compact(r.subject)))
		}
		if t := (Triple{q.S, q.P, q.O}); !seen[t] {
			seen[t] = true
			r.about[q.S] = append(r.about[q.S], q)
		}
	}
}

// inGraph tests for the default graph and those that hold the resource.
func (r *graphReader) inGraph(g Term) bool {
	if g.IsZero() {
		return true
	}
	if g.Kind != IRITerm {
		return false
	}
	own := r.address.Product().Absolute(r.root) + "/graph"
	return g.Value == own || r.address.Product() == "" && g.Value == own+"/iam"
}

// strangers notes the subjects that nothing led to.
func (r *graphReader) strangers(quads []Placed) {
	for _, q := range quads {
		if r.reached[q.S] {
			continue
		}
		r.reached[q.S] = true
		message := fmt.Sprintf("%s is described, but nothing of %s refers to it", r.show(q.S), compact(r.subject))
		if q.S.Kind == IRITerm && !strings.HasPrefix(q.S.Value, r.subject.Value+"#") {
			message = fmt.Sprintf("%s is another subject; here only %s and its fragments are described", compact(q.S), compact(r.subject))
		}
		r.note(q.Subject, "subject", "", compact(r.subject), message)
	}
}

// object reads one node of a class. The field that a map is keyed by is no
// member of its values.
func (r *graphReader) object(class *Class, node Term, keyField string, place Place) *Value {
	v := &Value{Kind: ObjectValue, Line: place.Line, Column: place.Column}
	fields := map[*Field][]Placed{}
	for _, q := range r.about[node] {
		switch f := class.FieldOfIRI(q.P.Value); {
		case q.P.Value == RDFType:
			r.typed(class, q)
		case class.Kind && r.owned(class, q):
		case f == nil:
			r.unknown(class, q)
		case f.Observed:
			r.reach(q.O)
		default:
			fields[f] = append(fields[f], q)
		}
	}
	for _, f := range class.Fields {
		quads := fields[f]
		if len(quads) == 0 {
			continue
		}
		r.check.Enter(f.Name)
		value := r.field(f, node, quads)
		r.check.Leave()
		if value != nil && f.Name != keyField {
			place := quads[0].Predicate
			v.Members = append(v.Members, &Member{Name: f.Name, Line: place.Line, Column: place.Column, Value: value})
		}
	}
	return v
}

func (r *graphReader) typed(class *Class, q Placed) {
	if q.O != IRI(class.IRI) {
		r.note(q.Object, "class", "", compact(IRI(class.IRI)), fmt.Sprintf("%s is of the class %s, not %s", r.show(q.S), compact(IRI(class.IRI)), compact(q.O)))
	}
}

// owned checks what a resource's address says about it and reports whether the
// quad was such a fact.
func (r *graphReader) owned(class *Class, q Placed) bool {
	var want Term
	switch q.P.Value {
	case RDFSLabel:
		if class.Singleton {
			return true
		}
		if q.O.Value == r.address.Name() && q.O.Kind == LiteralTerm { // in whatever language
			return true
		}
		want = String(r.address.Name())
	case RDFSComment:
		return class.Singleton && class.FieldOfIRI(RDFSComment) == nil
	case Ontology + "iri":
		want = r.subject
	case Ontology + "kind":
		want = IRI(class.IRI)
	case Ontology + "name":
		want = String(r.address.Name())
	case Ontology + "product":
		if class.FieldOfIRI(q.P.Value) != nil {
			return false
		}
		if product := r.address.Product(); product != "" {
			want = IRI(product.Absolute(r.root))
		}
	default:
		return false
	}
	if q.O != want {
		message := fmt.Sprintf("%s contradicts the address, which says %s", compact(q.P), compact(want))
		if want.IsZero() {
			message = "a resource of the cluster has no " + compact(q.P)
		}
		r.note(q.Object, "address", "", compact(want), message)
	}
	return true
}

func (r *graphReader) unknown(class *Class, q Placed) {
	names := make([]string, len(class.Fields))
	for i, f := range class.Fields {
		names[i] = localName(f.IRI)
	}
	message := fmt.Sprintf("%s has no property %s", article(labelOf(class)), compact(q.P))
	if near := Nearest(localName(q.P.Value), names); near != "" {
		message += "; did you mean " + compact(IRI(class.Fields[slices.Index(names, near)].IRI)) + "?"
	}
	r.note(q.Predicate, "unknown", "", strings.Join(names, ", "), message)
	r.reach(q.O)
}

// reach marks everything below a node as belonging to the resource, for parts
// that are not read.
func (r *graphReader) reach(node Term) {
	pending := []Term{node}
	for len(pending) > 0 {
		node := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if node.Kind == LiteralTerm || r.reached[node] {
			continue
		}
		if node.Kind == IRITerm && !strings.HasPrefix(node.Value, r.subject.Value+"#") {
			continue
		}
		r.reached[node] = true
		for _, q := range r.about[node] {
			pending = append(pending, q.O)
		}
	}
}

// use reaches a nested node, which must belong to one place only and not lie
// too deep.
func (r *graphReader) use(node Term, place Place) bool {
	if r.reached[node] {
		r.note(place, "shared", "", "a node of its own", r.show(node)+" belongs to another place already")
		return false
	}
	r.reached[node] = true
	if len(r.check.path) > depthMax {
		r.note(place, "depth", "", "", fmt.Sprintf("more than %d nodes inside each other", depthMax))
		return false
	}
	return true
}

// key is the name that a node has in a map, "" if it does not say.
func (r *graphReader) key(f *Field, class *Class, node Term) string {
	field := class.Field(f.Key)
	for _, q := range r.about[node] {
		if q.P.Value != field.IRI || q.O.Kind == BlankTerm {
			continue
		}
		path, below := strings.CutPrefix(q.O.Value, r.root)
		if field.Type != TypeRef || !below {
			return q.O.Value
		}
		kind, address, violation := r.model.AddressOf(Ref(path))
		if violation != nil || kind.Name != field.Target {
			return q.O.Value
		}
		return address.Ref.Short(r.address, kind.InCluster && kind.InProduct)
	}
	return ""
}

// show is a term as it may be written in a document about the resource.
func (r *graphReader) show(t Term) string {
	if rest, ok := strings.CutPrefix(t.Value, r.subject.Value); ok && t.Kind == IRITerm && (rest == "" || rest[0] == '#') {
		return "<" + shorten(rest) + ">"
	}
	return compact(t)
}

// compact is a term in few characters.
func compact(t Term) string {
	switch t.Kind {
	case IRITerm:
		for _, p := range [...][2]string{{"pc:", Ontology}, {"pm:", Meta}, {"rdf:", RDF}, {"rdfs:", RDFS}, {"xsd:", XSD}} {
			if rest, ok := strings.CutPrefix(t.Value, p[1]); ok && rest != "" {
				return p[0] + shorten(rest)
			}
		}
		return "<" + shorten(t.Value) + ">"
	case BlankTerm:
		return "a blank node"
	case LiteralTerm:
		return strconv.Quote(shorten(t.Value))
	}
	return "nothing"
}

func localName(iri string) string { return iri[strings.LastIndexAny(iri, "#/:")+1:] }

func labelOf(c *Class) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Name
}

// article puts "a" or "an" before a word.
func article(word string) string {
	if word != "" && strings.IndexByte("aeiouAEIOU", word[0]) >= 0 {
		return "an " + word
	}
	return "a " + word
}
