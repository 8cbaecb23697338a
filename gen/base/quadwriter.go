package base

import (
	"slices"
	"strconv"
)

// QuadWriter gathers the quads of resources. Generated code says what a
// resource has, in the order of its fields; the writer makes terms of it, all
// absolute below Root and all in one graph.
type QuadWriter struct {
	Root  string // of the cluster, without slash: "https://picloud.local"
	Graph Term   // that the quads lie in; the zero term is the default graph
	Quads []Quad

	resource Ref    // that was begun
	spare    []Quad // for Group
}

// Begin starts a resource: its type and the properties of its address. The
// cluster itself has no name; its kind stands in for the label.
func (w *QuadWriter) Begin(ref Ref, class, kind string) Term {
	s := IRI(ref.Absolute(w.Root))
	w.resource = ref
	w.Term(s, RDFType, class)
	name := ref.Name()
	if name == "" {
		w.Text(s, RDFSLabel, kind)
	} else {
		w.Text(s, RDFSLabel, name)
	}
	w.Term(s, Ontology+"kind", class)
	if name != "" {
		w.Text(s, Ontology+"name", name)
	}
	if product := ref.Product(); product != "" {
		w.Ref(s, Ontology+"product", product)
	}
	return s
}

// Text, Integer, Boolean, Double, Time, Ref and Term write one quad; Term
// takes the IRI of a class or of a member of an enumeration.
func (w *QuadWriter) Text(s Term, property, value string) { w.add(s, property, String(value)) }
func (w *QuadWriter) Integer(s Term, property string, value int64) {
	w.add(s, property, Integer(value))
}
func (w *QuadWriter) Boolean(s Term, property string, value bool) {
	w.add(s, property, Boolean(value))
}
func (w *QuadWriter) Double(s Term, property string, value float64) {
	w.add(s, property, Double(value))
}
func (w *QuadWriter) Time(s Term, property string, value Time) { w.add(s, property, DateTime(value)) }
func (w *QuadWriter) Ref(s Term, property string, value Ref) {
	w.add(s, property, IRI(value.Absolute(w.Root)))
}
func (w *QuadWriter) Term(s Term, property, iri string) { w.add(s, property, IRI(iri)) }

// Nest starts a nested object: the property that leads to it and its type. Its
// steps follow the last fragment of the object that holds it.
func (w *QuadWriter) Nest(s Term, property, class string, steps ...string) Term {
	nested := Fragment(s, steps...)
	w.Term(s, property, nested.Value)
	w.Term(nested, RDFType, class)
	return nested
}

// Key is the text that a reference has as the key of a map and in fragments;
// inBoth says that its kind lives in products and in the cluster.
func (w *QuadWriter) Key(ref Ref, inBoth bool) string { return ref.Short(w.resource, inBoth) }

// List writes an rdf:List whose cells are fragments #{field}/{i}, each with
// its place, so that no blank node is needed. An empty list is absent.
func (w *QuadWriter) List(s Term, property, field string, items []Term) {
	for i, item := range items {
		cell := Fragment(s, field, strconv.Itoa(i))
		if i == 0 {
			w.Term(s, property, cell.Value)
		}
		w.add(cell, RDFFirst, item)
		if i+1 < len(items) {
			w.add(cell, RDFRest, Fragment(s, field, strconv.Itoa(i+1)))
		} else {
			w.Term(cell, RDFRest, RDFNil)
		}
		w.Integer(cell, Meta+"index", int64(i))
	}
}

// Terms makes a term of each value of a list.
func Terms[T any](values []T, term func(T) Term) []Term {
	terms := make([]Term, len(values))
	for i, v := range values {
		terms[i] = term(v)
	}
	return terms
}

// Group brings the quads from one place on into the order of a document: all
// of a subject together, subjects in the order of their first quad.
func (w *QuadWriter) Group(from int) {
	quads := w.Quads[from:]
	if !slices.ContainsFunc(quads, func(q Quad) bool { return q.S.Value != quads[0].S.Value }) {
		return
	}
	rank := map[string]int{}
	var next []int // how many quads a subject has, then where its next one goes
	for _, q := range quads {
		i, seen := rank[q.S.Value]
		if !seen {
			i, next = len(rank), append(next, 0)
			rank[q.S.Value] = i
		}
		next[i]++
	}
	at := 0
	for i, n := range next {
		next[i], at = at, at+n
	}
	w.spare = append(w.spare[:0], quads...)
	for _, q := range w.spare {
		i := rank[q.S.Value]
		quads[next[i]] = q
		next[i]++
	}
}

func (w *QuadWriter) add(s Term, property string, o Term) {
	w.Quads = append(w.Quads, Quad{S: s, P: IRI(property), O: o, G: w.Graph})
}
