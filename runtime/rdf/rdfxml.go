package rdf

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// rdfxml reads RDF/XML 1.1; its methods are the productions of section 7.2.
type rdfxml struct {
	*xmlReader
	o      Options
	emit   func(Statement) error
	labels labeller
	ids    map[id]bool
	// expanded is the bytes of names that were made of shorter ones so far.
	expanded int64
}

// id is an rdf:ID with what it is resolved against, which many share: the IRIs
// of a long base and many short names would take far more memory than the text.
type id struct{ base, name string }

func parseRDFXML(r io.Reader, o Options, f func(Statement) error) error {
	text, err := readBounded(r, o.MaxBytes)
	if err != nil {
		return err
	}
	x := rdfxml{xmlReader: newXMLReader(text, o.MaxDepth), o: o, emit: f, labels: labeller{prefix: o.BlankPrefix}, ids: map[id]bool{}}
	return x.document()
}

// document reads rdf:RDF with node elements, or one node element alone.
func (x *rdfxml) document() error {
	baseIRI, _, _ := strings.Cut(x.o.Base, "#")
	top := scope{base: baseIRI, namespaces: map[string]string{"xml": xmlNS}}
	for roots := 0; ; {
		token, at, err := x.next()
		if errors.Is(err, io.EOF) {
			if roots == 0 {
				return lex.Errorf(at, "expected an element, found the end of the text")
			}
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			if text, ok := token.(xml.CharData); ok && !blank(text) {
				return lex.Errorf(at, "text stands outside the root element")
			}
			continue
		}
		if roots++; roots > 1 {
			return lex.Errorf(at, "expected one root element only")
		}
		e, err := top.enter(start, at)
		if err == nil && e.name == base.RDF+"RDF" {
			if len(e.attributes) > 0 {
				return lex.Errorf(at, "rdf:RDF has no attributes, found <%s>", e.attributes[0].name)
			}
			err = x.children(e.scope, func(child element) error { _, err := x.node(child); return err })
		} else if err == nil {
			_, err = x.node(e)
		}
		if err != nil {
			return err
		}
	}
}

func blank(text []byte) bool { return strings.TrimLeft(string(text), " \t\r\n") == "" }

// children reads elements to the end of the present one.
func (x *rdfxml) children(s scope, f func(element) error) error {
	for {
		token, at, err := x.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.EndElement:
			return nil
		case xml.CharData:
			if !blank(t) {
				return lex.Errorf(at, "text stands where elements are expected: %q", clip(strings.TrimSpace(string(t))))
			}
		case xml.StartElement:
			e, err := s.enter(t, at)
			if err != nil {
				return err
			}
			if err := f(e); err != nil {
				return err
			}
		}
	}
}

// Names of the syntax that are no names of nodes, properties or attributes.
const (
	syntaxNames = " RDF ID about parseType resource nodeID datatype aboutEach aboutEachPrefix bagID "
	nodeNames   = " li "
	propNames   = " Description "
)

// reserved reports whether a name is of the syntax, or among those given.
func reserved(name, more string) bool {
	local, ok := strings.CutPrefix(name, base.RDF)
	return ok && strings.Contains(syntaxNames+more, " "+local+" ")
}

// node reads a node element (production 7.2.11).
func (x *rdfxml) node(e element) (base.Term, error) {
	if reserved(e.name, nodeNames) {
		return base.Term{}, lex.Errorf(e.at, "%s cannot be a node", written(e.raw.Name))
	}
	var subject base.Term
	var properties []attribute
	for _, a := range e.attributes {
		switch a.name {
		case base.RDF + "ID", base.RDF + "about", base.RDF + "nodeID":
			if !subject.IsZero() {
				return subject, lex.Errorf(e.at, "a node has one of rdf:ID, rdf:about and rdf:nodeID")
			}
			var err error
			if subject, err = x.reference(e, a); err != nil {
				return subject, err
			}
		default:
			properties = append(properties, a)
		}
	}
	if subject.IsZero() {
		subject = x.labels.fresh()
	}
	if e.name != base.RDF+"Description" {
		if err := x.expand(e, e.name); err != nil {
			return subject, err
		}
		if err := x.state(e, subject, base.RDFType, base.IRI(e.name)); err != nil {
			return subject, err
		}
	}
	if err := x.propertyAttributes(e, subject, properties); err != nil {
		return subject, err
	}
	return subject, x.properties(e.scope, subject)
}

