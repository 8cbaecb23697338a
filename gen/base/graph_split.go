package base

import (
	"fmt"
	"strings"
)

// Described is one resource of a deployment that was written in RDF.
type Described struct {
	Class   *Class
	Address Address
	Subject Term
	Place   Place // where it is first mentioned
	Quads   []Placed
}

// SplitGraph sorts the quads of a whole deployment by the resource that they
// are about: a quad belongs to the resource that its subject, or the fragment
// or blank node that its subject is, lies below. ReadGraph reads each part.
// Subjects that are no address of this cluster, and blank nodes that nothing
// refers to, are violations.
func SplitGraph(model *Model, root string, quads []Placed) ([]Described, []Violation) {
	s := &splitter{model: model, root: root, resources: map[Term]int{}, owners: map[Term]int{}}
	for i := range quads {
		s.resource(&quads[i])
	}
	s.blanks(quads)
	for _, q := range quads {
		if i, ok := s.owner(q.S); ok && i >= 0 {
			s.described[i].Quads = append(s.described[i].Quads, q)
		}
	}
	return s.described, s.violations
}

type splitter struct {
	model      *Model
	root       string
	described  []Described
	resources  map[Term]int // subjects without fragment; -1 = refused
	owners     map[Term]int // of blank nodes
	violations []Violation
}

func document(t Term) Term {
	iri, _, _ := strings.Cut(t.Value, "#")
	return IRI(iri)
}

func (s *splitter) owner(subject Term) (int, bool) {
	if subject.Kind == BlankTerm {
		i, ok := s.owners[subject]
		return i, ok
	}
	i, ok := s.resources[document(subject)]
	return i, ok
}

// resource notes the resource that a quad is about, if it is a new one.
func (s *splitter) resource(q *Placed) {
	if q.S.Kind != IRITerm {
		return
	}
	subject := document(q.S)
	if _, ok := s.resources[subject]; ok {
		return
	}
	s.resources[subject] = -1
	path, ok := strings.CutPrefix(subject.Value, s.root)
	if !ok || !strings.HasPrefix(path, "/") {
		s.refuse(q.Subject, Violation{ID: "subject", Expected: s.root + "/…",
			Message: fmt.Sprintf("%s is not below this cluster's address %s/", compact(subject), s.root)})
		return
	}
	class, address, violation := s.model.AddressOf(Ref(path))
	if violation != nil {
		s.refuse(q.Subject, *violation)
		return
	}
	s.resources[subject] = len(s.described)
	s.described = append(s.described, Described{Class: class, Address: address, Subject: subject, Place: q.Subject})
}

// blanks finds the resource that each blank node lies below.
func (s *splitter) blanks(quads []Placed) {
	below := map[Term][]Term{} // blank nodes by what refers to them
	var pending []Term
	for _, q := range quads {
		if q.O.Kind != BlankTerm {
			continue
		}
		below[q.S] = append(below[q.S], q.O)
		if q.S.Kind == IRITerm {
			pending = append(pending, q.S)
		}
	}
	for len(pending) > 0 {
		node := pending[0]
		pending = pending[1:]
		owner, _ := s.owner(node)
		for _, blank := range below[node] {
			if _, ok := s.owners[blank]; !ok {
				s.owners[blank] = owner
				pending = append(pending, blank)
			}
		}
		delete(below, node)
	}
	for _, q := range quads {
		if _, ok := s.owners[q.S]; q.S.Kind == BlankTerm && !ok {
			s.owners[q.S] = -1
			s.refuse(q.Subject, Violation{ID: "subject", Expected: s.root + "/…", Message: "nothing refers to this blank node; a resource needs an address below " + s.root})
		}
	}
}

func (s *splitter) refuse(place Place, v Violation) {
	if len(s.violations) < violationsMax {
		v.Line, v.Column = place.Line, place.Column
		s.violations = append(s.violations, v)
	}
}