// reference is the term that one of the naming attributes gives.
func (x *rdfxml) reference(e element, a attribute) (base.Term, error) {
	ref := a.value
	switch a.name {
	case base.RDF + "nodeID":
		if !isNCName(ref) {
			return base.Term{}, lex.Errorf(e.at, "rdf:nodeID %q is not an XML name", clip(ref))
		}
		return x.labels.labelled(ref), nil
	case base.RDF + "ID":
		if !isNCName(ref) {
			return base.Term{}, lex.Errorf(e.at, "rdf:ID %q is not an XML name", clip(ref))
		}
		ref = "#" + ref
	}
	iri, err := x.resolve(e, ref)
	if err != nil {
		return base.Term{}, err
	}
	if a.name == base.RDF+"ID" {
		key := id{e.base, a.value}
		if x.ids[key] {
			return base.Term{}, lex.Errorf(e.at, "rdf:ID %q is taken", clip(a.value))
		}
		x.ids[key] = true
	}
	return base.IRI(iri), nil
}

func isNCName(s string) bool {
	for i, r := range s {
		if !(lex.IsNameBase(r) || r == '_' || i > 0 && (lex.IsNameChar(r) || r == '.')) {
			return false
		}
	}
	return s != ""
}

func (x *rdfxml) propertyAttributes(e element, subject base.Term, attributes []attribute) error {
	for _, a := range attributes {
		object := e.literal(a.value)
		switch {
		case reserved(a.name, nodeNames+propNames):
			return lex.Errorf(e.at, "the attribute <%s> cannot stand at %s", a.name, written(e.raw.Name))
		case a.name == base.RDFType:
			iri, err := x.resolve(e, a.value)
			if err != nil {
				return err
			}
			object = base.IRI(iri)
		}
		if err := x.state(e, subject, a.name, object); err != nil {
			return err
		}
	}
	return nil
}

func (s scope) literal(text string) base.Term {
	if s.lang != "" {
		return base.LangString(text, s.lang)
	}
	return base.String(text)
}

// properties reads property elements (production 7.2.14) to the end.
func (x *rdfxml) properties(s scope, subject base.Term) error {
	items := 0
	return x.children(s, func(e element) error {
		if e.name == base.RDF+"li" {
			items++
			e.name = base.RDF + "_" + strconv.Itoa(items)
		}
		if reserved(e.name, propNames) {
			return lex.Errorf(e.at, "%s cannot be a property", written(e.raw.Name))
		}
		return x.property(e, subject)
	})
}

// syntax is the attributes of a property element that are not properties.
type syntax struct {
	id, resource, nodeID, datatype, parseType *attribute
	properties                                []attribute
}

func (e element) syntax() (s syntax) {
	for i := range e.attributes {
		a := &e.attributes[i]
		switch a.name {
		case base.RDF + "ID":
			s.id = a
		case base.RDF + "resource":
			s.resource = a
		case base.RDF + "nodeID":
			s.nodeID = a
		case base.RDF + "datatype":
			s.datatype = a
		case base.RDF + "parseType":
			s.parseType = a
		default:
			s.properties = append(s.properties, *a)
		}
	}
	return s
}

func (x *rdfxml) property(e element, subject base.Term) error {
	s := e.syntax()
	object, err := x.value(e, s)
	if err != nil {
		return err
	}
	if err := x.state(e, subject, e.name, object); err != nil || s.id == nil {
		return err
	}
	statement, err := x.reference(e, *s.id)
	if err != nil {
		return err
	}
	for _, t := range []struct {
		property string
		object   base.Term
	}{{base.RDFType, base.IRI(base.RDF + "Statement")}, {base.RDF + "subject", subject}, {base.RDF + "predicate", base.IRI(e.name)}, {base.RDF + "object", object}} {
		if err := x.state(e, statement, t.property, t.object); err != nil {
			return err
		}
	}
	return nil
}

// value reads the object of a property element, to its end.
func (x *rdfxml) value(e element, s syntax) (base.Term, error) {
	named := s.resource != nil || s.nodeID != nil || len(s.properties) > 0
	switch {
	case s.parseType != nil && (named || s.datatype != nil):
		return base.Term{}, lex.Errorf(e.at, "rdf:parseType stands alone or with rdf:ID")
	case s.parseType != nil && s.parseType.value == "Resource":
		node := x.labels.fresh()
		return node, x.properties(e.scope, node)
	case s.parseType != nil && s.parseType.value == "Collection":
		return x.collection(e)
	case s.parseType != nil:
		text, err := x.xmlLiteral(e.scope)
		if err == nil {
			err = x.expand(e, text)
		}
		return base.Typed(text, base.RDF+"XMLLiteral"), err
	case s.resource != nil && s.nodeID != nil || named && s.datatype != nil:
		return base.Term{}, lex.Errorf(e.at, "a property has one of rdf:resource, rdf:nodeID and rdf:datatype")
	case named:
		return x.emptyProperty(e, s)
	}
	return x.content(e, s)
}

// emptyProperty reads production 7.2.21.
func (x *rdfxml) emptyProperty(e element, s syntax) (object base.Term, err error) {
	switch {
	case s.resource != nil:
		object, err = x.reference(e, *s.resource)
	case s.nodeID != nil:
		object, err = x.reference(e, *s.nodeID)
	default:
		object = x.labels.fresh()
	}
	if err != nil {
		return object, err
	}
	if err := x.propertyAttributes(e, object, s.properties); err != nil {
		return object, err
	}
	token, at, err := x.next()
	if _, ok := token.(xml.EndElement); err == nil && !ok {
		err = lex.Errorf(at, "%s must be empty: its attributes already give its value", written(e.raw.Name))
	}
	return object, err
}

// content reads text, or one node (productions 7.2.15 and 7.2.16).
func (x *rdfxml) content(e element, s syntax) (object base.Term, err error) {
	var text []byte
	for {
		token, at, err := x.next()
		if err != nil {
			return object, err
		}
		switch t := token.(type) {
		case xml.CharData:
			if text = append(text, t...); !object.IsZero() && !blank(t) {
				return object, lex.Errorf(at, "text stands beside a node")
			}
		case xml.StartElement:
			if !object.IsZero() || s.datatype != nil || !blank(text) {
				return object, lex.Errorf(at, "expected </%s>: a property has one value, a node or a text", written(e.raw.Name))
			}
			child, err := e.enter(t, at)
			if err != nil {
				return object, err
			}
			if object, err = x.node(child); err != nil {
				return object, err
			}
		case xml.EndElement:
			switch {
			case !object.IsZero():
				return object, nil
			case s.datatype == nil:
				return e.literal(string(text)), nil
			}
			datatype, err := x.resolve(e, s.datatype.value)
			if err != nil {
				return object, err
			}
			return base.Typed(string(text), datatype), nil
		}
	}
}

// collection reads production 7.2.19.
func (x *rdfxml) collection(e element) (base.Term, error) {
	head, last := base.IRI(base.RDFNil), base.Term{}
	err := x.children(e.scope, func(child element) error {
		node, err := x.node(child)
		if err != nil {
			return err
		}
		cell := x.labels.fresh()
		if last.IsZero() {
			head = cell
		} else if err := x.state(child, last, base.RDFRest, cell); err != nil {
			return err
		}
		last = cell
		return x.state(child, cell, base.RDFFirst, node)
	})
	if err == nil && !last.IsZero() {
		err = x.state(e, last, base.RDFRest, base.IRI(base.RDFNil))
	}
	return head, err
}

// state checks a statement and hands it over; its place is the element's.
func (x *rdfxml) state(e element, s base.Term, p string, o base.Term) error {
	if err := x.expand(e, p); err != nil {
		return err
	}
	q := base.Quad{S: s, P: base.IRI(p), O: o}
	if err := x.o.check(q); err != nil {
		return lex.Errorf(e.at, "%s", fmt.Sprint(err))
	}
	return x.emit(Statement{Quad: q, Subject: e.at, Predicate: e.at, Object: e.at})
}

// resolve is the IRI of a reference at an element.
func (x *rdfxml) resolve(e element, ref string) (string, error) {
	iri, err := ResolveIRI(e.base, ref)
	if err != nil {
		return "", lex.Errorf(e.at, "%v", err)
	}
	return iri, x.expand(e, iri)
}

// expand counts what was made of a name of the text, and refuses a text of which
// out of proportion more is made.
func (x *rdfxml) expand(e element, made string) error {
	x.expanded += int64(len(made))
	if x.expanded > maxExpansion*x.d.InputOffset()+1<<20 {
		return lex.Errorf(e.at, "the IRIs of this text are more than %d times longer than the text; refused", maxExpansion)
	}
	return nil
}
